# SPDX-License-Identifier: LGPL-2.1-only
# A loop of six register instructions: 6 * iterations + 6 instructions up to and including OUT.
start:
    mov ecx, 40000000
    xor eax, eax
    xor ebx, ebx
loop:
    add rax, rcx
    xor rbx, rax
    lea rdx, [rax + rbx * 2]
    sub rbx, rdx
    dec ecx
    jnz loop
.include "../include/debug_exit.s"
