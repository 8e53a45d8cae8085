# SPDX-License-Identifier: LGPL-2.1-only
#
# Output on COM1, character by character. The routines change RAX, RBX, RCX, RDX and RSI.
.set COM1, 0x3f8
.set LINE_STATUS, 0x3fd
.set TRANSMITTER_EMPTY, 0x20

# Prints the NUL-terminated text at RSI.
print:
    lodsb
    test al, al
    jz print_done
    call put
    jmp print
print_done:
    ret

# Sends AL.
put:
    mov ah, al
    mov edx, LINE_STATUS
put_wait:
    in al, dx
    test al, TRANSMITTER_EMPTY
    jz put_wait
    mov al, ah
    mov edx, COM1
    out dx, al
    ret

# Prints RAX in decimal.
print_decimal:
    sub rsp, 32
    lea rsi, [rsp + 31]
    mov byte ptr [rsi], 0
    mov ecx, 10
next_digit:
    xor edx, edx
    div rcx
    add dl, 0x30
    dec rsi
    mov [rsi], dl
    test rax, rax
    jnz next_digit
    call print
    add rsp, 32
    ret

# Prints RAX as 16 hexadecimal digits.
print_hexadecimal:
    mov rbx, rax
    mov ecx, 16
next_nibble:
    rol rbx, 4
    mov eax, ebx
    and eax, 15
    lea rsi, [rip + digits]
    mov al, [rsi + rax]
    call put
    dec ecx
    jnz next_nibble
    ret
digits:
    .ascii "0123456789abcdef"
