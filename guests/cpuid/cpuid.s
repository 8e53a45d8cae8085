# SPDX-License-Identifier: LGPL-2.1-only
#
# Executes CPUID as often as its command line says (1000 times by default), cycling through a list of leaves. Then it prints a checksum of all
# results and the number of CPUIDs, and switches the power off. If the command line is not a number, it prints the command line and what it wants,
# and writes 1 to the debug-exit port. The run then ends with an error.
#
# A flat image: entered at its first byte in 64-bit mode, RDI = command line, RSP = stack. See src/machine/boot/flat_image.ts.
.set DEBUG_EXIT_PORT, 0xf4
.set DEFAULT_COUNT, 1000
.set LEAVES, 17

start:
    cld
    call read_count
    mov r12, rax                    # CPUIDs to execute
    lea rsi, [rip + text_hello]
    call print
    mov rax, r12
    call print_decimal
    lea rsi, [rip + text_cpuids]
    call print

    xor r13d, r13d                  # CPUIDs executed
    movabs r14, 0xcbf29ce484222325  # FNV-1a over 32-bit words
    movabs r15, 0x100000001b3
    xor ebp, ebp                    # index in the list of leaves
each:
    cmp r13, r12
    jae all_done
    lea rsi, [rip + leaves]
    mov eax, [rsi + rbp * 4]
    xor ecx, ecx
    cpuid
    inc r13
    call fold
    inc ebp
    cmp ebp, LEAVES
    jb each
    xor ebp, ebp
    jmp each

all_done:
    lea rsi, [rip + text_checksum]
    call print
    mov rax, r14
    call print_hexadecimal
    lea rsi, [rip + text_executed]
    call print
    mov rax, r13
    call print_decimal
    lea rsi, [rip + text_cpuids]
    call print
.include "../include/power.s"

# Folds EAX, EBX, ECX and EDX into R14.
fold:
    mov eax, eax
    xor r14, rax
    imul r14, r15
    mov ebx, ebx
    xor r14, rbx
    imul r14, r15
    mov ecx, ecx
    xor r14, rcx
    imul r14, r15
    mov edx, edx
    xor r14, rdx
    imul r14, r15
    ret

# Reads the decimal number at RDI into RAX. Any other text, or a number of more than 64 bits, ends the run with a message.
read_count:
    mov r8, rdi                     # the command line, for the message
    xor eax, eax
    cmp byte ptr [rdi], 0
    jne read_digit
    mov eax, DEFAULT_COUNT
    ret
read_digit:
    movzx ecx, byte ptr [rdi]
    inc rdi
    test ecx, ecx
    jz read_done
    sub ecx, 0x30
    cmp ecx, 9
    ja read_failed
    mov r9d, 10
    mul r9                          # CF: more than 64 bits
    jc read_failed
    add rax, rcx
    jc read_failed
    jmp read_digit
read_done:
    ret
read_failed:
    lea rsi, [rip + text_found]
    call print
    mov rsi, r8
    call print
    lea rsi, [rip + text_wanted]
    call print
    mov eax, 1
    out DEBUG_EXIT_PORT, eax
    jmp halted

.include "../include/console.s"

.align 4
leaves:
    .long 0, 1, 2, 4, 5, 6, 7, 0xb, 0xd, 0x15, 0x16
    .long 0x80000000, 0x80000001, 0x80000002, 0x80000003, 0x80000004, 0x80000008
text_hello:
    .asciz "hello from a guest that executes "
text_cpuids:
    .asciz " cpuids\n"
text_checksum:
    .asciz "checksum of the returned leaves: 0x"
text_executed:
    .asciz "\nguest executed "
text_found:
    .asciz "cpuid guest: the command line is '"
text_wanted:
    .asciz "', but it must be a decimal number of CPUIDs below 2^64 (nothing means 1000)\n"
