// SPDX-License-Identifier: LGPL-2.1-only
// What the root bridge decodes and where its interrupt wires go. The ACPI tables tell the guest the same.

/** Devices on a bus. */
export const PCI_DEVICES = 32;
/** Interrupt pins of a device, INTA# to INTD#. */
export const PCI_PINS = 4;

/** Physical addresses that the root bridge forwards: above the largest RAM, below the IOAPIC. */
export const PCI_MEMORY = { first: 0xe0000000, last: 0xfebfffff } as const;

/** Ports that firmware gives to functions: no other device has one of them. */
export const PCI_IO = { first: 0xc000, last: 0xffff } as const;

/** The ports of configuration mechanism 1. */
export const CONFIG_ADDRESS_PORT = 0xcf8;
export const CONFIG_DATA_PORT = 0xcfc;

/** The ISA interrupts that PCI pins share. Both the PIC and the IOAPIC have them. */
export const PCI_INTERRUPTS = [10, 11] as const;

/** The interrupt of a pin. @param pin counted from 0 for INTA# */
export const interruptOfPin = (device: number, pin: number): number =>
  PCI_INTERRUPTS[(device + pin) % PCI_INTERRUPTS.length]!;
