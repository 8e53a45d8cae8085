// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { Layout } from '../../../src/machine/layout/layout.js';
import { StopReason } from '../../../src/machine/layout/stop_reason.js';
import { readFlags, writeFlags } from '../../../src/machine/processor/lazy_flags.js';
import { At, SystemMachine } from '../../support/system_machine.js';

/** All 64 values of the arithmetic flags, with other flags. */
const combinations = (others: number): number[] =>
  Array.from({ length: 64 }, (_, i) =>
    [1, 4, 0x10, 0x40, 0x80, 0x800].reduce((sum, flag, bit) => sum | ((i >> bit) & 1 ? flag : 0), others),
  );

describe('lazy flags', () => {
  const u32 = new Uint32Array(0x2000 >>> 2);

  it('come back as they were written, all 64 combinations', () => {
    for (const flags of combinations(0x3202)) {
      writeFlags(u32, flags);
      expect(readFlags(u32), flags.toString(16)).to.equal(flags);
    }
  });

  it('are read as the core computes them: 1 − 2 sets CF, PF, AF, SF', () => {
    u32[Layout.RFLAGS_SYSTEM >>> 2] = 2;
    u32.set([0xffffffff, 0xffffffff], Layout.FR >>> 2);
    // a ^ b ^ r = 1 ^ 2 ^ −1
    u32.set([0xfffffffc, 0xffffffff], Layout.FX >>> 2);
    u32.set([1, 0], Layout.FC >>> 2);
    expect(readFlags(u32)).to.equal(0x2 | 0x1 | 0x4 | 0x10 | 0x80);
  });

  describe('in the core', () => {
    let machine: SystemMachine;
    before(async () => {
      machine = (await SystemMachine.make()).start();
      machine.write(At.kernelCode, ['pushfq', 'pop rax', 'push rcx', 'popfq']);
    });
    const run = (): void => {
      machine.set('RIP', At.kernelCode);
      expect(machine.run(4)).to.equal(StopReason.Quantum);
    };

    it('are what PUSHF stores, for words of every form', () => {
      const all = (1n << 64n) - 1n;
      const edges = [0n, 1n, 2n, 3n, 0x7fn, 0x80n, 0xffn, 0x10n, 1n << 62n, 1n << 63n, (1n << 63n) | 1n, all];
      for (const result of edges)
        for (const carries of edges)
          for (let bits = 0n; bits < 8n; bits++) {
            machine.set('FR', result);
            machine.set('FX', carries);
            machine.set('FC', bits);
            const asRead = readFlags(machine.u32);
            run();
            const what = `FR ${result.toString(16)}, FX ${carries.toString(16)}, FC ${bits}`;
            expect(Number(machine.get('RAX')), what).to.equal(asRead);
          }
    });

    it('are what POPF loads, all 64 combinations', () => {
      for (const flags of combinations(0x2)) {
        machine.set('RCX', flags);
        run();
        expect(readFlags(machine.u32), flags.toString(16)).to.equal(flags);
      }
    });
  });
});
