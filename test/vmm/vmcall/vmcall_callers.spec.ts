// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { VMCALL_MAGIC } from '../../../src/vmm/exit/vmcall_interface.js';
import { VmcsField } from '../../../src/intrinsics/vmcs/vmcs_fields.js';
import { vcpuModule } from '../../../src/vmm/container/part_module.js';
import { VmcallContribution } from '../../../src/vmm/contributions/vmcall_contribution.js';
import { failure, vmcallGuest, kernelCommands, userCommands } from './vmcall_guest.js';

describe('VMCALL contributions', () => {
  describe('of user mode', () => {
    it('is #UD unless a contribution allows it', () => {
      const { machine, call, asUser, rip, output } = vmcallGuest([kernelCommands]);
      asUser();
      for (const r00 of [1n, 2n, 3n, 0x80n, 0x1234n]) {
        expect(call({ r00 }).r01, 'no answer').to.equal(VMCALL_MAGIC);
        expect(machine.fields.get(VmcsField.VmEntryInterruptionInformationField)).to.equal(0x80000306n);
        expect([rip(), output()]).to.deep.equal([0x1000n, '']);
      }
    });

    it('reaches the contributions that allow it, and neither others nor the base', () => {
      const { call, asUser, rip, output } = vmcallGuest([kernelCommands, userCommands]);
      expect(call({ r00: 0x80n }).r03, 'the first, for the kernel').to.equal(6n);
      asUser();
      expect(call({ r00: 0x80n })).to.include({ r01: 0n, r03: 7n });
      expect(call({ r00: 1n }).r01).to.equal(failure);
      expect(output()).to.match(/no contribution allows user mode to make VMCALL 0x1/);
      expect(rip()).to.equal(0x1000n + 9n);
    });
  });

  it('shows contributions the exit, with the CPL that called', () => {
    const levels: number[] = [];
    const witness: VmcallContribution = {
      name: 'witness',
      opcodes: [0x80],
      allowsUserMode: true,
      handleVmcall: (_registers, exit) => {
        levels.push(exit.privilegeLevel());
        return true;
      },
    };
    const { call, asUser } = vmcallGuest([vcpuModule(({ bind }) => bind(VmcallContribution).toConstantValue(witness))]);
    call({ r00: 0x80n });
    asUser();
    call({ r00: 0x80n });
    expect(levels).to.deep.equal([0, 3]);
  });

  it('asks contributions first, by opcode', () => {
    const log: bigint[] = [];
    const contribution: VmcallContribution = {
      name: 'mine',
      opcodes: [4, 77],
      handleVmcall: (registers) => {
        log.push(registers.r02);
        registers.r03 = 9n;
        return registers.r00 === 77n;
      },
    };
    const { call, output } = vmcallGuest([
      vcpuModule(({ bind }) => bind(VmcallContribution).toConstantValue(contribution)),
    ]);
    const answer = call({ r00: 77n, r02: 1n });
    expect([answer.r01, answer.r03]).to.deep.equal([0n, 9n]);
    call({ r00: 4n, r02: 2n });
    expect(output(), 'false: the base handles it').to.match(/event: 0x2/);
    call({ r00: 2n, r02: 3n });
    expect(log).to.deep.equal([1n, 2n]);
  });
});
