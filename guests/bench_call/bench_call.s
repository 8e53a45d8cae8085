# SPDX-License-Identifier: LGPL-2.1-only
# A loop of calls with a push and a pop in the callee: 9.5 * iterations + 6 instructions up to and including OUT.
start:
    mov ecx, 20000000
    xor eax, eax
    mov esp, 0x300000
loop:
    call callee
    test cl, 1
    jz even
    inc rax
even:
    dec ecx
    jnz loop
.include "../include/debug_exit.s"
callee:
    push rbx
    mov rbx, rax
    pop rbx
    ret
