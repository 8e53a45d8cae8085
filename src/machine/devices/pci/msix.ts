// SPDX-License-Identifier: LGPL-2.1-only
import type { AccessSize } from '../device.js';
import type { MmioHandler } from '../io_bus.js';

/** The identifier of the MSI-X capability. */
export const MSIX_CAPABILITY = 0x11;

/** Bits of the capability's message control word. */
export const MsixControl = { Enable: 0x8000, FunctionMask: 0x4000 } as const;

/** Where the pending bits are in the structure's memory range, behind a table of at most 128 entries. */
export const PENDING_BITS = 0x800;
/** Bytes of the memory range. */
export const MSIX_BYTES = 0x1000;

/** Words of a table entry: address, upper address, data, vector control. */
const ENTRY_WORDS = 4;
const VECTOR_CONTROL = 3;
const MASKED = 1;

interface MsixState {
  readonly table: readonly number[];
  readonly pending: number;
}

/** The table of message-signalled interrupts of a function, and its pending bits. PCI Local Bus Specification 3.0, "MSI-X Capability". */
export class Msix implements MmioHandler {
  private readonly table: Uint32Array;
  private pending = 0;
  private isEnabled = false;
  private isMasked = false;

  /**
   * @param vectors at most 32
   * @param send writes a message to its address
   */
  constructor(
    readonly vectors: number,
    private readonly send: (address: number, data: number) => void,
  ) {
    this.table = new Uint32Array(vectors * ENTRY_WORDS);
    this.reset();
  }

  /** Whether messages replace the interrupt wire. */
  get enabled(): boolean {
    return this.isEnabled;
  }

  /** Software has written the message control word. */
  setControl(control: number): void {
    this.isEnabled = (control & MsixControl.Enable) !== 0;
    this.isMasked = (control & MsixControl.FunctionMask) !== 0;
    this.sendPending();
  }

  /** Requests the interrupt of a vector. A masked one stays pending. */
  signal(vector: number): void {
    if (!this.isEnabled || vector >= this.vectors) return;
    this.pending |= 1 << vector;
    this.sendPending();
  }

  readMmio(offset: number, size: AccessSize): number {
    const word = offset >>> 2;
    const value = word < this.table.length ? this.table[word]! : offset >>> 2 === PENDING_BITS >>> 2 ? this.pending : 0;
    return size === 4 ? value : value >>> (8 * (offset & 3));
  }

  writeMmio(offset: number, size: AccessSize, value: number): void {
    // Software must access the table in whole words; the result of others is undefined.
    if (size !== 4 || offset >>> 2 >= this.table.length) return;
    this.table[offset >>> 2] = value;
    this.sendPending();
  }

  private sendPending(): void {
    if (!this.isEnabled || this.isMasked) return;
    for (let vector = 0; vector < this.vectors; vector++) {
      const at = vector * ENTRY_WORDS;
      if (!(this.pending & (1 << vector)) || this.table[at + VECTOR_CONTROL]! & MASKED) continue;
      this.pending &= ~(1 << vector);
      if (this.table[at + 1] === 0) this.send(this.table[at]!, this.table[at + 2]!);
    }
  }

  reset(): void {
    this.table.fill(0);
    for (let at = VECTOR_CONTROL; at < this.table.length; at += ENTRY_WORDS) this.table[at] = MASKED;
    this.pending = 0;
    this.isEnabled = this.isMasked = false;
  }

  save(): MsixState {
    return { table: [...this.table], pending: this.pending };
  }

  /** @param control the message control word, which is part of the configuration space */
  restore({ table, pending }: MsixState, control: number): void {
    this.table.set(table);
    this.pending = pending;
    this.isEnabled = (control & MsixControl.Enable) !== 0;
    this.isMasked = (control & MsixControl.FunctionMask) !== 0;
  }
}
