// SPDX-License-Identifier: LGPL-2.1-only

/** Finds a text in a stream of bytes, even if it comes in pieces. */
export class TextMatcher {
  private readonly wanted: Uint8Array;
  /** For each length of a matched beginning: the length of the longest shorter one that is its end (Knuth, Morris, Pratt). */
  private readonly fallback: readonly number[];
  /** Bytes of the text that the last bytes of the stream are: where another matcher of the same text can go on. */
  matched = 0;

  constructor(text: string) {
    this.wanted = new TextEncoder().encode(text);
    this.fallback = TextMatcher.fallbacks(this.wanted);
  }

  private static fallbacks(wanted: Uint8Array): number[] {
    const fallback = [0, 0];
    for (let i = 1, length = 0; i < wanted.length; i++) {
      while (length > 0 && wanted[i] !== wanted[length]) length = fallback[length]!;
      if (wanted[i] === wanted[length]) length++;
      fallback[i + 1] = length;
    }
    return fallback;
  }

  /** @returns whether the text is complete with this byte. */
  push(byte: number): boolean {
    while (this.matched > 0 && byte !== this.wanted[this.matched]) this.matched = this.fallback[this.matched]!;
    if (byte === this.wanted[this.matched]) this.matched++;
    if (this.matched < this.wanted.length) return false;
    this.matched = this.fallback[this.matched]!;
    return true;
  }
}
