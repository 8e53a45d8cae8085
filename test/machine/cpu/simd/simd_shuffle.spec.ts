// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { Rights, Segment, setSegment } from '../../../support/processor_setup.js';
import { At, Select, SystemMachine } from '../../../support/system_machine.js';

const machine = await SystemMachine.make();
const fsBase = 0x1000;

/** The masked stores, with a mask that chooses every byte: their own register's, all ones. */
const stores = [
  { name: 'MASKMOVQ', set: 'pcmpeqb mm0, mm0', bytes: [0x0f, 0xf7, 0xc0], size: 8 },
  { name: 'MASKMOVDQU', set: 'pcmpeqb xmm0, xmm0', bytes: [0x66, 0x0f, 0xf7, 0xc0], size: 16 },
];
const line = (...bytes: readonly number[]): string =>
  `.byte ${bytes.map((byte) => `0x${byte.toString(16)}`).join(', ')}`;
const written = (address: number): bigint => machine.peek64(address);

describe('MASKMOVQ and MASKMOVDQU', () => {
  for (const { name, set, bytes, size } of stores) {
    const ones = (address: number): boolean =>
      written(address) === 2n ** 64n - 1n && (size === 8 || written(address + 8) === 2n ** 64n - 1n);
    describe(name, () => {
      for (const [prefix, segment] of [
        [0x64, Segment.FS],
        [0x65, Segment.GS],
      ] as const) {
        it(`stores at rDI in the segment that prefix ${prefix.toString(16)} names, in 64-bit mode`, () => {
          for (const address32 of [[], [0x67]]) {
            machine.start();
            setSegment(machine, segment, Select.data, fsBase, 0xffffffff, Rights.data32);
            machine.set('RDI', At.pages);
            machine.stateChanged();
            expect(machine.run64(set, line(prefix, ...address32, ...bytes)).vector).to.equal(undefined);
            expect([written(At.pages), ones(At.pages + fsBase)]).to.deep.equal([0n, true]);
          }
        });
      }
      for (const [prefix, segment] of [
        [undefined, Segment.DS],
        [0x26, Segment.ES],
        [0x36, Segment.SS],
        [0x3e, Segment.DS],
        [0x64, Segment.FS],
        [0x65, Segment.GS],
      ] as const) {
        const how = prefix === undefined ? 'no prefix' : `prefix ${prefix.toString(16)}`;
        const start = (base: number, limit: number, rights: number = Rights.data32): void => {
          machine.start({ bits: 32, paging: 'none' });
          setSegment(machine, segment, Select.data, base, limit, rights);
          machine.set('RDI', At.pages);
          machine.stateChanged();
        };
        const store = line(...(prefix === undefined ? [] : [prefix]), ...bytes);
        it(`adds the base of the segment in 32-bit code: ${how}`, () => {
          start(fsBase, 0xffffffff);
          expect(machine.run64(set, store).vector).to.equal(undefined);
          expect([written(At.pages), ones(At.pages + fsBase)]).to.deep.equal([0n, true]);
        });
        it(`faults beyond the segment's limit, and if it is read-only: ${how}`, () => {
          const vector = segment === Segment.SS ? 12 : 13;
          start(0, At.kernelStackTop);
          machine.set('RDI', At.kernelStackTop - size + 2);
          expect(machine.run64(set, store).vector).to.equal(vector);
          // a stack that cannot be written would not take the exception's frame
          if (segment === Segment.SS) return;
          start(0, 0xffffffff, Rights.data32 & ~2);
          expect(machine.run64(set, store).vector).to.equal(vector);
          expect(written(At.pages)).to.equal(0n);
        });
      }
    });
  }
});
