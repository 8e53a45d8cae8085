// SPDX-License-Identifier: LGPL-2.1-only
import { component } from '../../intrinsics/component.js';
import type { SymbolPlace } from '../../intrinsics/texts/symbol_place.js';

/**
 * The names of the guest's code and data: of the files of `--symbols`, and of the tables that a Linux kernel keeps in its memory. A question changes
 * nothing of the guest. It takes microseconds for an address and milliseconds for a name: ask once, and keep the answer.
 */
export interface Symbols {
  /** The last symbol at or below an address. Undefined if the address belongs to none. */
  find(address: bigint): SymbolPlace | undefined;
  /** The same as a text: `name`, `name+0x1a` or `name+0x1a [module]`. */
  nameOf(address: bigint): string | undefined;
  /** The address of the first symbol of a name. Modules of the guest's kernel do not count. */
  addressOf(name: string): bigint | undefined;
}
export const Symbols = component<Symbols>('bareflank.Symbols', 'vmm');
