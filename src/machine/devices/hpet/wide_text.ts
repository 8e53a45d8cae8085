// SPDX-License-Identifier: LGPL-2.1-only

/**
 * Numbers of 64 bits that a plain state holds as text. It remembers the last one, because the conversion takes longer than what devices compute. What it
 * remembers is no state: `#` keeps it out of what is compared and saved.
 */
export class WideText {
  #text = '0';
  #value = 0n;

  parse(text: string): bigint {
    if (text !== this.#text) this.keep(text, BigInt(text));
    return this.#value;
  }

  format(value: bigint): string {
    if (value !== this.#value) this.keep(String(value), value);
    return this.#text;
  }

  private keep(text: string, value: bigint): void {
    this.#text = text;
    this.#value = value;
  }
}
