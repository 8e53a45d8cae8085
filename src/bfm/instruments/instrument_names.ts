// SPDX-License-Identifier: LGPL-2.1-only
import { symbolText, type SymbolPlace } from '../../intrinsics/texts/symbol_place.js';
import type { GuestSymbols } from '../../machine/symbols/guest_symbols.js';
import { KERNEL_HALF } from '../../machine/symbols/symbol_table.js';

/** The names of an instrument's file, for a machine that does not run any more, and why those of the guest's kernel are missing if the file would have had some. */
export class InstrumentNames {
  private hasNameless = false;
  private readonly placeOf: (address: bigint) => SymbolPlace | undefined;

  /** @param handlers of VM exits, as the VMM numbers them */
  constructor(
    private readonly symbols: Pick<GuestSymbols, 'whileStill' | 'hasKernel' | 'whyNone'>,
    readonly handlers: readonly string[],
  ) {
    this.placeOf = symbols.whileStill();
  }

  /** What is at an address of the guest. */
  find(address: bigint): SymbolPlace | undefined {
    const place = this.placeOf(address);
    this.hasNameless ||= place === undefined && address >= KERNEL_HALF;
    return place;
  }

  /** The same as a text. */
  textOf(address: bigint): string | undefined {
    const place = this.find(address);
    return place && symbolText(place);
  }

  /** For people. Empty unless the kernel's names were asked for and there are none. */
  get missing(): readonly string[] {
    // The driver's own context has such addresses too.
    const why = this.hasNameless && this.symbols.hasKernel ? this.symbols.whyNone() : undefined;
    return why === undefined ? [] : [`no names of the guest's kernel: ${why}`];
  }
}
