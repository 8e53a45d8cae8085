// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import type { Moment } from '../../src/machine/moment.js';
import type { Pc } from '../../src/machine/pc.js';
import type { RecordedItem } from '../../src/session/recorded_item.js';
import { SessionRecorder } from '../../src/session/session_recorder.js';

const at = (instructions: number): Moment => ({ turn: instructions / 10, instructions, virtualTime: instructions });

/** A machine that has executed so many instructions. */
const machine = (instructions: number, moment: Moment | undefined = at(instructions)): Pc =>
  ({ instructions, virtualTime: instructions, moment, stateHash: () => `hash of ${instructions}` }) as unknown as Pc;

function recorder() {
  const items: RecordedItem[] = [];
  return { items, recorder: new SessionRecorder((item) => items.push(item), 100) };
}

describe('SessionRecorder', () => {
  it('writes a state at the first moment at or after each interval', () => {
    const { items, recorder: one } = recorder();
    for (const instructions of [90, 110, 190, 430, 490]) one.quantumEnded(machine(instructions));
    const { moment: _, ...within } = machine(500);
    one.quantumEnded({ ...within, moment: undefined } as Pc);
    one.quantumEnded(machine(510));
    expect(items).to.deep.equal(
      [110, 430, 510].map((each) => ({ kind: 'state', at: at(each), hash: `hash of ${each}` })),
    );
  });

  it('writes events, and the end: with the moment if the host has ended the run', () => {
    const { items, recorder: one } = recorder();
    const event = { kind: 'typed', bytes: [65] } as const;
    one.event({ at: at(10), event });
    one.ended(machine(20), 'timeout', true);
    one.ended(machine(30), 'powered-off', false);
    expect(items).to.deep.equal([
      { kind: 'event', at: at(10), event },
      { kind: 'end', at: at(20), outcome: 'timeout', instructions: 20, virtualTime: 20, hash: 'hash of 20' },
      { kind: 'end', outcome: 'powered-off', instructions: 30, virtualTime: 30, hash: 'hash of 30' },
    ]);
  });
});
