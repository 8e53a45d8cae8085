// SPDX-License-Identifier: LGPL-2.1-only
import { dumpWord } from '../texts/dump_word.js';
import type { DumpAccess } from './accessor_types.js';
import { BitsAccessor } from './bits_accessor.js';
import type { WordDefinition, WordSource } from './word_source.js';

/** A whole word. A write does not need to read it first. */
export class WordAccessor extends BitsAccessor implements DumpAccess {
  constructor(
    source: WordSource,
    private readonly definition: WordDefinition,
    bits: number,
  ) {
    const { name, values, meaning } = definition;
    super(source, { name, kind: 'run', from: 0, to: bits - 1, values, meaning }, (1n << BigInt(bits)) - 1n);
  }

  override get(): bigint {
    return this.source.read();
  }

  dump(): string {
    return dumpWord(this.definition, this.source.exists() ? this.source.read() : undefined);
  }

  protected override store(value: bigint): void {
    this.source.write(value);
  }
}
