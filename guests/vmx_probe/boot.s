# SPDX-License-Identifier: LGPL-2.1-only
#
# A boot sector that reads the image after it from the disk, and enters it as our machine enters a flat image: at 2 MiB, in 64-bit mode, with the
# first 4 GiB mapped to themselves. vmx_probe.mjs sets SECTORS.
.code16
boot:
    cli
    cld
    xor ax, ax
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov sp, 0x7c00
    mov bp, SECTORS
    mov byte ptr [0x7df0], dl       # the drive
read_next:
    mov dl, byte ptr [0x7df0]
    mov ah, 0x42
    lea si, [packet]
    int 0x13
    jc read_failed
    add word ptr [packet_segment], 0x400
    add word ptr [packet_block], 32
    sub bp, 32
    ja read_next
    in al, 0x92
    or al, 2
    out 0x92, al
    lgdt [gdt_pointer]
    mov eax, cr0
    or al, 1
    mov cr0, eax
    .byte 0xea                      # JMP 08:protected
    .short protected
    .short 8
read_failed:
    hlt
    jmp read_failed

.code32
protected:
    mov eax, 0x10
    mov ds, eax
    mov es, eax
    mov ss, eax
    mov esi, 0x10000
    mov edi, 0x200000
    mov ecx, SECTORS * 128
    .byte 0xf3, 0xa5                # REP MOVSD
    # PML4 at 1000H, PDPT at 2000H, four page directories from 3000H on.
    mov edi, 0x1000
    mov ecx, 0x6000 / 4
    xor eax, eax
    .byte 0xf3, 0xab                # REP STOSD
    mov dword ptr [0x1000], 0x2003
    mov eax, 0x3003
    mov edi, 0x2000
pdpt_next:
    mov [edi], eax
    add eax, 0x1000
    add edi, 8
    cmp eax, 0x7003
    jne pdpt_next
    mov eax, 0x83
    mov edi, 0x3000
pd_next:
    mov [edi], eax
    add eax, 0x200000
    add edi, 8
    cmp edi, 0x7000
    jne pd_next
    mov eax, 0x20
    mov cr4, eax
    mov eax, 0x1000
    mov cr3, eax
    mov ecx, 0xc0000080
    rdmsr
    or eax, 0x100
    wrmsr
    mov eax, cr0
    or eax, 0x80000000
    mov cr0, eax
    .byte 0xea                      # JMP 18:long
    .long long
    .short 0x18

.code64
long:
    mov esp, 0x200000
    mov r15d, 0x424f4f54            # says that a boot sector was here
    mov eax, 0x200000
    jmp rax

packet:
    .byte 16, 0
    .short 32
    .short 0
packet_segment:
    .short 0x1000
packet_block:
    .quad 1

gdt:
    .quad 0
    .quad 0x00cf9a000000ffff
    .quad 0x00cf92000000ffff
    .quad 0x00af9a000000ffff
gdt_pointer:
    .short 31
    .long gdt
