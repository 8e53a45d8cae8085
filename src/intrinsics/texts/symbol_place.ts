// SPDX-License-Identifier: LGPL-2.1-only

/** Where an address is, by the name of what is there. */
export interface SymbolPlace {
  readonly name: string;
  /** Bytes from the symbol to the address. */
  readonly offset: bigint;
  /** The module of the guest's kernel that has the symbol, if it is not the kernel itself. */
  readonly module?: string;
}

const HIDDEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** The place with a name that can be shown: a hostile guest or file may have control characters in a name, which would act on the terminal. */
export function shownPlace(place: SymbolPlace): SymbolPlace {
  const name = place.name.replace(HIDDEN, '�');
  return name === place.name ? place : { ...place, name };
}

/** A place as a text: `name`, `name+0x1a` or `name+0x1a [module]`. */
export function symbolText({ name, offset, module }: SymbolPlace): string {
  const distance = offset === 0n ? '' : `+0x${offset.toString(16)}`;
  return `${name}${distance}${module === undefined ? '' : ` [${module}]`}`;
}
