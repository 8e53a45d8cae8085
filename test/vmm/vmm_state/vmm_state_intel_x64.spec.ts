// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { Cr4 } from '../../../src/intrinsics/registers/registers.js';
import { MemoryManagerX64 } from '../../../src/vmm/memory_manager/memory_manager_x64.js';
import { VmmStateIntelX64 } from '../../../src/vmm/vmm_state/vmm_state_intel_x64.js';
import { VmmTablesX64 } from '../../../src/vmm/vmm_state/vmm_tables_x64.js';
import { FakeMachine } from '../../support/fake_machine.js';
import { make } from '../../support/make.js';

function state(prepare: (machine: FakeMachine) => void = () => {}) {
  const machine = new FakeMachine();
  prepare(machine);
  const { memory, accessors } = machine;
  const manager = make(MemoryManagerX64, { memory });
  manager.init();
  const tables = make(VmmTablesX64, { manager, memory });
  tables.init();
  const it = make(VmmStateIntelX64, {
    tables,
    rootPageTable: { cr3: 0x1001bn },
    cpuid: accessors.cpuid,
    msrs: accessors.msrs,
  });
  it.init();
  return { it, tables, memory, manager };
}

describe('VmmStateIntelX64', () => {
  it('has the selectors and segments of the VMM’s GDT', () => {
    const { it } = state();
    const selectors = Object.fromEntries(Object.entries(it.segments).map(([name, { selector }]) => [name, selector]));
    expect(selectors).to.deep.equal({ es: 0, cs: 8, ss: 0x10, ds: 0, fs: 0x18, gs: 0x20, ldtr: 0, tr: 0x28 });
    expect(it.segments.cs.accessRights).to.equal(0xa09b);
    expect(it.segments.es.accessRights).to.equal(0x10000);
    expect(it.segments.tr).to.include({ limit: 103, accessRights: 0x8b });
  });

  it('has tables in the VMM’s memory: 7 descriptors, 256 empty gates', () => {
    const { it, memory, tables } = state();
    expect(it.gdt.limit).to.equal(55);
    expect(it.idt.limit).to.equal(4095);
    expect(memory.readBytes(it.idt.base, 4096).some((byte) => byte !== 0)).to.equal(false);
    expect(memory.read64(it.gdt.base)).to.equal(0n);
    expect(tables.segment(0x28).base).to.equal(it.segments.tr.base);
  });

  it('has the control registers, PAT and EFER of a 64-bit VMM', () => {
    const { it } = state();
    expect(it.cr0).to.equal(0x80010033n);
    expect(it.cr3).to.equal(0x1001bn);
    expect(it.ia32Pat).to.equal(0x0706050406040100n);
    expect(it.ia32Efer).to.equal(0xd00n);
    expect(it.rflags).to.equal(0n);
    expect(it.isGuest).to.equal(false);
  });

  it('sets OSXSAVE, SMEP and SMAP only where CPUID has them', () => {
    const bits = BigInt(Cr4.Osxsave | Cr4.SmepEnableBit | Cr4.SmapEnableBit);
    const all = state(({ leaves }) => {
      leaves.set(1, [0, 0, (1 << 26) | (1 << 5), 0]);
      leaves.set(7, [0, (1 << 7) | (1 << 20), 0, 0]);
    });
    expect(all.it.cr4 & bits).to.equal(bits);
    const none = state(({ leaves }) => void leaves.set(1, [0, 0, 0x20, 0]).set(7, [0, 0, 0, 0]));
    expect(none.it.cr4 & bits).to.equal(0n);
    expect(none.it.cr4).to.equal(0x27ffn);
  });

  it('obeys the bits that VMX fixes', () => {
    const { it } = state(({ msr }) => {
      msr.set(0x488, 0x2800n);
      msr.set(0x489, 0x2fffn & ~3n);
    });
    expect(it.cr4 & 0x800n, 'must be 1').to.equal(0x800n);
    expect(it.cr4 & 3n, 'must be 0').to.equal(0n);
  });
});
