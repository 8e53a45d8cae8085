# SPDX-License-Identifier: LGPL-2.1-only
# Calls a function of one RET at 400000H 20,000 times: 4 * iterations + 6 instructions up to and including OUT. The function has its page for itself.
start:
    mov ebx, 0x400000
    mov byte ptr [rbx], 0xc3
    mov esi, 20000
loop:
    call rbx
    dec esi
    jnz loop
.include "../include/debug_exit.s"
