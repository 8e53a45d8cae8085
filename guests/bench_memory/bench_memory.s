# SPDX-License-Identifier: LGPL-2.1-only
# A loop that loads, changes and stores in one mebibyte: 7 * iterations + 5 instructions up to and including OUT.
start:
    mov esi, 0x400000
    mov ecx, 30000000
loop:
    mov eax, ecx
    and eax, 0xffff8
    mov rbx, [rsi + rax]
    add rbx, rcx
    mov [rsi + rax], rbx
    dec ecx
    jnz loop
.include "../include/debug_exit.s"
