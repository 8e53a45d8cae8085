# SPDX-License-Identifier: LGPL-2.1-only
#
# Ends the machine: jump to power_off, or fall into it.
.set POWER_PORT, 0x604              # the ACPI PM1a control register
.set SLEEP_ENABLE, 0x2000

power_off:
    mov edx, POWER_PORT
    mov eax, SLEEP_ENABLE
    out dx, ax
halted:
    hlt
    jmp halted
