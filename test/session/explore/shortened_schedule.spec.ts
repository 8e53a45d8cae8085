// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import type { Schedule } from '../../../src/session/explore/schedule.js';
import { shortenedSchedule } from '../../../src/session/explore/shortened_schedule.js';

const schedule: Schedule = [2, 5, 9, 12].map((decision) => ({ decision, processor: 1 }));
const decisions = (of: Schedule): number[] => of.map(({ decision }) => decision);

describe('shortenedSchedule', () => {
  it('keeps the deviations without which there is no failure', () => {
    const fails = (tried: Schedule): boolean => [5, 12].every((needed) => decisions(tried).includes(needed));
    expect(decisions(shortenedSchedule(schedule, fails))).to.deep.equal([5, 12]);
    expect(shortenedSchedule(schedule, () => true)).to.deep.equal([]);
    expect(shortenedSchedule(schedule, () => false)).to.deep.equal(schedule);
  });

  it('tries again what was needed only together with one that it left out', () => {
    // With 2 there, 12 is needed; without it, it is not.
    const fails = (tried: Schedule): boolean => {
      const of = decisions(tried);
      return of.includes(5) && (!of.includes(2) || of.includes(12));
    };
    expect(decisions(shortenedSchedule(schedule, fails))).to.deep.equal([5]);
  });
});
