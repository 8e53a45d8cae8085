// SPDX-License-Identifier: LGPL-2.1-only
import type { Cpuid } from '../instructions/cpuid.js';
import { cpuidRegisterNames, type CpuidRegisterName } from '../registers/cpuid_leaves.js';
import { ReadOnlyError } from '../errors.js';
import type { Warn, WordSource } from './word_source.js';

/** A register that CPUID fills. */
export class CpuidSource implements WordSource {
  readonly label: string;
  private readonly index: number;
  private readonly result = new Uint32Array(4);

  constructor(
    private readonly cpuid: Cpuid,
    private readonly leaf: number,
    private readonly subleaf: number | null,
    register: CpuidRegisterName,
    readonly warn: Warn,
  ) {
    this.index = cpuidRegisterNames.indexOf(register);
    const number = `0x${leaf.toString(16)}${subleaf === null ? '' : `, ${subleaf}`}`;
    this.label = `CPUID (${number}) ${register.toUpperCase()}`;
  }

  /** Whether the leaf is within its range: EAX of leaf 0 or 80000000H is the last one. */
  exists(): boolean {
    this.cpuid.cpuid((this.leaf & 0x80000000) >>> 0, 0, this.result);
    return this.leaf <= this.result[0]!;
  }

  read(): bigint {
    this.cpuid.cpuid(this.leaf, this.subleaf ?? 0, this.result);
    return BigInt(this.result[this.index]!);
  }

  write(): never {
    throw new ReadOnlyError(`${this.label} is read-only: it is what the processor says of itself`);
  }

  change(): never {
    this.write();
  }
}
