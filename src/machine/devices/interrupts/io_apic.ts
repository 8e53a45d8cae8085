// SPDX-License-Identifier: LGPL-2.1-only
import { StatefulDevice } from '../device.js';
import type { AccessSize } from '../device.js';
import { wideDestination } from './interrupt_destination.js';
import type { InterruptController } from './interrupt_lines.js';
import { DeliveryMode } from './interrupt_messages.js';
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
    if ((offset & ~3) === 0) return this.state.select;
    return (offset & ~3) === 0x10 ? this.readRegister(this.state.select) : 0;
  }

  writeMmio(offset: number, _size: AccessSize, value: number): void {
    if (offset === 0) this.state.select = value & 0xff;
    else if (offset === 0x10) this.writeRegister(this.state.select, value);
    else if (offset === 0x40) this.endOfInterrupt(value & 0xff);
  }

  private readRegister(register: number): number {
    if (register === 0 || register === 2) return (this.state.id << 24) >>> 0;
    if (register === 1) return VERSION;
    const input = (register - 0x10) >> 1;
    if (input < 0 || input >= IO_APIC_INPUTS) return 0;
    return (register & 1 ? this.state.high[input]! : this.state.low[input]!) >>> 0;
  }

  private writeRegister(register: number, value: number): void {
    if (register === 0) {
      this.state.id = (value >>> 24) & 15;
      return;
    }
    const input = (register - 0x10) >> 1;
    if (input < 0 || input >= IO_APIC_INPUTS) return;
    if (register & 1) {
      this.state.high[input] = (value & 0xff000000) >>> 0;
      return;
    }
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
