// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { ExitReason } from '../../../src/intrinsics/vmx/exit_reasons.js';
import { Vector } from '../../../src/intrinsics/vmx/exit_information.js';
import { VmcsField } from '../../../src/intrinsics/vmcs/vmcs_fields.js';
import { extension } from '../../../src/vmm/container/extension.js';
import { vcpuModule, type PartModule } from '../../../src/vmm/container/part_module.js';
import { CpuidContribution } from '../../../src/vmm/contributions/cpuid_contribution.js';
import { MsrContribution } from '../../../src/vmm/contributions/msr_contribution.js';
import { PortContribution } from '../../../src/vmm/contributions/port_contribution.js';
import type { Exit } from '../../../src/vmm/exit/exit.js';
import { ExitHandler } from '../../../src/vmm/exit_handler/exit_handler.js';
import { ExitHandlerIntelX64 } from '../../../src/vmm/exit_handler/exit_handler_intel_x64.js';
import { VMCALL_MAGIC } from '../../../src/vmm/exit/vmcall_interface.js';
import { startedVmm } from '../started_vmm.js';

const rip = 0x401000n;
const msr = 0xc0000103;
const port = 0x70;
const leaf = 0x80000008;
const generalProtection = 0x80000b0dn;

const deny = (exit: Exit): void => exit.inject(Vector.GeneralProtection, 0);

/** A denying contribution, and one after it that must not be asked. `answer` is what the denying one returns. */
function contributions<T>(symbol: symbol, denying: T, next: T): PartModule {
  return vcpuModule(({ bind }) => {
    bind<T>(symbol).toConstantValue(denying);
    bind<T>(symbol).toConstantValue(next);
  });
}

@extension()
class DenyingVmcalls extends ExitHandlerIntelX64 {
  protected override handleVmcallOpcode(): void {
    deny(this.exit);
  }
}

const later = (): never => {
  throw new Error('the next contribution was asked');
};

interface Access {
  readonly what: string;
  readonly reason: ExitReason;
  readonly module: PartModule;
  readonly qualification?: bigint;
  readonly registers: readonly [number, bigint][];
}

const [rax, rcx, rdx] = [0, 1, 2];

const msrAccess = (what: string, reason: ExitReason, denying: Partial<MsrContribution>): Access => ({
  what,
  reason,
  module: contributions<MsrContribution>(
    MsrContribution,
    { name: 'a', msrs: [msr], ...denying },
    { name: 'b', msrs: [msr], handleMsrRead: later, handleMsrWrite: later },
  ),
  registers: [[rcx, BigInt(msr)]],
});
const portAccess = (what: string, isIn: boolean, denying: Partial<PortContribution>): Access => ({
  what,
  reason: ExitReason.IoInstruction,
  qualification: BigInt((port << 16) | (isIn ? 8 : 0)),
  module: contributions<PortContribution>(
    PortContribution,
    { name: 'a', ports: [port], ...denying },
    { name: 'b', ports: [port], handlePortRead: later, handlePortWrite: later },
  ),
  registers: [],
});
const cpuidAccess = (what: string, answer: boolean): Access => ({
  what,
  reason: ExitReason.Cpuid,
  module: contributions<CpuidContribution>(
    CpuidContribution,
    { name: 'a', leaves: [leaf], handleCpuid: (_leaf, _subleaf, _registers, exit) => (deny(exit), answer) },
    { name: 'b', leaves: [leaf], handleCpuid: later },
  ),
  registers: [
    [rax, BigInt(leaf)],
    [rcx, 0n],
  ],
});

const accesses: readonly Access[] = [
  msrAccess('RDMSR', ExitReason.Rdmsr, { handleMsrRead: (_msr, exit) => (deny(exit), 1n) }),
  msrAccess('RDMSR, without an answer', ExitReason.Rdmsr, { handleMsrRead: (_msr, exit) => void deny(exit) }),
  msrAccess('WRMSR', ExitReason.Wrmsr, { handleMsrWrite: (_msr, _value, exit) => (deny(exit), true) }),
  msrAccess('WRMSR, without an answer', ExitReason.Wrmsr, {
    handleMsrWrite: (_msr, _value, exit) => (deny(exit), false),
  }),
  portAccess('IN', true, { handlePortRead: (_port, _size, exit) => (deny(exit), 1) }),
  portAccess('IN, without an answer', true, { handlePortRead: (_port, _size, exit) => void deny(exit) }),
  portAccess('OUT', false, { handlePortWrite: (_port, _size, _value, exit) => (deny(exit), true) }),
  portAccess('OUT, without an answer', false, { handlePortWrite: (_port, _size, _value, exit) => (deny(exit), false) }),
  cpuidAccess('CPUID', true),
  cpuidAccess('CPUID, without an answer', false),
  {
    what: 'VMCALL',
    reason: ExitReason.Vmcall,
    module: vcpuModule(({ rebind }) => rebind(ExitHandler).to(DenyingVmcalls)),
    registers: [[rdx, VMCALL_MAGIC]],
  },
];

describe('An access that a contribution denies by injecting a fault', () => {
  for (const { what, reason, module, qualification, registers } of accesses) {
    it(`does not complete: ${what}`, () => {
      const { machine } = startedVmm([module]);
      machine.fields.set(VmcsField.GuestRip, rip);
      machine.msr.set(msr, 5n);
      machine.portWrites.length = 0;
      const { values } = machine.generalRegisters;
      values.fill(0xffffffff_aaaaaaaan);
      for (const [register, value] of registers) values[register] = value;
      const before = [...values];
      machine.exit(reason, { qualification: qualification ?? 0n });
      expect(machine.fields.get(VmcsField.VmEntryInterruptionInformationField)).to.equal(generalProtection);
      expect(machine.fields.get(VmcsField.GuestRip), 'RIP').to.equal(rip);
      expect([...values], 'the registers').to.deep.equal(before);
      expect([machine.msr.get(msr), machine.portWrites], 'what it would have written').to.deep.equal([5n, []]);
      expect(machine.stops).to.deep.equal([]);
    });
  }
});
