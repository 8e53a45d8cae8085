# SPDX-License-Identifier: LGPL-2.1-only
# A function in a page that a hypervisor hooks. The first processor reads the page, as a check of its integrity does. All others call the function. It counts
# its calls at CALLED. Another function, to which a hook may lead, counts at HOOKED. The machine ends by the debug-exit port once all are done.
#
# The others stay in real mode, so their code is bytes: the rest is 64-bit code.
.set CALLED, 0x600
.set HOOKED, 0x610
.set DONE, 0x680                    # how many of the others are done
.set START_PAGE, 0x8000             # where the others begin
.set FUNCTION, 0x9000
.set HOOK, 0xa000
.set READS, 2
.set APIC, 0xfee00000

start:
    lea rsi, [rip + others]
    mov edi, START_PAGE
    mov ecx, 0x18
    rep movsb
    mov rax, [rip + hook]
    mov [HOOK], rax
    mov rax, [rip + function]
    mov [FUNCTION], rax
    mov esi, APIC
    mov dword ptr [rsi + 0xf0], 0x1ff
    mov dword ptr [rsi + 0x300], 0xc4500    # INIT to all others
    mov dword ptr [rsi + 0x300], 0xc4608    # they start at START_PAGE
    mov edi, READS
read:
    mov al, [FUNCTION]
    dec edi
    jnz read
    mov eax, 0xb                    # EBX: the number of processors
    mov ecx, 1
    cpuid
    dec ebx
wait:
    pause
    cmp [DONE], bl
    jne wait
.include "../include/debug_exit.s"

others:
    .byte 0xea, 0x05, 0x80, 0x00, 0x00      # jmp 0:8005h
    .byte 0xbc, 0x00, 0x70                  # mov sp, 7000h: they share it, since all return addresses are the same
    .byte 0xb9, 0x02, 0x00                  # mov cx, 2
    .byte 0xe8, 0xf2, 0x0f                  # call FUNCTION
    .byte 0xe2, 0xfb                        # loop to the call
    .byte 0xf0, 0xfe, 0x06, 0x80, 0x06      # lock inc byte ptr [DONE]
    .byte 0xfa, 0xf4                        # cli; hlt
function:
    .byte 0xf0, 0xfe, 0x06, 0x00, 0x06      # lock inc byte ptr [CALLED]
    .byte 0xc3, 0x90, 0x90                  # ret
hook:
    .byte 0xf0, 0xfe, 0x06, 0x10, 0x06      # lock inc byte ptr [HOOKED]
    .byte 0xc3, 0x90, 0x90                  # ret
