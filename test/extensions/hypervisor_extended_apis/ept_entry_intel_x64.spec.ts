// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { EptEntryIntelX64 } from '../../../extensions/hypervisor_extended_apis/ept_entry_intel_x64.js';

function entry(value = 0n) {
  const raw = { size: 0x1000 as const, value };
  return { raw, it: new EptEntryIntelX64(raw) };
}

const flags = [
  ['readAccess', 'setReadAccess', 0n],
  ['writeAccess', 'setWriteAccess', 1n],
  ['executeAccess', 'setExecuteAccess', 2n],
  ['ignorePat', 'setIgnorePat', 6n],
  ['entryType', 'setEntryType', 7n],
  ['accessed', 'setAccessed', 8n],
  ['dirty', 'setDirty', 9n],
  ['executeAccessUser', 'setExecuteAccessUser', 10n],
  ['suppressVe', 'setSuppressVe', 63n],
] as const;

describe('EptEntryIntelX64', () => {
  for (const [get, set, bit] of flags) {
    it(`${get} is bit ${bit}, and no other`, () => {
      const { raw, it } = entry();
      expect(it[get]()).to.equal(false);
      it[set](true);
      expect(raw.value).to.equal(1n << bit);
      expect(it[get]()).to.equal(true);
      raw.value = (1n << 64n) - 1n;
      it[set](false);
      expect(raw.value).to.equal(((1n << 64n) - 1n) ^ (1n << bit));
      expect(it[get]()).to.equal(false);
    });
  }

  it('has the memory type in bits 5:3', () => {
    const { raw, it } = entry(7n);
    it.setMemoryType(6);
    expect(raw.value).to.equal(0x37n);
    expect(it.memoryType()).to.equal(6);
    it.setMemoryType(0);
    expect(raw.value).to.equal(7n);
  });

  it('has the address in bits 47:12', () => {
    const { raw, it } = entry(0x8000_0000_0000_0037n);
    it.setPhysAddr(0xffff_ffff_ffff_ffffn);
    expect(raw.value).to.equal(0x8000_ffff_ffff_f037n);
    it.setPhysAddr(0x1234_5678n);
    expect(it.physAddr()).to.equal(0x1234_5000n);
    expect(raw.value).to.equal(0x8000_0000_1234_5037n);
  });

  it('traps, passes through and clears', () => {
    const { raw, it } = entry(0x1237n);
    it.trapOnAccess();
    expect(raw.value).to.equal(0x1230n);
    it.passThroughAccess();
    expect(raw.value).to.equal(0x1237n);
    it.clear();
    expect(raw.value).to.equal(0n);
  });
});
