# SPDX-License-Identifier: LGPL-2.1-only
#
# A hypervisor that runs a list of cases and prints the result of each. The bytes are the same on any machine, so two transcripts can be compared.
#
# A flat image: entered at its first byte in 64-bit mode (src/machine/boot/flat_image.ts; boot.s does the same from a disk). Of the
# state at entry it relies only on the first 4 GiB being mapped to themselves.
#
# Each case is a small program of the operations at `operations`. vmx_probe.mjs makes it from the case list. Output goes to COM1, but on Bochs to
# port E9H, which takes no time. The machine is Bochs if the boot sector entered us and port E9H answers with its number.

.set STACK, 0x500000
.set GUEST_STACK, 0x510000

# Structures of the processor, one page each unless noted; see memory_map.mjs.
.set PML4, 0x400000
.set PDPT, 0x401000
.set PD, 0x402000
.set VMXON_REGION, 0x410000
.set VMCS, 0x411000
.set OTHER_VMCS, 0x412000
.set SCRATCH, 0x413000
.set SCRATCH_END, 0x430000
.set EPT_PML4, 0x419000
.set EPT_PDPT, 0x41a000
.set EPT_PD, 0x41b000
.set EPT_PT, 0x41f000
.set PAGE_DIRECTORY_32, 0x420000
.set PAE_PDPT, 0x421000
.set PAE_PD, 0x422000
.set EPT_TEST_AREA, 0x600000
.set LOW_CODE, 0x8000

    jmp start

# vmx_probe.mjs finds the addresses of labels here (image offset 8) and stores those of its lists, which it appends to this program.
.balign 8
    .quad tss, gdt, idt, guest_idt, guest_idt_32, vm_exit
stubs_address: .quad guest_stubs
base_fields: .quad 0
control_fields: .quad 0
guest_fields: .quad 0
exit_fields: .quad 0
capabilities: .quad 0
cases: .quad 0
code: .quad 0

start:
    cli
    cld
    mov esp, STACK
    call load_tables
    call build_page_tables
    call find_output
    mov al, 0xff                    # no interrupts but those that cases send
    out 0x21, al
    out 0xa1, al
    lea rsi, [rip + text_hello]
    call print
    mov rax, [rip + stubs_address]  # so that a reader can name the places where guests stop
    call print_long
    mov al, 0x20
    call put
    mov rax, [rip + code]
    call print_long
    call new_line
    call print_capabilities
    call enter_vmx
    mov r15, [rip + cases]
    xor ebp, ebp                    # number of the case
next_case:
    cmp byte ptr [r15], 0
    je all_done
    inc ebp
    lea rsi, [rip + text_case]
    call print
    mov eax, ebp
    call print_decimal
    mov al, 0x20
    call put
    mov rsi, r15
    call print
    mov r15, rsi                    # the program follows the name
    call new_line
    call set_up_case
next_operation:
    movzx eax, byte ptr [r15]
    inc r15
    lea rbx, [rip + operations]
    jmp qword ptr [rbx + rax * 8]

all_done:
    lea rsi, [rip + text_end]
    call print
    mov edx, 0x604                  # our machine's power button
    mov eax, 0x2000
    out dx, ax
    lea rsi, [rip + text_shutdown]  # Bochs's
    mov edx, 0x8900
spell:
    lodsb
    test al, al
    jz halted
    out dx, al
    jmp spell
halted:
    hlt
    jmp halted

# --- Operations of a case -----------------------------------------------------------------------------------------------------------------

.balign 8
operations:
    .quad operation_end
    .quad operation_write
    .quad operation_or
    .quad operation_and_not
    .quad operation_beyond
    .quad operation_poke
    .quad operation_need_high
    .quad operation_enter
    .quad operation_host
    .quad operation_copy
    .quad operation_need_low
    .quad operation_peek
    .quad operation_need_cpuid
    .quad operation_poke_64
    .quad operation_not_bochs
    .quad operation_registers

operation_end:
    jmp next_case

# field (16 bits), value (64 bits)
operation_write:
    call field_and_value
write_field:
    vmwrite rax, rbx
    jbe refused
    jmp next_operation
refused:
    mov edi, eax
    lea rsi, [rip + text_refused]
    call print
    mov eax, edi
    call print_word
    call new_line
    jmp next_operation

operation_or:
    call field_and_value
    vmread rcx, rax
    or rbx, rcx
    jmp write_field

operation_and_not:
    call field_and_value
    vmread rcx, rax
    not rbx
    and rbx, rcx
    jmp write_field

# field: its lowest bit beyond the physical-address width becomes 1
operation_beyond:
    movzx eax, word ptr [r15]
    add r15, 2
    mov cl, [rip + physical_width]
    mov ebx, 1
    shl rbx, cl
    vmread rcx, rax
    or rbx, rcx
    jmp write_field

# address (32 bits), value (32 bits)
operation_poke:
    mov ebx, [r15]
    mov eax, [r15 + 4]
    mov [rbx], eax
    add r15, 8
    jmp next_operation

# address (32 bits), value (64 bits)
operation_poke_64:
    mov ebx, [r15]
    mov rax, [r15 + 4]
    mov [rbx], rax
    add r15, 12
    jmp next_operation

# MSR (32 bits), mask (32 bits): the case ends here unless all these bits of the MSR's high half are 1
operation_need_high:
    mov ecx, [r15]
    rdmsr
    jmp need
operation_need_low:
    mov ecx, [r15]
    rdmsr
    mov edx, eax
need:
    and edx, [r15 + 4]
    cmp edx, [r15 + 4]
    lea r15, [r15 + 8]
    je next_operation
not_supported:
    lea rsi, [rip + text_not_supported]
    call print
    # The address of the next case follows the list of what a case needs.
    mov r15, [rip + case_end]
    jmp next_case

# leaf (32 bits), register (8 bits: 0 EAX, 1 EBX, 2 ECX, 3 EDX), mask (32 bits)
operation_need_cpuid:
    mov eax, [r15]
    xor ecx, ecx
    cpuid
    mov [rip + cpuid_registers], eax
    mov [rip + cpuid_registers + 4], ebx
    mov [rip + cpuid_registers + 8], ecx
    mov [rip + cpuid_registers + 12], edx
    movzx eax, byte ptr [r15 + 4]
    lea rbx, [rip + cpuid_registers]
    mov edx, [rbx + rax * 4]
    and edx, [r15 + 5]
    cmp edx, [r15 + 5]
    lea r15, [r15 + 9]
    je next_operation
    jmp not_supported

# Prints what the guest held in RAX, RCX and RDX at the last VM exit.
operation_registers:
    lea rsi, [rip + text_registers]
    call print
    mov rax, [rip + guest_rax]
    call print_quad
    mov al, 0x20
    call put
    mov rax, [rip + guest_rcx]
    call print_quad
    mov al, 0x20
    call put
    mov rax, [rip + guest_rdx]
    call print_quad
    call new_line
    jmp next_operation

# The case ends here on Bochs, which would end itself.
operation_not_bochs:
    cmp byte ptr [rip + is_bochs], 0
    je next_operation
    lea rsi, [rip + text_not_bochs]
    call print
    mov r15, [rip + case_end]
    jmp next_case

# address of code (64 bits), its length (32 bits), destination (32 bits)
operation_copy:
    mov rsi, [r15]
    mov ecx, [r15 + 8]
    mov edi, [r15 + 12]
    rep movsb
    add r15, 16
    jmp next_operation

# address (32 bits): prints 64 bits of memory
operation_peek:
    lea rsi, [rip + text_peek]
    call print
    mov ebx, [r15]
    add r15, 4
    mov eax, ebx
    call print_long
    mov al, 0x3d
    call put
    mov rax, [rbx]
    call print_quad
    call new_line
    jmp next_operation

# address of code (64 bits): the host calls it and prints CF, ZF, the error number behind ZF, and RAX
operation_host:
    mov r11, [r15]
    add r15, 8
    mov byte ptr [rip + in_host_code], 1
    mov [rip + saved_r15], r15
    mov [rip + saved_rbp], rbp
    mov [rip + saved_rsp], rsp
    xor eax, eax
    push 2                          # known flags
    popfq
    call r11
    pushfq
    pop rbx
    mov rsp, [rip + saved_rsp]
    mov rbp, [rip + saved_rbp]
    mov r15, [rip + saved_r15]
    mov byte ptr [rip + in_host_code], 0
    mov r14, rax
    lea rsi, [rip + text_host]
    call print
    mov eax, ebx
    and eax, 0x41                   # ZF and CF
    call print_byte
    test bl, 0x40
    jz host_value
    lea rsi, [rip + text_error]
    call print
    mov eax, 0x4400
    vmread rax, rax
    call print_decimal
host_value:
    lea rsi, [rip + text_value]
    call print
    mov rax, r14
    call print_quad
    call new_line
    jmp next_operation

# Reads the field's encoding to RAX and its value to RBX.
field_and_value:
    movzx eax, word ptr [r15]
    mov rbx, [r15 + 2]
    add r15, 10
    ret

# --- VM entry and exit --------------------------------------------------------------------------------------------------------------------

# how (8 bits): 0 VMLAUNCH if the VMCS is clear, else VMRESUME; 1 VMLAUNCH; 2 VMRESUME; 3 as 0, but right after MOV SS
operation_enter:
    movzx eax, byte ptr [r15]
    inc r15
    mov [rip + how_to_enter], al
    mov [rip + saved_r15], r15
    mov [rip + saved_rbp], rbp
    call snapshot
    cmp byte ptr [rip + how_to_enter], 1
    je entry_launch
    cmp byte ptr [rip + how_to_enter], 2
    je entry_resume
    cmp byte ptr [rip + how_to_enter], 3
    je entry_behind_mov_ss
    cmp byte ptr [rip + is_launched], 0
    jne entry_resume
entry_launch:
    call clear_registers
    mov esp, STACK
    vmlaunch
    jmp entry_failed
entry_resume:
    call clear_registers
    mov esp, STACK
    vmresume
    jmp entry_failed
entry_behind_mov_ss:
    call clear_registers
    mov esp, STACK
    mov eax, ss
    mov ss, eax
    vmlaunch

entry_failed:
    pushfq
    pop rbx
    mov rbp, [rip + saved_rbp]
    mov r15, [rip + saved_r15]
    test bl, 1
    jz entry_failed_valid
    lea rsi, [rip + text_fail_invalid]
    call print
    jmp next_operation
entry_failed_valid:
    lea rsi, [rip + text_fail]
    call print
    mov eax, 0x4400
    vmread rax, rax
    call print_decimal
    call new_line
    jmp next_operation

# Host RIP of all VM exits.
.balign 16
vm_exit:
    pushfq
    mov [rip + guest_rax], rax
    mov [rip + guest_rcx], rcx
    mov [rip + guest_rdx], rdx
    mov rbp, [rip + saved_rbp]
    mov r15, [rip + saved_r15]
    lea rsi, [rip + text_exit]
    call print
    mov r14, [rip + exit_fields]
print_exit_field:
    movzx eax, word ptr [r14]
    cmp eax, 0xffff
    je exit_fields_done
    vmread rbx, rax
    ja exit_field_read
    xor ebx, ebx
exit_field_read:
    mov al, 0x20
    call put
    lea rsi, [r14 + 3]
    call print
    mov al, 0x3d
    call put
    mov rax, rbx
    cmp byte ptr [r14 + 2], 4
    je exit_field_32
    call print_quad
    jmp exit_field_printed
exit_field_32:
    call print_long
exit_field_printed:
    mov r14, rsi
    jmp print_exit_field
exit_fields_done:
    call new_line
    mov eax, 0x4402
    vmread rax, rax
    test eax, eax
    js no_launch                    # a failed entry leaves the launch state as it was
    mov byte ptr [rip + is_launched], 1
no_launch:
    call print_changes
    jmp next_operation

# Remembers what each guest field holds as the entry begins.
snapshot:
    mov rsi, [rip + guest_fields]
    lea rdi, [rip + before]
snapshot_next:
    movzx eax, word ptr [rsi]
    cmp eax, 0xffff
    je snapshot_done
    call read_field
    mov [rdi], rbx
    add rsi, 2
    add rdi, 8
    jmp snapshot_next
snapshot_done:
    ret

# Prints the guest fields that the exit changed, as encoding=value.
print_changes:
    mov r14, [rip + guest_fields]
    lea r13, [rip + before]
changes_next:
    movzx eax, word ptr [r14]
    cmp eax, 0xffff
    je changes_done
    call read_field
    cmp rbx, [r13]
    je unchanged
    lea rsi, [rip + text_changed]
    call print
    movzx eax, word ptr [r14]
    call print_word
    mov al, 0x3d
    call put
    mov rax, rbx
    call print_quad
    call new_line
unchanged:
    add r14, 2
    add r13, 8
    jmp changes_next
changes_done:
    ret

# Reads field RAX to RBX, 0 if there is none.
read_field:
    vmread rbx, rax
    ja read_done
    xor ebx, ebx
read_done:
    ret

clear_registers:
    xor eax, eax
    xor ebx, ebx
    xor ecx, ecx
    xor edx, edx
    xor esi, esi
    xor edi, edi
    xor ebp, ebp
    xor r8d, r8d
    xor r9d, r9d
    xor r10d, r10d
    xor r11d, r11d
    xor r12d, r12d
    xor r13d, r13d
    xor r14d, r14d
    xor r15d, r15d
    ret

# --- Set-up -------------------------------------------------------------------------------------------------------------------------------

# A clear VMCS of zeros with the base fields; structures in memory as at the start.
set_up_case:
    # Where the next case begins: the length of this program precedes it.
    mov eax, [r15]
    add r15, 4
    lea rax, [r15 + rax]
    mov [rip + case_end], rax
    mov byte ptr [rip + is_launched], 0
    mov rax, rsp                    # IRET ends blocking by NMI that the last case left
    push 0x10
    push rax
    pushfq
    push 8
    lea rax, [rip + nmis_open]
    push rax
    iretq
nmis_open:
    vmclear [rip + vmcs_address]
    vmclear [rip + other_address]
    mov edi, VMCS
    mov ecx, 1024
    xor eax, eax
    rep stosq
    mov eax, [rip + revision]
    mov [VMCS], eax
    mov [OTHER_VMCS], eax
    mov edi, SCRATCH
    mov ecx, SCRATCH_END - SCRATCH
    xor eax, eax
    rep stosb
    call build_page_tables
    call build_other_tables
    xor eax, eax
    mov cr2, rax
    vmclear [rip + vmcs_address]
    vmptrld [rip + vmcs_address]
    mov rsi, [rip + base_fields]
base_next:
    movzx eax, word ptr [rsi]
    cmp eax, 0xffff
    je base_controls
    mov rbx, [rsi + 2]
    vmwrite rax, rbx
    add rsi, 10
    jmp base_next
base_controls:
    mov rsi, [rip + control_fields]
controls_next:
    movzx eax, word ptr [rsi]
    cmp eax, 0xffff
    je set_up_done
    mov ecx, [rsi + 2]
    mov edi, [rsi + 6]              # what the base sets besides what must be 1
    rdmsr
    and eax, edx
    or eax, edi
    mov ebx, eax
    movzx eax, word ptr [rsi]
    vmwrite rax, rbx
    add rsi, 10
    jmp controls_next
set_up_done:
    ret

enter_vmx:
    mov ecx, 0x3a
    rdmsr
    test eax, 1
    jnz feature_locked
    or eax, 5
    wrmsr
feature_locked:
    mov ecx, 0x480
    rdmsr
    mov [rip + revision], eax
    mov [VMXON_REGION], eax
    mov [VMCS], eax
    mov [OTHER_VMCS], eax
    vmxon [rip + vmxon_address]
    jbe vmxon_failed
    mov eax, 0x80000008
    cpuid
    mov [rip + physical_width], al
    ret
vmxon_failed:
    lea rsi, [rip + text_vmxon]
    call print
    jmp halted

# A GDT, a TSS and an IDT of our own, and known control registers.
load_tables:
    lea rax, [rip + tss]
    lea rbx, [rip + gdt_tss]
    mov [rbx + 2], ax
    shr rax, 16
    mov [rbx + 4], al
    mov [rbx + 7], ah
    mov dword ptr [rip + tss + 4], GUEST_STACK - 0x1000
    mov word ptr [rip + tss + 102], 104  # no I/O permission bitmap
    lea rsi, [rip + host_stubs]
    lea rdi, [rip + idt]
    mov ecx, 32
    call fill_idt
    lea rsi, [rip + guest_stubs]
    lea rdi, [rip + guest_idt]
    mov ecx, 64
    call fill_idt
    lea rsi, [rip + guest_stubs]
    lea rdi, [rip + guest_idt_32]
    mov ecx, 64
fill_idt_32:
    mov rax, rsi
    mov [rdi], ax
    mov word ptr [rdi + 2], 0x28
    mov word ptr [rdi + 4], 0x8e00
    shr eax, 16
    mov [rdi + 6], ax
    add rsi, 16
    add rdi, 8
    dec ecx
    jnz fill_idt_32
    lea rax, [rip + gdt]
    mov [rip + gdt_pointer + 2], rax
    lgdt [rip + gdt_pointer]
    lea rax, [rip + idt]
    mov [rip + idt_pointer + 2], rax
    lidt [rip + idt_pointer]
    mov eax, 0x10
    mov ds, eax
    mov es, eax
    mov fs, eax
    mov gs, eax
    mov ss, eax
    pop rbx
    push 8
    push rbx
    retfq

build_page_tables:
    # 4 GiB in pages of 2 MiB.
    mov edi, PML4
    mov eax, PDPT + 7
    mov [rdi], rax
    mov edi, PDPT
    mov eax, PD + 7
    mov ecx, 4
pdpt_next:
    mov [rdi], rax
    add rax, 0x1000
    add rdi, 8
    dec ecx
    jnz pdpt_next
    mov edi, PD
    mov eax, 0xe7                   # present, write, user, accessed, dirty, large
    mov ecx, 2048
pd_next:
    mov [rdi], rax
    add rax, 0x200000
    add rdi, 8
    dec ecx
    jnz pd_next
    mov eax, PML4
    mov cr3, rax
    mov eax, 0x80010033             # PG WP NE ET MP PE
    mov cr0, rax
    mov ecx, 0xc0000080
    rdmsr
    or eax, 0x901
    wrmsr
    mov eax, 0x26a0                 # VMXE OSXMMEXCPT OSFXSR PGE PAE
    mov cr4, rax
    # TR once: its descriptor must not be busy.
    lea rbx, [rip + gdt_tss]
    mov byte ptr [rbx + 5], 0x89
    mov eax, 0x18
    ltr ax
    ret

# EPT (4 GiB in pages of 2 MiB, the test area in pages of 4 KiB), a 32-bit page directory and PAE tables.
build_other_tables:
    mov edi, EPT_PML4
    mov eax, EPT_PDPT + 7
    mov [rdi], rax
    mov edi, EPT_PDPT
    mov eax, EPT_PD + 7
    mov ecx, 4
ept_pdpt_next:
    mov [rdi], rax
    add rax, 0x1000
    add rdi, 8
    dec ecx
    jnz ept_pdpt_next
    mov edi, EPT_PD
    mov eax, 0xb7                   # read, write, execute, write-back, large
    mov ecx, 2048
ept_pd_next:
    mov [rdi], rax
    add rax, 0x200000
    add rdi, 8
    dec ecx
    jnz ept_pd_next
    mov edi, EPT_PD + (EPT_TEST_AREA / 0x200000) * 8
    mov eax, EPT_PT + 7
    mov [rdi], rax
    mov edi, EPT_PT
    mov eax, EPT_TEST_AREA + 0x37
    mov ecx, 512
ept_pt_next:
    mov [rdi], rax
    add rax, 0x1000
    add rdi, 8
    dec ecx
    jnz ept_pt_next
    mov edi, PAGE_DIRECTORY_32
    mov eax, 0xe7
    mov ecx, 1024
pd32_next:
    mov [rdi], eax
    add eax, 0x400000
    add rdi, 4
    dec ecx
    jnz pd32_next
    mov edi, PAE_PDPT
    mov eax, PAE_PD + 1
    mov ecx, 4
pae_pdpt_next:
    mov [rdi], rax
    add rax, 0x1000
    add rdi, 8
    dec ecx
    jnz pae_pdpt_next
    mov edi, PAE_PD
    mov eax, 0xe7
    mov ecx, 2048
pae_pd_next:
    mov [rdi], rax
    add rax, 0x200000
    add rdi, 8
    dec ecx
    jnz pae_pd_next
    ret

# ECX gates at RDI to stubs of 16 bytes from RSI on.
fill_idt:
    mov rax, rsi
    mov [rdi], ax
    mov word ptr [rdi + 2], 8
    mov byte ptr [rdi + 4], 0
    mov byte ptr [rdi + 5], 0x8e
    shr rax, 16
    mov [rdi + 6], ax
    mov dword ptr [rdi + 8], 0
    mov dword ptr [rdi + 12], 0
    add rsi, 16
    add rdi, 16
    dec ecx
    jnz fill_idt
    ret

# Each stub pushes its vector, and 0 where the processor pushes no error code.
.macro stub vector
    push 0
    push \vector
    jmp host_fault
.balign 16
.endm
.macro stub_with_error_code vector
    push \vector
    jmp host_fault
.balign 16
.endm
.balign 16
host_stubs:
    stub 0
    stub 1
    stub 2
    stub 3
    stub 4
    stub 5
    stub 6
    stub 7
    stub_with_error_code 8
    stub 9
    stub_with_error_code 10
    stub_with_error_code 11
    stub_with_error_code 12
    stub_with_error_code 13
    stub_with_error_code 14
    stub 15
    stub 16
    stub_with_error_code 17
    stub 18
    stub 19
    stub 20
    stub_with_error_code 21
    stub 22
    stub 23
    stub 24
    stub 25
    stub 26
    stub 27
    stub 28
    stub 29
    stub 30
    stub 31

# A guest's handlers exit at once. RIP says which vector was delivered.
guest_stubs:
.rept 64
    vmcall
.balign 16
.endr

# A fault of the host: prints it. If a call of host code faulted, the case goes on after that operation.
host_fault:
    mov ebx, [rsp]                  # vector
    mov r12, [rsp + 8]              # error code, 0 if it has none
    lea rsi, [rip + text_fault]
    call print
    mov eax, ebx
    call print_decimal
    mov al, 0x2c
    call put
    mov rax, r12
    call print_long
    call new_line
    cmp byte ptr [rip + in_host_code], 0
    je halted                       # a fault of the probe itself: the probe stops
    mov byte ptr [rip + in_host_code], 0
    mov rsp, [rip + saved_rsp]
    mov rbp, [rip + saved_rbp]
    mov r15, [rip + saved_r15]
    vmxon [rip + vmxon_address]     # if the code had left VMX operation; else it fails and changes nothing
    jmp next_operation

print_capabilities:
    mov rdi, [rip + capabilities]
capability_next:
    mov ecx, [rdi]
    test ecx, ecx
    jz capabilities_done
    lea rsi, [rip + text_capability]
    call print
    mov eax, ecx
    call print_word
    mov al, 0x3d
    call put
    mov ecx, [rdi]
    rdmsr
    shl rdx, 32
    or rax, rdx
    call print_quad
    call new_line
    add rdi, 4
    jmp capability_next
capabilities_done:
    ret

# --- Output -------------------------------------------------------------------------------------------------------------------------------

find_output:
    cmp r15d, 0x424f4f54
    jne use_serial
    in al, 0xe9
    cmp al, 0xe9
    sete [rip + is_bochs]
    je output_found
use_serial:
    mov edx, 0x3f9                  # COM1: no interrupts, 115200 baud, 8N1
    xor eax, eax
    out dx, al
    mov edx, 0x3fb
    mov al, 0x80
    out dx, al
    mov edx, 0x3f8
    mov al, 1
    out dx, al
    inc edx
    xor eax, eax
    out dx, al
    mov edx, 0x3fb
    mov al, 3
    out dx, al
output_found:
    ret

# Prints AL; keeps all registers except the flags.
put:
    cmp byte ptr [rip + is_bochs], 0
    je put_serial
    out 0xe9, al
    ret
put_serial:
    push rdx
    push rax
    mov edx, 0x3fd
put_wait:
    in al, dx
    test al, 0x20
    jz put_wait
    pop rax
    mov edx, 0x3f8
    out dx, al
    pop rdx
    ret

new_line:
    mov al, 0x0a
    jmp put

# Prints the string at RSI; RSI then points past its NUL.
print:
    lodsb
    test al, al
    jz print_done
    call put
    jmp print
print_done:
    ret

print_quad:
    push rax
    shr rax, 32
    call print_long
    pop rax
print_long:
    push rax
    shr eax, 16
    call print_word
    pop rax
print_word:
    push rax
    shr eax, 8
    call print_byte
    pop rax
print_byte:
    push rax
    shr al, 4
    call print_digit
    pop rax
    push rax
    call print_digit
    pop rax
    ret
print_digit:
    and al, 15
    add al, 0x30
    cmp al, 0x3a
    jb put
    add al, 0x27
    jmp put

# Prints EAX in decimal; changes RAX, RCX, RDX.
print_decimal:
    mov ecx, 10
    xor edx, edx
    div ecx
    push rdx
    test eax, eax
    jz last_digit
    call print_decimal
last_digit:
    pop rax
    add al, 0x30
    jmp put

# --- Data ---------------------------------------------------------------------------------------------------------------------------------

text_hello: .asciz "vmx_probe 1 "
text_case: .asciz "case "
text_end: .asciz "end\n"
text_shutdown: .asciz "Shutdown"
text_refused: .asciz "  VMWRITE refused "
text_not_supported: .asciz "  not supported\n"
text_not_bochs: .asciz "  not run on Bochs\n"
text_fail_invalid: .asciz "  fail invalid\n"
text_fail: .asciz "  fail error="
text_exit: .asciz "  exit"
text_flags: .asciz "  host RFLAGS="
text_changed: .asciz "    "
text_host: .asciz "  host flags="
text_error: .asciz " error="
text_value: .asciz " rax="
text_fault: .asciz "  host fault "
text_peek: .asciz "  memory "
text_registers: .asciz "  rax rcx rdx "
text_capability: .asciz "capability "
text_vmxon: .asciz "VMXON failed\n"

.balign 16
gdt:
    .quad 0
    .quad 0x00af9b000000ffff        # 08 code, 64-bit, CPL 0
    .quad 0x00cf93000000ffff        # 10 data, CPL 0
gdt_tss:
    .quad 0x0000890000000067        # 18 TSS
    .quad 0
    .quad 0x00cf9b000000ffff        # 28 code, 32-bit, CPL 0
    .quad 0x00affb000000ffff        # 30 code, 64-bit, CPL 3
    .quad 0x00cff3000000ffff        # 38 data, CPL 3
    .quad 0x00cffb000000ffff        # 40 code, 32-bit, CPL 3
    .quad 0x00009b000000ffff        # 48 code, 16-bit, CPL 0
    .quad 0x000093000000ffff        # 50 data, 16-bit, CPL 0
    .quad 0x00008942d8000067        # 58 another TSS, at 42D800H
    .quad 0x0000e50000580000        # 60 task gate to 58
    .quad 0x00cf13000000ffff        # 68 data, CPL 0, not present
gdt_end:
gdt_pointer:
    .short gdt_end - gdt - 1
    .quad 0
idt_pointer:
    .short 32 * 16 - 1
    .quad 0

.balign 16
tss:
    .zero 104

.balign 8
vmxon_address: .quad VMXON_REGION
vmcs_address: .quad VMCS
other_address: .quad OTHER_VMCS
saved_r15: .quad 0
saved_rbp: .quad 0
saved_rsp: .quad 0
case_end: .quad 0
guest_rax: .quad 0
guest_rcx: .quad 0
guest_rdx: .quad 0
revision: .long 0
cpuid_registers: .zero 16
physical_width: .byte 0
is_bochs: .byte 0
is_launched: .byte 0
how_to_enter: .byte 0
in_host_code: .byte 0

.balign 16
idt:
    .zero 32 * 16
guest_idt:
    .zero 64 * 16
guest_idt_32:
    .zero 64 * 8
before:
    .zero 128 * 8
