// SPDX-License-Identifier: LGPL-2.1-only
import { StatefulDevice } from '../device.js';
import type { AccessSize } from '../device.js';
import { wideDestination } from './interrupt_destination.js';
import type { InterruptController } from './interrupt_lines.js';
import { DeliveryMode, isReservedForDevices } from './interrupt_messages.js';
import type { InterruptMessages } from './interrupt_messages.js';
import type { IoBus, MmioHandler } from '../io_bus.js';

/** The IOAPIC's physical address on a PC. */
export const IO_APIC_BASE = 0xfec00000;
/** How many inputs it has. */
export const IO_APIC_INPUTS = 24;

const VERSION = 0x20 | ((IO_APIC_INPUTS - 1) << 16);
const MASKED = 0x10000;
const LEVEL = 0x8000;
const REMOTE_IRR = 0x4000;
const LOGICAL = 0x800;
/** Delivery status (12) and remote IRR (14) are read-only. */
const WRITABLE = 0x1afff;

/** Offsets in memory. */
const SELECT = 0;
const WINDOW = 0x10;
const END_OF_INTERRUPT = 0x40;
/** The number of the first redirection entry's low half. */
const FIRST_ENTRY = 0x10;

/** Without one of the functions, reads give 0, and writes have no effect. */
interface IoApicRegister {
  readonly read?: () => number;
  readonly write?: (value: number) => void;
}

interface IoApicState {
  select: number;
  id: number;
  /** Redirection entries: low and high halves. */
  low: number[];
  high: number[];
  /** Levels of the inputs as the devices drive them, active high. */
  inputs: number;
  /** Edges not yet sent because the entry was masked. */
  pending: number;
}

/** The 82093AA I/O APIC with 24 inputs. Intel 82093AA data sheet. */
export class IoApic extends StatefulDevice<IoApicState> implements InterruptController, MmioHandler {
  readonly name = 'io_apic';
  /** By number: identification, version, arbitration, and two halves of each redirection entry. */
  private readonly registers = this.registerTable();
  /** What programs see in memory. */
  private readonly window: ReadonlyMap<number, IoApicRegister> = new Map<number, IoApicRegister>([
    [SELECT, { read: () => this.state.select, write: (value) => void (this.state.select = value & 0xff) }],
    [
      WINDOW,
      {
        read: () => this.registers[this.state.select]?.read?.() ?? 0,
        write: (value) => this.registers[this.state.select]?.write?.(value),
      },
    ],
    [END_OF_INTERRUPT, { write: (value) => this.endOfInterrupt(value & 0xff) }],
  ]);

  constructor(
    bus: IoBus,
    private readonly messages: InterruptMessages,
  ) {
    super();
    bus.claimMemory(IO_APIC_BASE, 0x1000, this);
    messages.onEndOfInterrupt((vector) => this.endOfInterrupt(vector));
  }

  protected initialState(): IoApicState {
    const low = new Array<number>(IO_APIC_INPUTS).fill(MASKED);
    return { select: 0, id: 0, low, high: new Array<number>(IO_APIC_INPUTS).fill(0), inputs: 0, pending: 0 };
  }

  setInput(input: number, level: boolean): void {
    const bit = 1 << input;
    const rising = level && !(this.state.inputs & bit);
    this.state.inputs = level ? this.state.inputs | bit : this.state.inputs & ~bit;
    if (this.state.low[input]! & LEVEL) this.service(input);
    else if (rising && !(this.state.low[input]! & MASKED)) {
      // 82093AA: an edge at a masked input is ignored, neither delivered nor held pending.
      this.state.pending |= bit;
      this.service(input);
    }
  }

  readMmio(offset: number): number {
    return this.window.get(offset & ~3)?.read?.() ?? 0;
  }

  writeMmio(offset: number, _size: AccessSize, value: number): void {
    this.window.get(offset)?.write?.(value);
  }

  private registerTable(): (IoApicRegister | undefined)[] {
    const id = (): number => (this.state.id << 24) >>> 0;
    const registers: (IoApicRegister | undefined)[] = [
      { read: id, write: (value) => void (this.state.id = (value >>> 24) & 15) },
      { read: () => VERSION },
      { read: id },
    ];
    for (let input = 0; input < IO_APIC_INPUTS; input++) {
      const at = FIRST_ENTRY + 2 * input;
      registers[at] = {
        read: () => this.state.low[input]! >>> 0,
        write: (value) => this.writeEntry(input, value),
      };
      registers[at + 1] = {
        read: () => this.state.high[input]! >>> 0,
        write: (value) => void (this.state.high[input] = (value & 0xff000000) >>> 0),
      };
    }
    return registers;
  }

  private writeEntry(input: number, value: number): void {
    let entry = (value & WRITABLE) | (this.state.low[input]! & REMOTE_IRR);
    if (!(entry & LEVEL)) entry &= ~REMOTE_IRR;
    this.state.low[input] = entry;
    this.service(input);
  }

  /** Sends an input's interrupt if it is active and its entry lets it pass. */
  private service(input: number): void {
    const entry = this.state.low[input]!;
    const bit = 1 << input;
    if (entry & MASKED) return;
    const level = (entry & LEVEL) !== 0;
    if (level) {
      // Devices here drive wires active high. As in QEMU, polarity is ignored: it matters only to programs that invert it on purpose.
      if (!(this.state.inputs & bit) || entry & REMOTE_IRR) return;
    } else if (!(this.state.pending & bit)) return;
    this.state.pending &= ~bit;
    const mode = ((entry >> 8) & 7) as DeliveryMode;
    if (isReservedForDevices(mode)) return;
    const message = { vector: entry & 0xff, mode, level, asserted: true };
    const isLogical = (entry & LOGICAL) !== 0;
    const destination = wideDestination(this.state.high[input]! >>> 24, isLogical);
    const taken = this.messages.send(message, destination, isLogical);
    if (level && taken && (mode === DeliveryMode.Fixed || mode === DeliveryMode.LowestPriority))
      this.state.low[input] = entry | REMOTE_IRR;
  }

  private endOfInterrupt(vector: number): void {
    for (let input = 0; input < IO_APIC_INPUTS; input++) {
      const entry = this.state.low[input]!;
      if ((entry & 0xff) !== vector || !(entry & REMOTE_IRR)) continue;
      this.state.low[input] = entry & ~REMOTE_IRR;
      this.service(input);
    }
  }
}
