// SPDX-License-Identifier: LGPL-2.1-only
import type { AccessSize } from '../device.js';
import type { MmioHandler } from '../io_bus.js';
import { CommonRegister } from './virtio_registers.js';

/** A register of the common configuration structure. Without `write` it is read-only. */
export interface VirtioRegister {
  readonly size: AccessSize;
  readonly read: () => number;
  readonly write?: (value: number) => void;
}

/** The common configuration structure: a table of registers by offset. A driver must access each one by its own width; others do nothing. */
export class CommonRegisters implements MmioHandler {
  private readonly byOffset: ReadonlyMap<number, VirtioRegister>;

  /** @param registers by name; those of 64 bits are given as two words */
  constructor(
    registers: Readonly<
      Record<keyof typeof CommonRegister, VirtioRegister | readonly [VirtioRegister, VirtioRegister]>
    >,
  ) {
    const entries = Object.entries(CommonRegister).flatMap(([name, offset]) => {
      const words = [registers[name as keyof typeof CommonRegister]].flat() as VirtioRegister[];
      return words.map((word, i): [number, VirtioRegister] => [offset + 4 * i, word]);
    });
    this.byOffset = new Map(entries);
  }

  readMmio(offset: number, size: AccessSize): number {
    const register = this.byOffset.get(offset);
    return register?.size === size ? register.read() : 0;
  }

  writeMmio(offset: number, size: AccessSize, value: number): void {
    const register = this.byOffset.get(offset);
    if (register?.size === size) register.write?.(value);
  }
}
