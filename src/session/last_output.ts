// SPDX-License-Identifier: LGPL-2.1-only

/** Bytes of the console that are kept. */
export const KEPT_BYTES = 2048;
const SHOWN_LINES = 5;
const NEWLINE = 10;
const CARRIAGE_RETURN = 13;

/** Keeps the end of a guest's console for the report of a run that did not end well. */
export class LastOutput {
  private readonly ring = new Uint8Array(KEPT_BYTES);
  private count = 0;

  push(byte: number): void {
    this.ring[this.count++ % KEPT_BYTES] = byte;
  }

  /** The end of the console, for a snapshot. */
  save(): Uint8Array {
    return this.kept();
  }

  /** Goes on with what another console had shown, or this one at another moment. */
  restore(bytes: Uint8Array): void {
    this.count = 0;
    for (const byte of bytes) this.push(byte);
  }

  /** Whether the last line has begun and not ended: it may be a prompt. */
  get isLineOpen(): boolean {
    const last = this.kept().at(-1);
    return last !== undefined && last !== NEWLINE && last !== CARRIAGE_RETURN;
  }

  private kept(): Uint8Array {
    const start = Math.max(0, this.count - KEPT_BYTES);
    return Uint8Array.from({ length: this.count - start }, (_, i) => this.ring[(start + i) % KEPT_BYTES]!);
  }

  /** The last lines that hold anything, without control characters; empty if the guest printed nothing. */
  lines(): string[] {
    return new TextDecoder()
      .decode(this.kept())
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
