// SPDX-License-Identifier: LGPL-2.1-only

const ESCAPE = 0x01; // Ctrl-A
const LEAVE = 'x'.charCodeAt(0);

/** Separates the user's escape sequences from the guest's input: Ctrl-A X leaves, Ctrl-A Ctrl-A types one Ctrl-A. */
export class TerminalEscapes {
  private escaped = false;

  /** @returns the bytes for the guest, and whether the run must end. */
  decode(bytes: Uint8Array): { readonly forGuest: Uint8Array; readonly leave: boolean } {
    const forGuest: number[] = [];
    let leave = false;
    for (const byte of bytes) {
      if (!this.escaped && byte === ESCAPE) {
        this.escaped = true;
        continue;
      }
      if (this.escaped && (byte | 0x20) === LEAVE) leave = true;
      else forGuest.push(byte);
      this.escaped = false;
    }
    return { forGuest: Uint8Array.from(forGuest), leave };
  }
}
