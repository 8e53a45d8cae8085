// SPDX-License-Identifier: LGPL-2.1-only
import { randomNumbers } from '../random_numbers.js';
import { expect } from 'chai';
import { modelFeatures } from '../../../src/machine/models/model_features.js';
import { LogicalProcessor } from '../../../src/machine/processor/logical_processor.js';
import { executionState, type ExecutionState } from '../../../src/machine/report/execution_state.js';
import { pageWalk } from '../../../src/machine/report/page_walk.js';
import { walkedMemory } from '../../../src/machine/report/walked_memory.js';
import { hex } from '../../../src/intrinsics/texts/hex.js';
import { Page } from '../../support/processor_setup.js';
import { At, SystemMachine, type PagingMode } from '../../support/system_machine.js';

const machine = await SystemMachine.make();
const { cpu } = machine;
const processor = new LogicalProcessor(0, cpu, { cr4Allowed: cpu.cr4Allowed, features: modelFeatures(cpu.model) });
const walk = (linear: bigint, other: Partial<ExecutionState> = {}) =>
  pageWalk({ ...executionState(processor), ...other }, walkedMemory(processor), linear);

const mapped = 0x654321;
const flags = Page.present | Page.writable;

describe('pageWalk', () => {
  for (const [paging, bits, steps] of [
    ['32-bit', 32, ['PDE', 'PTE']],
    ['pae', 32, ['PDPTE', 'PDE', 'PTE']],
    ['4-level', 64, ['PML4E', 'PDPTE', 'PDE', 'PTE']],
  ] as const)
    it(`goes level by level with ${paging} paging, and finds what the processor finds`, () => {
      machine.start({ bits, paging: paging as PagingMode });
      machine.map(mapped & ~0xfff, At.pages, flags);
      machine.stateChanged();
      const { steps: found, stop, physical } = walk(BigInt(mapped));
      expect(found.map(({ entry }) => entry)).to.deep.equal(steps);
      expect([stop, physical]).to.deep.equal([null, hex(At.pages + 0x321)]);
      expect(Number(physical)).to.equal(cpu.translate(BigInt(mapped)));
      expect(found.at(-1)!.text).to.match(/^PTE at 0x[0-9a-f]+ = 0x20003: P R\/W, 4-KiB page$/);
    });

  for (const [paging, bits] of [
    ['32-bit', 32],
    ['pae', 32],
    ['4-level', 64],
  ] as const)
    it(`agrees with the processor about random tables of ${paging} paging`, () => {
      machine.start({ bits, paging: paging as PagingMode });
      const next = randomNumbers(0x12345);
      const flagsOf = (): bigint => {
        const low = BigInt(next(2) === 0 ? 1 : next(0x200));
        const high = bits === 32 && paging === '32-bit' ? 0n : BigInt(next(8) === 0 ? next(2 ** 12) : 0) << 52n;
        return low | high;
      };
      const found = new Set<boolean>();
      for (let round = 0; round < 300; round++) {
        const linear = 0x400000 * (2 + next(6)) + 0x1000 * next(4);
        machine.map(linear, At.pages + 0x1000 * next(8), flagsOf());
        if (next(16) === 0)
          machine.map(linear, 0x400000, flagsOf() | 0x80n | BigInt(next(4) === 0 ? 2 ** (12 + next(10)) : 0), 1);
        machine.stateChanged();
        machine.cpu.flushTlb();
        const { physical } = walk(BigInt(linear + 0x123));
        const expected = cpu.translate(BigInt(linear + 0x123));
        expect(physical === null ? -1 : Number(physical), `round ${round}, ${linear.toString(16)}`).to.equal(expected);
        found.add(physical === null);
      }
      expect([...found].sort(), 'both outcomes').to.deep.equal([false, true]);
    });

  it('is no walk without paging', () => {
    machine.start({ bits: 32, paging: 'none' });
    expect(walk(0x1234n)).to.include({ paging: 'no paging', physical: '0x1234', stop: null });
  });

  it('ends at an entry that is not present, and says which', () => {
    machine.start();
    const { steps, stop, physical } = walk(0x40_0000_0000n);
    expect(steps.map(({ text }) => text.replace(/ at 0x[0-9a-f]+/, ''))).to.have.length(2);
    expect(steps[1]!.text).to.match(/^PDPTE at 0x[0-9a-f]+ = 0x0: not present$/);
    expect([stop, physical]).to.deep.equal(['the PDPTE is not present', null]);
  });

  it('ends at a reserved bit', () => {
    machine.start();
    machine.map(mapped & ~0xfff, At.pages, flags | (1n << 50n));
    expect(walk(BigInt(mapped)).stop).to.equal('the PTE is invalid: reserved bits 0x4000000000000 are 1');
    machine.map(mapped & ~0xfff, At.pages, flags | Page.noExecute);
    expect(walk(BigInt(mapped)).stop).to.equal(null);
    expect(walk(BigInt(mapped), { efer: 0x500n }).stop).to.equal(
      'the PTE is invalid: reserved bits 0x8000000000000000 are 1',
    );
  });

  it('ends at a table outside memory, and before the first one for an address that is not canonical', () => {
    machine.start();
    expect(walk(0n, { cr3: 0x7_0000_0000n })).to.deep.include({ stop: 'the PML4E is outside memory', physical: null });
    expect(walk(0x8000_0000_0000n)).to.deep.include({ stop: 'the address is not canonical', steps: [] });
  });

  it('takes large pages as the processor does', () => {
    machine.start();
    machine.map(0x800000, 0x400000, flags | 0x80n, 1);
    expect(walk(0x812345n)).to.include({ physical: '0x412345' });
    expect(walk(0x812345n).steps.at(-1)!.text).to.match(/: P R\/W PS, 2-MiB page$/);
    machine.start({ bits: 32 });
    machine.map(0x800000, 0x400000, flags | 0x80n, 1);
    expect(walk(0x812345n)).to.include({ physical: '0x412345' });
    expect(walk(0x812345n, { cr4: 0n }).steps.at(-1)!.entry, 'without CR4.PSE there are none').to.equal('PTE');
  });

  describe('under EPT', () => {
    const eptTables = 0x180000;
    /** Maps 2 MiB at 0 to `to`, and nothing else. */
    const mapByEpt = (to: bigint): void => {
      machine.poke64(eptTables, BigInt(eptTables + 0x1000) | 7n);
      machine.poke64(eptTables + 0x1000, BigInt(eptTables + 0x2000) | 7n);
      machine.poke64(eptTables + 0x2000, to | 0xb7n);
      for (let at = 8; at < 0x1000; at += 8) machine.poke64(eptTables + 0x2000 + at, 0n);
    };
    const under = { eptPointer: BigInt(eptTables) | 0x1en };

    it('has the EPT entries of the guest-physical address', () => {
      machine.start();
      mapByEpt(0n);
      const { ept, guestPhysical, physical, stop } = walk(0x10123n, under);
      expect([guestPhysical, physical, stop]).to.deep.equal(['0x10123', '0x10123', null]);
      expect(ept).to.include({ pointer: '0x18001e', guestPhysical: '0x10123', physical: '0x10123' });
      expect(ept!.steps.map(({ text }) => text)).to.deep.equal([
        'PML4E (level 4) at 0x180000 = 0x181007: rwx, table',
        'PDPTE (level 3) at 0x181000 = 0x182007: rwx, table',
        'PDE (level 2) at 0x182000 = 0xb7: rwx, 2-MiB page, WriteBack',
      ]);
    });

    it('ends at a guest-physical address that EPT does not map', () => {
      machine.start();
      mapByEpt(0n);
      machine.map(mapped & ~0xfff, 0x200000, flags);
      const found = walk(BigInt(mapped), under);
      expect(found).to.deep.include({
        guestPhysical: '0x200321',
        physical: null,
        stop: 'EPT does not translate the guest-physical address',
      });
      expect(found.ept!.steps.at(-1)!.text).to.match(/: ---, not present$/);
    });

    it('takes the right to execute in user mode for a right, with mode-based execute control', () => {
      machine.start();
      mapByEpt(0n);
      machine.poke64(eptTables, BigInt(eptTables + 0x1000) | 0x400n);
      const memory = walkedMemory(processor);
      const by = (hasModeBasedExecute: boolean) =>
        pageWalk(
          { ...executionState(processor), ...under },
          { ...memory, rules: { ...memory.rules, hasExecuteOnly: true, hasModeBasedExecute } },
          0x10123n,
        );
      expect(by(true).physical).to.equal('0x10123');
      expect(by(false).ept!.steps.map(({ text }) => text)).to.deep.equal([
        'PML4E (level 4) at 0x180000 = 0x181400: ---, not present',
      ]);
    });

    it('reads the tables of the guest through EPT too', () => {
      machine.start();
      mapByEpt(0x400000n);
      machine.poke64(0x400000 + Number(machine.get('CR3')), 0n);
      expect(walk(0x10123n, under).stop).to.equal('the PML4E is not present');
    });
  });
});
