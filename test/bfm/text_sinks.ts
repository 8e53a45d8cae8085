// SPDX-License-Identifier: LGPL-2.1-only

/** A text as bytes. */
export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** A stream that keeps what is written to it. */
export function sink(): { text: string; write(chunk: string | Uint8Array): void } {
  const target = {
    text: '',
    write(chunk: string | Uint8Array) {
      target.text += typeof chunk === 'string' ? chunk : new TextDecoder().decode(chunk);
    },
  };
  return target;
}
