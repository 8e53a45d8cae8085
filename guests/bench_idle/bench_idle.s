# SPDX-License-Identifier: LGPL-2.1-only
# Waits in HLT for 20,000 interrupts of the local APIC's timer, which comes every 100,000 ticks of the bus: 8 * iterations + 22 instructions up to
# and including OUT, the delivery of an interrupt counting as one.
start:
    lea rax, [rip + timer]
    mov edi, 0x280400
    mov [rdi], ax
    mov [rdi + 2], cs
    mov word ptr [rdi + 4], 0x8e00
    shr rax, 16
    mov [rdi + 6], ax
    shr rax, 16
    mov [rdi + 8], rax
    mov edi, 0x27fff0
    mov word ptr [rdi], 0xfff
    mov qword ptr [rdi + 2], 0x280000
    lidt [rdi]
    mov edi, 0xfee00000
    mov dword ptr [rdi + 0xf0], 0x1ff
    mov dword ptr [rdi + 0x3e0], 0xb
    mov dword ptr [rdi + 0x320], 0x20040
    mov dword ptr [rdi + 0x380], 100000
    mov esi, 20000
loop:
    sti
    hlt
    cli
    dec esi
    jnz loop
.include "../include/debug_exit.s"
timer:
    mov dword ptr [rdi + 0xb0], 0
    iretq
