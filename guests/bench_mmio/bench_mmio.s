# SPDX-License-Identifier: LGPL-2.1-only
# A million reads of a register of the local APIC: 3 * iterations + 5 instructions up to and including OUT.
start:
    mov edi, 0xfee00020
    mov esi, 1000000
loop:
    mov eax, [rdi]
    dec esi
    jnz loop
.include "../include/debug_exit.s"
