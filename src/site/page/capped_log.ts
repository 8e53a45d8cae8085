// SPDX-License-Identifier: LGPL-2.1-only

/** Characters that are kept: a VMM may print at each exit. */
const MOST = 1 << 18;

/** A text that grows at its end. What is old goes. */
export class CappedLog {
  private length = 0;

  constructor(private readonly place: HTMLElement) {}

  append(text: string): void {
    this.place.append(text);
    this.length += text.length;
    while (this.length > MOST && this.place.firstChild !== this.place.lastChild) {
      const first = this.place.firstChild!;
      this.length -= first.textContent?.length ?? 0;
      first.remove();
    }
  }

  clear(): void {
    this.place.textContent = '';
    this.length = 0;
  }
}
