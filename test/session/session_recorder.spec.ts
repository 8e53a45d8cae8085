// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import type { Moment } from '../../src/machine/moment.js';
import type { Pc } from '../../src/machine/pc.js';
import type { RecordedItem } from '../../src/session/recorded_item.js';
import { SessionRecorder } from '../../src/session/session_recorder.js';

const at = (instructions: number): Moment => ({ turn: instructions / 10, instructions, virtualTime: instructions });

/** A recorder, and a clock that runs on by so many milliseconds when a machine's memory is hashed. */
function recorder(hashTakes = 0) {
  const items: RecordedItem[] = [];
  const world = { now: 0 };
  const machine = (instructions: number, moment: Moment | undefined = at(instructions)): Pc =>
    ({
      instructions,
      virtualTime: instructions,
      moment,
      briefHash: () => `brief ${instructions}`,
      stateHash: () => ((world.now += hashTakes), `hash ${instructions}`),
    }) as unknown as Pc;
  const one = new SessionRecorder({ write: (item) => items.push(item), now: () => world.now, interval: 100 });
  return { items, one, machine, world };
}

describe('SessionRecorder', () => {
  it('writes a state at the first moment at or after each interval', () => {
    const { items, one, machine } = recorder();
    for (const instructions of [90, 110, 190, 430, 490]) one.quantumEnded(machine(instructions));
    const { moment: _, ...within } = machine(500);
    one.quantumEnded({ ...within, moment: undefined } as Pc);
    one.quantumEnded(machine(510));
    expect(items).to.deep.equal(
      [110, 430, 510].map((each) => ({ kind: 'state', at: at(each), brief: `brief ${each}`, hash: `hash ${each}` })),
    );
  });

  it('hashes memory only while that takes a hundredth of the time', () => {
    const { items, one, machine, world } = recorder(5);
    for (const [time, instructions] of [
      [100, 100],
      [200, 200],
      [499, 300],
      [500, 400],
      [999, 500],
      [1001, 600],
    ] as const) {
      world.now = time;
      one.quantumEnded(machine(instructions));
    }
    expect(items.map((item) => item.kind === 'state' && item.hash !== undefined)).to.deep.equal([
      true,
      false,
      false,
      true,
      false,
      true,
    ]);
  });

  it('writes events, and the end: with the moment if the host has ended the run', () => {
    const { items, one, machine } = recorder();
    const event = { kind: 'typed', bytes: [65] } as const;
    one.event({ at: at(10), event });
    one.ended(machine(20), 'timeout', true);
    one.ended(machine(30), 'powered-off', false);
    expect(items).to.deep.equal([
      { kind: 'event', at: at(10), event },
      { kind: 'end', at: at(20), outcome: 'timeout', instructions: 20, virtualTime: 20, hash: 'hash 20' },
      { kind: 'end', outcome: 'powered-off', instructions: 30, virtualTime: 30, hash: 'hash 30' },
    ]);
  });
});
