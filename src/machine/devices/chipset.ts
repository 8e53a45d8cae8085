// SPDX-License-Identifier: LGPL-2.1-only
import { inOrder, makeDevices, type ChipsetDevices, type ChipsetOptions } from './chipset_devices.js';
import type { AccessSize, Device } from './device.js';
import { EventQueue } from './event_queue.js';
import { IoBus } from './io_bus.js';
import type { LocalApic } from './interrupts/local_apic.js';
import type { NumericError } from './numeric_error.js';
import type { PciBus } from './pci/pci_bus.js';
import type { Uart16550 } from './uart_16550.js';

const APIC_PAGE = 0x1000;

/** All devices of the PC, wired up. The machine refers to some of them by name. */
export class Chipset {
  readonly bus = new IoBus();
  readonly events: EventQueue;
  readonly localApics: readonly LocalApic[];
  readonly com1: Uart16550;
  readonly numericError: NumericError;
  readonly pci: PciBus;
  /** In the order in which they are reset, saved and hashed. */
  readonly devices: readonly Device[];
  private readonly currentProcessor: () => number;

  constructor(options: ChipsetOptions) {
    const { bus } = this;
    this.currentProcessor = options.currentProcessor;
    this.events = new EventQueue(options.clock, options.earlier);
    const devices: ChipsetDevices = makeDevices({ options, bus, events: this.events });
    this.localApics = devices.localApics;
    this.com1 = devices.com1;
    this.numericError = devices.numericError;
    this.pci = devices.pci;
    this.devices = inOrder(devices);
  }

  /** The local APIC of the processor whose access is under way. */
  get currentApic(): LocalApic {
    return this.localApics[this.currentProcessor()]!;
  }

  /** A load of the current processor from an address without memory. @param size bytes, at most 4. */
  readMemory(address: number, size: AccessSize): number {
    const apic = this.apicAt(address);
    return apic === undefined ? this.bus.readMemory(address, size) : apic.readMmio(address - apic.baseAddress);
  }

  /** A store of the current processor to an address without memory. @param size bytes, at most 4. */
  writeMemory(address: number, size: AccessSize, value: number): void {
    const apic = this.apicAt(address);
    if (apic === undefined) this.bus.writeMemory(address, size, value);
    else apic.writeMmio(address - apic.baseAddress, size, value);
  }

  /** Each processor sees its own APIC at the address in its own IA32_APIC_BASE. */
  private apicAt(address: number): LocalApic | undefined {
    const apic = this.currentApic;
    return apic.isEnabled && !apic.isX2apic && address >= apic.baseAddress && address < apic.baseAddress + APIC_PAGE
      ? apic
      : undefined;
  }

  reset(): void {
    this.events.restore({});
    for (const device of this.devices) device.reset();
  }

  /** The state of all devices and timers as plain data. */
  save(): Record<string, object> {
    const states = Object.fromEntries(this.devices.map((device) => [device.name, device.save()]));
    return { ...states, timers: this.events.save() };
  }

  /** @param states what `save` of a chipset with the same devices gave. */
  restore(states: Readonly<Record<string, object>>): void {
    // Devices that drive wires come before the controllers behind the wires: whatever a wire's level does there is then overwritten.
    for (const device of [...this.devices].reverse()) device.restore(states[device.name] ?? {});
    this.events.restore((states.timers ?? {}) as Record<string, number>);
  }
}
