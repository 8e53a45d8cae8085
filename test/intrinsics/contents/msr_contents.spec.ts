// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import {
  isMsrValue,
  msrContents,
  settableBits,
  type FeatureSource,
} from '../../../src/intrinsics/contents/msr_contents.js';
import { Msr } from '../../../src/intrinsics/registers/msr_definitions.js';

type Leaves = Readonly<Record<number, Partial<Record<'eax' | 'ebx' | 'ecx' | 'edx', number>>>>;

/** A processor that announces no feature but these. */
const source = (leaves: Leaves = {}, msrs: Readonly<Record<number, number>> = {}): FeatureSource => ({
  cpuid: (leaf, register) => leaves[leaf]?.[register] ?? 0,
  msrLow: (address) => msrs[address] ?? 0,
});
const debugctl = (leaves?: Leaves, msrs?: Readonly<Record<number, number>>): number =>
  settableBits(Msr.Ia32Debugctl, source(leaves, msrs)).low;
const facts = (settable: Readonly<Record<number, number>> = {}) => ({
  physicalAddressWidth: 39,
  linearAddressWidth: 48,
  settableLow: (msr: number) => settable[msr] ?? 0,
  settableHigh: () => 0,
});

describe('settableBits', () => {
  it('has LBR and BTF of IA32_DEBUGCTL on every processor, and each other bit with its feature', () => {
    const [ds, dsCpl, pdcm] = [1 << 21, 1 << 4, 1 << 15];
    expect(debugctl()).to.equal(0x3);
    expect(debugctl({ 1: { edx: ds } })).to.equal(0x1c3);
    expect(debugctl({ 1: { ecx: dsCpl } })).to.equal(0x603);
    expect(debugctl({ 7: { ecx: 1 << 24 } })).to.equal(0x7);
    expect(debugctl({ 7: { ebx: 1 << 11 } })).to.equal(0x8003);
    expect(debugctl({ 0xa: { eax: 1 } }), 'version 1 of performance monitoring').to.equal(0x3);
    expect(debugctl({ 1: { ecx: pdcm }, 0xa: { eax: 2 } })).to.equal(0x1803);
    expect(debugctl({ 0xa: { eax: 4 } })).to.equal(0x2003);
    expect(debugctl({ 1: { ecx: pdcm } }, { [Msr.Ia32PerfCapabilities]: 0x1000 })).to.equal(0x4003);
    expect(debugctl({ 1: { ecx: pdcm } }, { [Msr.Ia32PerfCapabilities]: 0xefff })).to.equal(0x3);
  });

  it('has the bits of IA32_EFER that CPUID announces', () => {
    const efer = (edx: number): number => settableBits(Msr.Ia32Efer, source({ 0x80000001: { edx } })).low;
    expect(efer(0)).to.equal(0);
    expect([1 << 11, 1 << 20, 1 << 29].map(efer)).to.deep.equal([0x1, 0x800, 0x500]);
  });

  it('has a bit of IA32_PERF_GLOBAL_CTRL for each counter', () => {
    const { low, high } = settableBits(Msr.Ia32PerfGlobalCtrl, source({ 0xa: { eax: 0x0804, edx: 3 } }));
    expect([low, high]).to.deep.equal([0xff, 7]);
    expect(settableBits(Msr.Ia32PerfGlobalCtrl, source({ 0xa: { eax: 0x2004 } })).low, '32 counters').to.equal(
      0xffffffff,
    );
  });

  it('has all bits of an MSR that is not described by its bits', () => {
    for (const msr of [Msr.Ia32Pat, Msr.Ia32FsBase, 0x12345])
      expect(settableBits(msr, source())).to.deep.equal({ low: 0xffffffff, high: 0xffffffff });
  });
});

describe('isMsrValue', () => {
  it('takes canonical addresses where an MSR holds one', () => {
    for (const msr of [Msr.Ia32SysenterEsp, Msr.Ia32SysenterEip, Msr.Ia32Lstar, Msr.Ia32FsBase, Msr.Ia32KernelGsBase]) {
      for (const [high, is] of [
        [0x00007fff, true],
        [0x00008000, false],
        [0xffff7fff, false],
        [0xffff8000, true],
      ] as const)
        expect(isMsrValue(facts(), msr, 0x12345678, high), `${high.toString(16)}`).to.equal(is);
    }
  });

  it('takes no bit that may not be set', () => {
    const known = facts({ [Msr.Ia32Debugctl]: 3 });
    expect(isMsrValue(known, Msr.Ia32Debugctl, 3, 0)).to.equal(true);
    expect(isMsrValue(known, Msr.Ia32Debugctl, 4, 0)).to.equal(false);
    expect(isMsrValue(known, Msr.Ia32Debugctl, 0, 1)).to.equal(false);
  });

  it('takes anything where bits 63:32 are dropped, and for an MSR without an entry', () => {
    for (const msr of [Msr.Ia32SysenterCs, Msr.Ia32Fmask, 0x12345])
      expect(isMsrValue(facts(), msr, 0xffffffff, 0xffffffff)).to.equal(true);
  });

  it('has an entry for each MSR that VM entry loads from a field', () => {
    for (const msr of [
      Msr.Ia32Debugctl,
      Msr.Ia32Pat,
      Msr.Ia32Efer,
      Msr.Ia32PerfGlobalCtrl,
      Msr.Ia32SysenterCs,
      Msr.Ia32SysenterEsp,
      Msr.Ia32SysenterEip,
      Msr.Ia32FsBase,
      Msr.Ia32GsBase,
    ])
      expect(msrContents, msr.toString(16)).to.have.property(`${msr}`);
  });
});
