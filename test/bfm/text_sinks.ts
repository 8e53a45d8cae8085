// SPDX-License-Identifier: LGPL-2.1-only

import type { TextSink } from '../../src/bfm/console/text_sink.js';

/** A text as bytes. */
export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** A stream that keeps what is written to it. */
export function sink(): { text: string } & TextSink {
  const target = {
    text: '',
    write(chunk: string | Uint8Array, written?: () => void) {
      target.text += typeof chunk === 'string' ? chunk : new TextDecoder().decode(chunk);
      written?.();
    },
  };
  return target;
}
