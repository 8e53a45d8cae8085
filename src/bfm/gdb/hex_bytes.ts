// SPDX-License-Identifier: LGPL-2.1-only

/** Bytes as two hexadecimal digits each. */
export const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** @returns undefined for what is no such text */
export function fromHex(text: string): Uint8Array | undefined {
  return text.length % 2 === 0 && /^[0-9a-fA-F]*$/.test(text) ? Buffer.from(text, 'hex') : undefined;
}

/** The characters of a text, which are in 0 to FFH, as bytes. */
export const latinBytes = (text: string): Uint8Array => Buffer.from(text, 'latin1');

/** A text as hexadecimal UTF-8. */
export const textToHex = (text: string): string => toHex(Buffer.from(text));

/** A number of at most 64 bits. @returns undefined for what is no hexadecimal number */
export function parseHex(text: string): bigint | undefined {
  return /^[0-9a-fA-F]{1,16}$/.test(text) ? BigInt(`0x${text}`) : undefined;
}
