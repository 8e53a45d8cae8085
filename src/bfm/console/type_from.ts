// SPDX-License-Identifier: LGPL-2.1-only
import type { Readable } from 'node:stream';

/**
 * Types the contents of a pipe or a file, no faster than the guest takes them.
 *
 * @param type types bytes at the guest; resolves once they are on their way to it.
 * @param ended called when everything was typed.
 * @param failed called with the reason if typing fails.
 * @returns a function that gives the stream back
 */
export function typeFrom(
  stream: Readable,
  type: (bytes: Uint8Array) => Promise<void>,
  ended: () => void,
  failed: (error: Error) => void,
): () => void {
  let isOver = false;
  const onData = (bytes: Buffer): void => {
    stream.pause();
    type(bytes).then(
      () => void (isOver || stream.resume()),
      (error: unknown) => {
        stop();
        failed(error as Error);
      },
    );
  };
  const stop = (): void => {
    isOver = true;
    stream.off('data', onData).off('end', ended);
    stream.destroy();
  };
  stream.on('data', onData).on('end', ended);
  // A terminal that hangs up, or a folder instead of a file: there is nothing more to type.
  stream.on('error', ended);
  return stop;
}
