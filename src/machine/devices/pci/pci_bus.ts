// SPDX-License-Identifier: LGPL-2.1-only
import { BusConflictError } from '../bus_conflict_error.js';
import type { Device } from '../device.js';
import type { InterruptLine } from '../interrupts/interrupt_lines.js';
import type { IoBus } from '../io_bus.js';
import { claimRegisters, type PortRegister } from '../port_registers.js';
import type { PciFunction, PciFunctionState } from './pci_function.js';
import { FreePlaces } from './free_places.js';
import { PciCommand, PciRegister } from './pci_registers.js';
import {
  CONFIG_ADDRESS_PORT,
  CONFIG_DATA_PORT,
  interruptOfPin,
  PCI_DEVICES,
  PCI_INTERRUPTS,
  PCI_IO,
  PCI_MEMORY,
} from './pci_routing.js';

const ENABLED = 0x80000000;
const ALL_ONES = 0xffffffff;

interface PciBusState {
  readonly address: number;
  readonly functions: Readonly<Record<string, PciFunctionState>>;
}

/**
 * PCI bus 0, with configuration mechanism 1 at CF8h and CFCh. Each device has one function. PCI Local Bus Specification 3.0,
 * "Software Generation of Configuration Transactions".
 */
export class PciBus implements Device {
  readonly name = 'pci';
  private address = 0;
  private readonly functions: (PciFunction | undefined)[] = new Array<PciFunction | undefined>(PCI_DEVICES);
  private readonly wires: ReadonlyMap<number, InterruptLine>;

  /** @param line the wire of an ISA interrupt */
  constructor(bus: IoBus, line: (irq: number) => InterruptLine) {
    this.wires = new Map(PCI_INTERRUPTS.map((irq) => [irq, line(irq)]));
    claimRegisters(bus, this.registers());
  }

  /** Adds the function 0 of a device. @throws BusConflictError if there is one, or if the bus has no such device */
  add(device: number, added: PciFunction): void {
    if (device >= PCI_DEVICES || this.functions[device] !== undefined)
      throw new BusConflictError(`PCI device ${device} cannot be ${added.name}: the number is taken, or above 31`);
    this.functions[device] = added;
    added.attach(() => this.updateWires());
  }

  /** What firmware does at power-on: it gives each base address register a place, and writes down which interrupts the pins reach. */
  configure(): void {
    const places = { [PciCommand.Memory]: new FreePlaces(PCI_MEMORY), [PciCommand.Io]: new FreePlaces(PCI_IO) };
    this.functions.forEach((each, device) => {
      if (each === undefined) return;
      for (const bar of each.bars) bar.address = places[bar.decodedBy].take(bar.bytes);
      const pin = each.config.get(PciRegister.InterruptPin);
      if (pin > 0) each.writeConfig(PciRegister.InterruptLine.offset, 1, interruptOfPin(device, pin - 1));
      each.writeConfig(PciRegister.Command.offset, PciRegister.Command.size, PciCommand.Memory | PciCommand.Io);
    });
  }

  private registers(): PortRegister[] {
    return [
      {
        port: CONFIG_ADDRESS_PORT,
        width: 'any',
        read: (size) => (size === 4 ? this.address : ALL_ONES),
        // Byte writes to CF8h … CFBh belong to other devices (CF9h is the reset control).
        write: (value, size) => {
          if (size === 4) this.address = (value & 0x80fffffc) >>> 0;
        },
      },
      {
        port: CONFIG_DATA_PORT,
        ports: 4,
        width: 'any',
        read: (size, port) => this.selected?.readConfig(this.offset(port), size) ?? ALL_ONES,
        write: (value, size, port) => this.selected?.writeConfig(this.offset(port), size, value),
      },
    ];
  }

  /** The function that the address register names. */
  private get selected(): PciFunction | undefined {
    const { address } = this;
    const bus = (address >>> 16) & 0xff;
    const functionNumber = (address >>> 8) & 7;
    return address & ENABLED && bus === 0 && functionNumber === 0 ? this.functions[(address >>> 11) & 31] : undefined;
  }

  private offset(port: number): number {
    return (this.address & 0xfc) + (port & 3);
  }

  /** Pins share wires: a wire is active while any of its pins is. */
  private updateWires(): void {
    for (const [irq, wire] of this.wires) {
      wire.set(this.functions.some((each, device) => each?.assertsInterrupt === true && irqOf(each, device) === irq));
    }
  }

  reset(): void {
    this.address = 0;
    for (const each of this.functions) each?.reset();
    this.updateWires();
  }

  save(): PciBusState {
    const present = this.functions.filter((each) => each !== undefined);
    return { address: this.address, functions: Object.fromEntries(present.map((each) => [each.name, each.save()])) };
  }

  restore(state: object): void {
    const { address, functions } = state as PciBusState;
    this.address = address;
    for (const each of this.functions) each?.restore(functions[each.name]!);
    this.updateWires();
  }
}

const irqOf = (asserting: PciFunction, device: number): number =>
  interruptOfPin(device, asserting.config.get(PciRegister.InterruptPin) - 1);
