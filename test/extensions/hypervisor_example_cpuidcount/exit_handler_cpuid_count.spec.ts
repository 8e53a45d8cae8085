// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { attachOutput, ExitReason, type Output } from 'bareflank';
import cpuidCountModule, {
  ExitHandlerCpuidCount,
} from '../../../extensions/hypervisor_example_cpuidcount/exit_handler_cpuid_count.js';
import { startedVmm } from '../../vmm/started_vmm.js';

describe('ExitHandlerCpuidCount', () => {
  it('counts CPUIDs only, and the base emulates them', () => {
    const { machine, vmm } = startedVmm([cpuidCountModule]);
    machine.generalRegisters.values[0] = 0xffffffff_00000001n;
    machine.exit(ExitReason.Cpuid);
    machine.exit(ExitReason.Wbinvd);
    machine.exit(ExitReason.Cpuid);
    expect(vmm.vcpuManager.reports()).to.deep.equal({ cpuidcount: { count: 2 } });
    expect(machine.generalRegisters.values[0]).to.equal(BigInt(machine.leaves.get(0x000506e3)?.[0] ?? 0));
  });

  it('logs the count when its vcpu ends', () => {
    const { machine, vmm } = startedVmm([cpuidCountModule]);
    machine.exit(ExitReason.Cpuid);
    const lines: string[] = [];
    const before = attachOutput({ write: (text) => void lines.push(text) } as Output);
    vmm.vcpuManager.deleteVcpu(0n);
    attachOutput(before);
    expect(lines.join('')).to.include('cpuid count = 1');
  });

  it('answers {"get":"count"} and refuses other commands', () => {
    class Open extends ExitHandlerCpuidCount {
      json(command: unknown): unknown {
        return this.handleVmcallDataStringJson(command);
      }
    }
    const handler = new Open();
    expect(handler.json({ get: 'count' })).to.deep.equal([0]);
    expect(() => handler.json({ get: 'other' })).to.throw(
      'unknown JSON command {"get":"other"}; cpuidcount knows {"get":"count"}',
    );
    expect(() => handler.json(null)).to.throw('unknown JSON command null');
  });
});
