# SPDX-License-Identifier: LGPL-2.1-only
# Every processor of the machine runs the same loop at once, each in a mebibyte of its own, in 64-bit mode: 5,000,000 iterations of 11 or 12
# instructions. The first one then writes the debug-exit port.
.set DONE, 0x680                    # how many processors have ended
.set START_PAGE, 0x8000             # where the others begin, in real mode
.set ROOT, 0x8fe8                   # CR3
.set GDT_POINTER, 0x8ff0            # as SGDT stores it
.set APIC, 0xfee00000

start:
    lea rsi, [rip + real]
    mov edi, START_PAGE
    mov ecx, 0x48
    rep movsb
    sgdt [GDT_POINTER]
    mov rax, cr3
    mov [ROOT], eax
    mov esi, APIC
    mov dword ptr [rsi + 0xf0], 0x1ff
    mov dword ptr [rsi + 0x300], 0xc4500    # INIT to all others
    mov dword ptr [rsi + 0x300], 0xc4608    # they start at START_PAGE
    call work
    mov eax, 0xb                    # the number of processors
    mov ecx, 1
    cpuid
wait:
    pause
    cmp [DONE], ebx
    jne wait
    xor eax, eax
    mov edx, 0xf4
    out dx, eax
stop:
    cli
    hlt
    jmp stop

other:
    mov eax, 0xb
    mov ecx, 1
    cpuid
    mov esp, edx                    # a stack of its own
    shl esp, 12
    add esp, 0x600000
    call work
    jmp stop

work:
    mov eax, 0xb                    # EDX is the processor's number
    mov ecx, 1
    cpuid
    mov esi, edx
    shl esi, 20
    add esi, 0x1000000
    xor r8d, r8d
    mov ecx, 5000000
loop:
    lea eax, [rcx * 8]
    and eax, 0xffff8
    mov rbx, [rsi + rax]
    imul rbx, rbx, 3
    add rbx, rcx
    mov [rsi + rax], rbx
    test bl, 1
    jz even
    inc r8
even:
    dec ecx
    jnz loop
    lock inc dword ptr [DONE]
    ret

# From real mode to 64-bit mode with the first processor's page tables, as bytes, since the rest is 64-bit code.
real:
    .byte 0xfa, 0x31, 0xc0, 0x8e, 0xd8                      # cli; xor ax, ax; mov ds, ax
    .byte 0x66, 0x0f, 0x01, 0x16, 0xf0, 0x8f                # lgdt [GDT_POINTER]
    .byte 0x66, 0xb8, 0x20, 0x00, 0x00, 0x00, 0x0f, 0x22, 0xe0    # CR4.PAE
    .byte 0x66, 0xa1, 0xe8, 0x8f, 0x0f, 0x22, 0xd8          # CR3 from ROOT
    .byte 0x66, 0xb9, 0x80, 0x00, 0x00, 0xc0, 0x0f, 0x32    # IA32_EFER
    .byte 0x66, 0x0d, 0x00, 0x01, 0x00, 0x00, 0x0f, 0x30    # LME
    .byte 0x0f, 0x20, 0xc0, 0x66, 0x0d, 0x01, 0x00, 0x00, 0x80, 0x0f, 0x22, 0xc0    # CR0.PE and PG
    .byte 0x66, 0xea                                        # jmp 10h:other
    .long other
    .byte 0x10, 0x00
