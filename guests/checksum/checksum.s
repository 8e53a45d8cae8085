# SPDX-License-Identifier: LGPL-2.1-only
#
# A guest that computes a running checksum while a timer interrupts it. Any disturbance changes the checksum. Each round works over a table in
# memory, half at CPL 0 and half at CPL 3. It folds the number of timer ticks so far and a CPUID into the checksum, and sleeps until the next tick.
# Every eighth round prints the checksum. The command line sets the number of rounds (64 by default). The last round switches the power off.
#
# A flat image: entered at its first byte in 64-bit mode, RDI = command line, RSP = stack. See src/machine/boot/flat_image.ts.
.set DEFAULT_ROUNDS, 64
.set STEPS, 20000

.set PAGE_MAP, 0x400000
.set PAGE_POINTERS, 0x401000
.set PAGE_DIRECTORY, 0x402000
.set INTERRUPT_TABLE, 0x404000
.set TASK_STATE, 0x405000
.set TICKS, 0x406000
.set KERNEL_STACK, 0x480000
.set INTERRUPT_STACK, 0x490000
.set USER_STACK, 0x4a0000
.set TABLE, 0x500000

.set CODE, 0x08
.set DATA, 0x10
.set USER_CODE, 0x1b
.set USER_DATA, 0x23
.set TASK, 0x28
.set TIMER_VECTOR, 0x20
.set CALL_VECTOR, 0x80
.set INTERRUPT_GATE, 0x8e
.set USER_GATE, 0xee

start:
    cld
    call read_count
    mov r12, rax                    # rounds to go
    mov esp, KERNEL_STACK
    call make_page_table
    call make_descriptors
    call start_timer
    xor r13d, r13d                  # rounds gone
    movabs r14, 0xcbf29ce484222325  # the checksum: FNV-1a
    movabs r15, 0x100000001b3
    sti
each:
    cmp r13, r12
    jae all_done
    call compute                    # at CPL 0
    push USER_DATA
    push USER_STACK
    pushfq
    push USER_CODE
    lea rax, [rip + user]
    push rax
    iretq
user:
    call compute                    # at CPL 3
    int CALL_VECTOR
back:
    mov esp, KERNEL_STACK
    sti
    mov eax, [TICKS]
    xor r14, rax
    imul r14, r15
    hlt
    inc r13
    test r13b, 7
    jnz each
    call print_checksum
    jmp each

all_done:
    lea rsi, [rip + text_done]
    call print
    call print_checksum
    cli
.include "../include/power.s"

# Folds a table into R14 while it changes it, and one CPUID.
compute:
    mov ecx, STEPS
compute_step:
    mov eax, ecx
    and eax, 0x1fff
    mov rdx, [TABLE + rax * 8]
    xor r14, rdx
    imul r14, r15
    lea rdx, [rdx + r14]
    rol rdx, 7
    mov [TABLE + rax * 8], rdx
    dec ecx
    jnz compute_step
    xor eax, eax
    xor ecx, ecx
    cpuid
    mov eax, eax
    xor r14, rax
    imul r14, r15
    ret

# IRQ 0: one more tick.
on_timer:
    push rax
    inc dword ptr [TICKS]
    mov al, 0x20
    out 0x20, al
    pop rax
    iretq

# INT 80H ends the half at CPL 3.
on_call:
    jmp back

# The first GiB mapped to itself, for CPL 3 too.
make_page_table:
    mov dword ptr [PAGE_MAP], PAGE_POINTERS + 7
    mov dword ptr [PAGE_POINTERS], PAGE_DIRECTORY + 7
    xor ecx, ecx
map_next:
    mov eax, ecx
    shl eax, 21
    or eax, 0x87
    mov [PAGE_DIRECTORY + rcx * 8], rax
    inc ecx
    cmp ecx, 512
    jb map_next
    mov eax, PAGE_MAP
    mov cr3, rax
    ret

make_descriptors:
    lea rax, [rip + descriptors]
    mov [rip + descriptors_pointer + 2], rax
    lgdt [rip + descriptors_pointer]
    mov eax, DATA
    mov ss, eax
    mov ds, eax
    mov es, eax
    pop rdx
    push CODE
    push rdx
    mov dword ptr [TASK_STATE + 4], INTERRUPT_STACK
    mov eax, TASK
    ltr ax
    mov edi, TIMER_VECTOR
    lea rax, [rip + on_timer]
    mov ecx, INTERRUPT_GATE
    call make_gate
    mov edi, CALL_VECTOR
    lea rax, [rip + on_call]
    mov ecx, USER_GATE
    call make_gate
    lidt [rip + interrupts_pointer]
    retfq

# Gate RDI leads to RAX (below 4 GiB), with the type in ECX.
make_gate:
    shl edi, 4
    mov [INTERRUPT_TABLE + rdi], ax
    mov word ptr [INTERRUPT_TABLE + rdi + 2], CODE
    shl ecx, 8
    mov [INTERRUPT_TABLE + rdi + 4], cx
    shr eax, 16
    mov [INTERRUPT_TABLE + rdi + 6], ax
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

# Reads the decimal number at RDI into RAX.
read_count:
    xor eax, eax
    cmp byte ptr [rdi], 0
    jne read_digit
    mov eax, DEFAULT_ROUNDS
    ret
read_digit:
    movzx ecx, byte ptr [rdi]
    inc rdi
    sub ecx, 0x30
    cmp ecx, 9
    ja read_done
    imul rax, rax, 10
    add rax, rcx
    jmp read_digit
read_done:
    ret

print_checksum:
    lea rsi, [rip + text_round]
    call print
    mov rax, r13
    call print_hexadecimal
    lea rsi, [rip + text_checksum]
    call print
    mov rax, r14
    call print_hexadecimal
    mov al, 10
    jmp put

.include "../include/console.s"

.align 8
descriptors:
    .quad 0
    .quad 0x00af9b000000ffff
    .quad 0x00cf93000000ffff
    .quad 0x00affb000000ffff
    .quad 0x00cff3000000ffff
    .quad 0x0000894050000067
    .quad 0
descriptors_pointer:
    .word 0x37
    .quad 0
interrupts_pointer:
    .word 0xfff
    .quad INTERRUPT_TABLE
text_done:
    .asciz "done: "
text_round:
    .asciz "round 0x"
text_checksum:
    .asciz " checksum 0x"
