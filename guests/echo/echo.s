# SPDX-License-Identifier: LGPL-2.1-only
#
# A guest that sleeps. A timer wakes it a hundred times a second; then it echoes all that was typed at its console. Ctrl-D switches the power off. It is
# the default guest of `bfm driver_load`.
#
# A flat image: entered at its first byte in 64-bit mode, RDI = command line, RSP = stack. See src/machine/boot/flat_image.ts.
.set DATA_READY, 1
.set END_OF_TRANSMISSION, 4
.set INTERRUPT_TABLE, 0x404000
.set TIMER_VECTOR, 0x20

start:
    cld
    lea rsi, [rip + text_hello]
    call print
    call make_gate
    call start_timer
sleep:
    sti
    hlt
    cli
next_byte:
    mov edx, LINE_STATUS
    in al, dx
    test al, DATA_READY
    jz sleep
    mov edx, COM1
    in al, dx
    cmp al, END_OF_TRANSMISSION
    je power_off
    call put
    jmp next_byte
.include "../include/power.s"

on_timer:
    push rax
    mov al, 0x20
    out 0x20, al
    pop rax
    iretq

# The gate of the timer, in the code segment that is loaded.
make_gate:
    lea rax, [rip + on_timer]
    mov edi, INTERRUPT_TABLE + TIMER_VECTOR * 16
    mov [rdi], ax
    mov [rdi + 2], cs
    mov word ptr [rdi + 4], 0x8e00
    shr eax, 16
    mov [rdi + 6], ax
    lidt [rip + interrupts_pointer]
    ret

# 100 ticks a second by the timer, and no other interrupt.
start_timer:
    mov al, 0x11
    out 0x20, al
    out 0xa0, al
    mov al, TIMER_VECTOR
    out 0x21, al
    mov al, TIMER_VECTOR + 8
    out 0xa1, al
    mov al, 4
    out 0x21, al
    mov al, 2
    out 0xa1, al
    mov al, 1
    out 0x21, al
    out 0xa1, al
    mov al, 0xfe
    out 0x21, al
    mov al, 0xff
    out 0xa1, al
    mov al, 0x34
    out 0x43, al
    mov al, 0x9c
    out 0x40, al
    mov al, 0x2e
    out 0x40, al
    ret

.include "../include/console.s"

interrupts_pointer:
    .word 0xfff
    .quad INTERRUPT_TABLE
text_hello:
    .asciz "this guest echoes what you type; Ctrl-D switches it off\n"
