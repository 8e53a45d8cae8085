# SPDX-License-Identifier: LGPL-2.1-only
# Fibonacci's number of 32 by its definition: 7 049 155 calls.
start:
    mov esp, 0x300000
    mov edi, 32
    call fibonacci
.include "../include/debug_exit.s"
fibonacci:
    cmp edi, 2
    jb small
    push rdi
    dec edi
    call fibonacci
    pop rdi
    push rax
    sub edi, 2
    call fibonacci
    pop rcx
    add rax, rcx
    ret
small:
    mov eax, edi
    ret
