# SPDX-License-Identifier: LGPL-2.1-only
#
# Sends bytes to the mailbox of extensions/hypervisor_example_fuzzing, and goes another way for each answer, as the driver of a device does. INPUT has the
# number of bytes (32 bits), then the bytes.
.set INPUT, 0x300000
.set DATA_PORT, 0x5f0
.set STATUS_PORT, 0x5f1

start:
    mov esi, INPUT
    mov ebx, [rsi]
    add rsi, 4
next:
    test ebx, ebx
    jz done
    dec ebx
    mov edx, DATA_PORT
    mov al, [rsi]
    inc rsi
    out dx, al
    mov edx, STATUS_PORT
    in al, dx
    cmp al, 1
    je next
    cmp al, 2
    je in_header
    cmp al, 3
    je wants_place
    cmp al, 4
    je wants_length
    cmp al, 5
    je in_data
    cmp al, 6
    je sent
refused:
    jmp done
in_header:
    jmp next
wants_place:
    jmp next
wants_length:
    jmp next
in_data:
    jmp next
sent:
    jmp next
done:
.include "../include/debug_exit.s"
