# SPDX-License-Identifier: LGPL-2.1-only
# A million CPUIDs: 5 * iterations + 4 instructions up to and including OUT.
start:
    mov esi, 1000000
loop:
    xor eax, eax
    xor ecx, ecx
    cpuid
    dec esi
    jnz loop
.include "../include/debug_exit.s"
