// SPDX-License-Identifier: LGPL-2.1-only
import type { Symbols } from './symbols.js';

/** On a machine that knows no names. */
export const noSymbols: Symbols = {
  find: () => undefined,
  nameOf: () => undefined,
  addressOf: () => undefined,
};
