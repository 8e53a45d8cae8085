// SPDX-License-Identifier: LGPL-2.1-only
import { BitsAccessor } from './bits_accessor.js';

/** A whole word: what is written to it need not be read before. */
export class WordAccessor extends BitsAccessor {
  override get(): bigint {
    return this.source.read();
  }

  protected override store(value: bigint): void {
    this.source.write(value);
  }
}
