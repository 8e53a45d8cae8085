# SPDX-License-Identifier: LGPL-2.1-only
#
# Shows what the example extensions do. It executes some CPUIDs and RDMSRs, hooks a function by VMCALL, calls it, removes the hook, and calls it
# again. It prints the results and switches the power off.
#
# A flat image: entered at its first byte in 64-bit mode, RDI = command line, RSP = stack. See src/machine/boot/flat_image.ts.
.set CALLS, 10
.set IA32_PAT, 0x277

start:
    cld
    lea rsi, [rip + text_hello]
    call print

    mov r12d, CALLS                 # CPUIDs, each followed by a read of an MSR
each:
    xor eax, eax
    xor ecx, ecx
    cpuid
    mov ecx, IA32_PAT
    rdmsr
    dec r12d
    jnz each

    lea rsi, [rip + text_before]
    call count_answers

    mov ecx, 1                      # hook it
    lea rbx, [rip + function]
    lea rsi, [rip + hook]
    call vmcall_registers
    lea rsi, [rip + text_hooked]
    call count_answers

    xor ecx, ecx                    # remove the hook
    call vmcall_registers
    lea rsi, [rip + text_after]
    call count_answers

.include "../include/power.s"

# VMCALL registers: RCX, RBX, RSI are R02, R03, R04.
vmcall_registers:
    mov eax, 2
    movabs rdx, 0xb045eacdacd52e22
    vmcall
    ret

# Prints RSI and how many of CALLS calls of the function were answered by the hook.
count_answers:
    call print
    xor r13d, r13d
    mov r12d, CALLS
call_again:
    call function
    add r13d, eax
    dec r12d
    jnz call_again
    mov eax, r13d
    call print_decimal
    lea rsi, [rip + text_of_calls]
    jmp print

.include "../include/console.s"

hook:
    mov eax, 1
    ret

text_hello: .asciz "effects of extensions\n"
text_before: .asciz "before: "
text_hooked: .asciz "hooked: "
text_after: .asciz "after: "
text_of_calls: .asciz " of 10 calls reached the hook\n"

# On its own page, together with data that is read from the page as well.
.p2align 12
function:
    mov eax, [rip + answer]
    ret
answer: .long 0
