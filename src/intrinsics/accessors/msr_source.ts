// SPDX-License-Identifier: LGPL-2.1-only
import { ReadOnlyError } from '../errors.js';
import type { Msrs } from '../instructions/msr.js';
import type { MsrDefinition } from '../registers/msr_definitions.js';
import { answers } from './answers.js';
import type { Warn, WordSource } from './word_source.js';

/** An MSR, by RDMSR and WRMSR. */
export class MsrSource implements WordSource {
  readonly label: string;

  constructor(
    private readonly msrs: Msrs,
    private readonly definition: MsrDefinition,
    readonly warn: Warn,
  ) {
    this.label = `${definition.name.toUpperCase()} (0x${definition.address.toString(16)}) MSR`;
  }

  /** Whether RDMSR gives a value: also false for the few MSRs that can only be written. */
  exists(): boolean {
    return answers(() => this.read());
  }

  read(): bigint {
    return this.msrs.rdmsr(this.definition.address);
  }

  write(value: bigint): void {
    if (this.definition.readOnly) throw new ReadOnlyError(`${this.label} is read-only: WRMSR would raise #GP`);
    this.msrs.wrmsr(this.definition.address, value);
  }

  change(mask: bigint, value: bigint): void {
    this.write((this.read() & ~mask) | (value & mask));
  }
}
