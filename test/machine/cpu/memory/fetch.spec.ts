// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { Rights, Segment, setSegment } from '../../../support/processor_setup.js';
import { At, Select, SystemMachine } from '../../../support/system_machine.js';

const reads: number[] = [];
const machine = await SystemMachine.make({
  mmioRead: (address) => {
    reads.push(address);
    return 0x90909090;
  },
});
const GP = 13;
const PF = 14;
const nextPage = At.pages + 0x1000;
const device = 0xc0000000;

/** Puts bytes at the end of a page before one that is absent, or a device's, and executes them. */
function atPageEnd(
  bits: 16 | 32 | 64,
  bytes: readonly number[],
  next: 'absent' | 'device' = 'absent',
): ReturnType<SystemMachine['go']> {
  machine.start({ bits: bits === 64 ? 64 : 32 });
  if (bits === 16) setSegment(machine, Segment.CS, Select.code16, 0, 0xffffffff, Rights.code16 | 0x8000);
  if (next === 'absent') machine.map(nextPage, 0, 0n);
  else machine.map(nextPage, device, 3n);
  const at = nextPage - bytes.length;
  machine.poke(at, ...bytes);
  machine.codeChanged(at, bytes.length);
  machine.set('RIP', at);
  machine.stateChanged();
  reads.length = 0;
  return machine.go();
}

/** Beginnings of an instruction that 15 bytes do not complete: prefixes, and what follows them. */
const unfinished = [[], [0x0f], [0x0f, 0x38], [0x81], [0x81, 0x84], [0xb8], [0x05, 0]];

describe('Fifteen bytes without the end of an instruction', () => {
  for (const bits of [16, 32, 64] as const) {
    for (const end of unfinished) {
      const bytes = [...new Array<number>(15 - end.length).fill(0x66), ...end];
      it(`are #GP(0) before the sixteenth is fetched: 66 … ${Buffer.from(end).toString('hex')} in ${bits}-bit code`, () => {
        const { vector, code, rip, cr2 } = atPageEnd(bits, bytes);
        expect({ vector, code, rip, cr2 }).to.deep.equal({ vector: GP, code: 0, rip: nextPage - 15, cr2: 0 });
        expect([atPageEnd(bits, bytes, 'device').vector, reads]).to.deep.equal([GP, []]);
      });
    }
    it(`are a page fault when there are only fourteen, in ${bits}-bit code`, () => {
      const { vector, rip, cr2 } = atPageEnd(bits, new Array<number>(14).fill(0x66));
      expect({ vector, rip, cr2 }).to.deep.equal({ vector: PF, rip: nextPage - 14, cr2: nextPage });
    });
  }
});
