// SPDX-License-Identifier: LGPL-2.1-only
import type { AccessSize } from '../device.js';
import { CONFIG_BYTES, type ConfigRegister } from './pci_registers.js';

/** The configuration space of one function. A table says for each register what it holds after a reset and which bits software can write. */
export class ConfigSpace {
  private readonly initial = new Uint8Array(CONFIG_BYTES);
  private readonly writable = new Uint8Array(CONFIG_BYTES);
  private readonly bytes = new Uint8Array(CONFIG_BYTES);

  /** Adds a register to the table. @param writable the bits that software can change */
  define({ offset, size }: ConfigRegister, value: number, writable = 0): void {
    for (let i = 0; i < size; i++) {
      this.initial[offset + i] = this.bytes[offset + i] = value >>> (8 * i);
      this.writable[offset + i] = writable >>> (8 * i);
    }
  }

  /** A read by software. Bytes beyond the end read as ones. */
  read(offset: number, size: AccessSize): number {
    let value = 0;
    for (let i = 0; i < size; i++) value |= (this.bytes[offset + i] ?? 0xff) << (8 * i);
    return value >>> 0;
  }

  /** A write by software: it changes the writable bits only. */
  write(offset: number, size: AccessSize, value: number): void {
    for (let i = 0; i < size; i++) {
      const mask = this.writable[offset + i] ?? 0;
      this.bytes[offset + i] = (this.bytes[offset + i]! & ~mask) | ((value >>> (8 * i)) & mask);
    }
  }

  get({ offset, size }: ConfigRegister): number {
    return this.read(offset, size);
  }

  /** A change by the function itself, of any bit. */
  set({ offset, size }: ConfigRegister, value: number): void {
    for (let i = 0; i < size; i++) this.bytes[offset + i] = value >>> (8 * i);
  }

  reset(): void {
    this.bytes.set(this.initial);
  }

  save(): number[] {
    return [...this.bytes];
  }

  /** @returns whether that changed anything */
  restore(bytes: readonly number[]): boolean {
    let same = 0;
    while (same < CONFIG_BYTES && this.bytes[same] === bytes[same]) same++;
    if (same < CONFIG_BYTES) this.bytes.set(bytes);
    return same < CONFIG_BYTES;
  }
}
