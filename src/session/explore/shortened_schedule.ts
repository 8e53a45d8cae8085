// SPDX-License-Identifier: LGPL-2.1-only
import type { Schedule } from './schedule.js';

/**
 * Leaves deviations out of a failing schedule while it still fails, until each that is left is needed.
 *
 * @param fails runs the machine under a schedule
 */
export function shortenedSchedule(schedule: Schedule, fails: (schedule: Schedule) => boolean): Schedule {
  for (let left = schedule.length - 1; left >= 0; left--) {
    const shorter = schedule.filter((_, at) => at !== left);
    // Another deviation may have been needed only together with this one.
    if (fails(shorter)) return shortenedSchedule(shorter, fails);
  }
  return schedule;
}
