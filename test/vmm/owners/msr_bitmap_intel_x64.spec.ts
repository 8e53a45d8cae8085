// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { PrimaryControl } from '../../../src/intrinsics/vmx/control_bits.js';
import { VmcsField } from '../../../src/intrinsics/vmcs/vmcs_fields.js';
import { vcpuModule } from '../../../src/vmm/container/part_module.js';
import { MsrContribution } from '../../../src/vmm/contributions/msr_contribution.js';
import { VmcsError } from '../../../src/vmm/errors.js';
import { owners, primary } from './owners_bench.js';

describe('MsrBitmapIntelX64', () => {
  it('is off until somebody enables it, and passes everything through then', () => {
    const { it, has, field, bit } = owners();
    expect(has(primary, PrimaryControl.UseMsrBitmap)).to.equal(false);
    it.msrBitmap.enable(it);
    expect(has(primary, PrimaryControl.UseMsrBitmap)).to.equal(true);
    const page = field(VmcsField.AddressOfMsrBitmap);
    expect(Array.from({ length: 4096 * 8 }, (_, at) => bit(page, at)).includes(true)).to.equal(false);
  });

  const places: [string, 'trapRead' | 'trapWrite', number, number][] = [
    ['a read of the low range', 'trapRead', 0x1fff, 0x1fff],
    ['a read of the high range', 'trapRead', 0xc0000080, 0x400 * 8 + 0x80],
    ['a write of the low range', 'trapWrite', 0x10, 0x800 * 8 + 0x10],
    ['a write of the high range', 'trapWrite', 0xc0001fff, 0xc00 * 8 + 0x1fff],
  ];
  for (const [what, method, msr, at] of places) {
    it(`traps ${what} as long as anybody asks for it`, () => {
      const { it, field, bit } = owners();
      it.msrBitmap.enable(it);
      const page = field(VmcsField.AddressOfMsrBitmap);
      const [first, second] = [it.msrBitmap[method](it, msr), it.msrBitmap[method](it, msr)];
      expect(bit(page, at)).to.equal(true);
      first[Symbol.dispose]();
      first[Symbol.dispose]();
      expect(bit(page, at), 'the second still wants it').to.equal(true);
      second[Symbol.dispose]();
      expect(bit(page, at)).to.equal(false);
    });
  }

  it('refuses MSRs outside its ranges', () => {
    const { it } = owners();
    for (const msr of [0x2000, 0xbfffffff, 0xc0002000, 0x1_0000_0010]) {
      expect(() => it.msrBitmap.trapRead(it, msr)).to.throw(VmcsError, `invalid msr: 0x${msr.toString(16)}`);
      expect(it.msrBitmap.covers(msr)).to.equal(false);
    }
    for (const msr of [-1, 1.5, Number.NaN]) {
      expect(() => it.msrBitmap.trapWrite(it, msr)).to.throw(VmcsError, `invalid msr: ${msr}`);
    }
  });

  it('is off again when the last who wants it has gone', () => {
    const { it, has } = owners();
    const [first, second] = [it.msrBitmap.enable(it), it.msrBitmap.enable(it)];
    first[Symbol.dispose]();
    first[Symbol.dispose]();
    expect([has(primary, PrimaryControl.UseMsrBitmap), it.msrBitmap.isEnabled]).to.deep.equal([true, true]);
    second[Symbol.dispose]();
    expect([has(primary, PrimaryControl.UseMsrBitmap), it.msrBitmap.isEnabled]).to.deep.equal([false, false]);
  });

  it('keeps the exits of writes alone for a contribution that emulates no reads', () => {
    const emulated: MsrContribution = { name: 'emulated', msrs: [0x10], handleMsrWrite: () => true };
    const { it, field, bit } = owners([vcpuModule(({ bind }) => bind(MsrContribution).toConstantValue(emulated))]);
    it.msrBitmap.enable(it);
    const page = field(VmcsField.AddressOfMsrBitmap);
    expect([bit(page, 0x10), bit(page, 0x800 * 8 + 0x10)]).to.deep.equal([false, true]);
  });

  it('lets contributions emulate MSRs that it has no bits for', () => {
    const emulated: MsrContribution = { name: 'emulated', msrs: [0x40000000], handleMsrRead: () => 1n };
    const { it, field, bit } = owners([vcpuModule(({ bind }) => bind(MsrContribution).toConstantValue(emulated))]);
    it.msrBitmap.enable(it);
    expect(bit(field(VmcsField.AddressOfMsrBitmap), 0)).to.equal(false);
  });

  it('keeps the exits of MSRs that contributions emulate', () => {
    const emulated: MsrContribution = { name: 'emulated', msrs: [0x10, 0xc0000103], handleMsrRead: () => 1n };
    const { it, field, bit } = owners([vcpuModule(({ bind }) => bind(MsrContribution).toConstantValue(emulated))]);
    it.msrBitmap.enable(it);
    const page = field(VmcsField.AddressOfMsrBitmap);
    expect([bit(page, 0x10), bit(page, 0x400 * 8 + 0x103)]).to.deep.equal([true, true]);
    expect(bit(page, 0x800 * 8 + 0x10), 'it emulates no writes').to.equal(false);
  });
});
