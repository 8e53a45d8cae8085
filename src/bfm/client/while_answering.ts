// SPDX-License-Identifier: LGPL-2.1-only

/** How often the other side is polled while the work runs. */
const LOOKS = 10;

/**
 * Waits for work that another process does, for as long as that process answers at all. Time is counted in polls, so a suspended computer
 * or program does not count as silence.
 *
 * @param ping asks the other process for a sign of life.
 * @param patience milliseconds without one.
 * @returns the work's result. @throws what `silent` makes, after that much silence
 */
export async function whileAnswering<T>(
  work: Promise<T>,
  ping: () => Promise<unknown>,
  patience: number,
  silent: () => Error,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<never>((_resolve, reject) => {
    let isAnswered = true;
    let silentLooks = 0;
    timer = setInterval(() => {
      if (!isAnswered) {
        if (++silentLooks >= LOOKS) reject(silent());
        return;
      }
      isAnswered = false;
      silentLooks = 0;
      // The work reports that the other process went away.
      ping().then(
        () => (isAnswered = true),
        () => {},
      );
    }, patience / LOOKS);
  });
  try {
    return await Promise.race([work, silence]);
  } finally {
    clearInterval(timer);
  }
}
