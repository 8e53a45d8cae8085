// SPDX-License-Identifier: LGPL-2.1-only

const KEPT_BYTES = 2048;
const SHOWN_LINES = 5;

/** Keeps the end of a guest's console for the report of a run that did not end well. */
export class LastOutput {
  private readonly ring = new Uint8Array(KEPT_BYTES);
  private count = 0;

  push(byte: number): void {
    this.ring[this.count++ % KEPT_BYTES] = byte;
  }

  /** The last lines that hold anything, without control characters; empty if the guest printed nothing. */
  lines(): string[] {
    const start = Math.max(0, this.count - KEPT_BYTES);
    const bytes = Uint8Array.from({ length: this.count - start }, (_, i) => this.ring[(start + i) % KEPT_BYTES]!);
    return new TextDecoder()
      .decode(bytes)
      .split(/[\r\n]+/)
      .map(printable)
      .filter((line) => line !== '')
      .slice(-SHOWN_LINES);
  }
}

/** Escape sequences and control characters would act on the terminal that shows the report. */
function printable(line: string): string {
  // eslint-disable-next-line no-control-regex -- control characters are what it removes
  return line.replace(/\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x1f\x7f-\x9f]/g, '').trimEnd();
}
