// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import * as bareflank from '../../../src/index.js';
import { GuestStateIntelX64 } from '../../../src/vmm/vmm_state/guest_state_intel_x64.js';
import { FakeMachine } from '../../support/fake_machine.js';
import { make } from '../../support/make.js';

function state(prepare: (machine: FakeMachine) => void = () => {}) {
  const machine = new FakeMachine();
  prepare(machine);
  const { controlRegisters, accessors, memory, hostEntry } = machine;
  const it = make(GuestStateIntelX64, {
    controlRegisters,
    segmentRegisters: machine.segments,
    msrs: accessors.msrs,
    cpuid: accessors.cpuid,
    memory,
    hostEntry,
  });
  it.init();
  return it;
}

describe('GuestStateIntelX64', () => {
  it('is exported by its name in Bareflank 1.1 as well', () => {
    expect(bareflank.HostVmStateIntelX64).to.equal(GuestStateIntelX64);
  });

  it('reads segments from the running system’s GDT', () => {
    const { segments } = state();
    expect(segments.cs).to.deep.equal({ selector: 0x10, base: 0n, limit: 0xffffffff, accessRights: 0xa09b });
    expect(segments.ss).to.include({ selector: 0x18, accessRights: 0xc093 });
    expect(segments.tr).to.deep.equal({ selector: 0x28, base: 0xffff888000004000n, limit: 0x67, accessRights: 0x8b });
  });

  for (const name of ['es', 'cs', 'ss', 'ds', 'fs', 'gs', 'ldtr', 'tr'] as const) {
    it(`reads ${name}: selector, base, limit and rights of its descriptor`, () => {
      const { segments } = state(({ selectors, memory, msr }) => {
        selectors[name] = 0x2b;
        memory.writePhysical64(0x5028n, name === 'ldtr' ? 0x12008245_67891234n : 0x12cff345_67891234n);
        memory.writePhysical64(0x5030n, name === 'ldtr' ? 0xffff8000n : 0n);
        msr.set(0xc0000100, 0xf5n).set(0xc0000101, 0x65n);
      });
      const base = { fs: 0xf5n, gs: 0x65n, ldtr: 0xffff8000_12456789n }[name as string] ?? 0x12456789n;
      expect(segments[name]).to.deep.equal(
        name === 'ldtr'
          ? { selector: 0x2b, base, limit: 0x1234, accessRights: 0x82 }
          : { selector: 0x2b, base, limit: 0xf1234 * 4096 + 4095, accessRights: 0xc0f3 },
      );
    });
  }

  it('takes a selector of index 0 as unusable, with the FS and GS bases of the MSRs', () => {
    const { segments } = state();
    expect(segments.ldtr).to.deep.equal({ selector: 0, base: 0n, limit: 0, accessRights: 0x10000 });
    expect(segments.fs).to.deep.equal({ selector: 0, base: 0x1000n, limit: 0, accessRights: 0x10000 });
    expect(segments.gs.base).to.equal(0xffff888000000000n);
  });

  it('reads registers, tables and MSRs as they are, CR4 with VMXE', () => {
    const it = state(({ msr }) => msr.set(0x174, 0x10n));
    expect(it.cr0).to.equal(0x80050033n);
    expect(it.cr3).to.equal(0x9000n);
    expect(it.cr4).to.equal(0x26b0n);
    expect(it.dr7).to.equal(0x400n);
    expect(it.rflags).to.equal(2n);
    expect(it.gdt).to.deep.equal({ base: 0x5000n, limit: 0x3f });
    expect(it.idt).to.deep.equal({ base: 0x6000n, limit: 0xfff });
    expect([it.ia32Efer, it.ia32Pat, it.ia32Debugctl, it.ia32SysenterCs]).to.deep.equal([
      0xd01n,
      0x0007040600070406n,
      0n,
      0x10n,
    ]);
  });

  it('goes on where the launch says', () => {
    const it = state();
    expect([it.rip, it.rsp, it.isGuest]).to.deep.equal([0x7000n, 0x8ff8n, false]);
  });

  it('reads PERF_GLOBAL_CTRL only from version 2 of performance monitoring', () => {
    const set = ({ msr }: FakeMachine): unknown => msr.set(0x38f, 0xfn);
    expect(state(set).ia32PerfGlobalCtrl).to.equal(0xfn);
    expect(
      state((machine) => {
        set(machine);
        machine.leaves.set(0xa, [1, 0, 0, 0]);
      }).ia32PerfGlobalCtrl,
    ).to.equal(0n);
    expect(
      state((machine) => {
        set(machine);
        machine.leaves.set(0, [9, 0, 0, 0]);
      }).ia32PerfGlobalCtrl,
    ).to.equal(0n);
  });
});
