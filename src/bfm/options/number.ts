// SPDX-License-Identifier: LGPL-2.1-only
import { UsageError } from '../failures/usage_error.js';

const LARGEST = (1n << 64n) - 1n;

function parse(text: string, what: string, pattern: RegExp, base: 'hexadecimal' | 'decimal'): bigint {
  const digits = text.replace(/^0x/i, '');
  const prefixed = digits !== text;
  if (!(prefixed ? /^[0-9a-f]+$/i : pattern).test(digits)) {
    const other = base === 'decimal' ? ', or hexadecimal with 0x' : ', with or without 0x';
    throw UsageError.ofOption(what, text, `a ${base} number${other}`);
  }
  const value = BigInt(prefixed || base === 'hexadecimal' ? `0x${digits}` : digits);
  if (value > LARGEST) throw new UsageError(`${what} ${text}: it has more than 64 bits`);
  return value;
}

/** A number of Bareflank 1.1's command line: hexadecimal, with or without 0x. @throws UsageError, for trailing garbage too */
export function parseHexadecimal(text: string, what: string): bigint {
  return parse(text, what, /^[0-9a-f]+$/i, 'hexadecimal');
}

/** A decimal number, or a hexadecimal one with 0x. @throws UsageError, for trailing garbage too */
export function parseDecimal(text: string, what: string): bigint {
  return parse(text, what, /^[0-9]+$/, 'decimal');
}
