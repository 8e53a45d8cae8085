// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { cpuids } from '../../session/vmm_guests.js';
import { seen } from './seen_machine.js';

describe('vcpuView', () => {
  it('shows registers, the VMCS, memory and the VMM as they are', async () => {
    const { evaluator, pc, driver } = await seen(cpuids);
    const value = (expression: string): string | undefined => evaluator.evaluate(expression);
    const [rip] = pc.inspect(({ core }) => core.block.get('RIP'));
    expect(value('vcpu(0).registers.RIP')).to.equal(`0x${rip!.toString(16)}n`);
    expect(value('vcpu(0).vmx')).to.equal("'VMX non-root operation'");
    expect(value('vmcs.vmcsLinkPointer')).to.equal('0xffffffffffffffffn');
    expect(
      value('vcpu(0).memory.u8(vcpu(0).registers.RIP) === memory.u8(vcpu(0).walk(vcpu(0).registers.RIP).physical)'),
    ).to.equal('true');
    expect(value('vmm.status')).to.equal("'VMM_RUNNING'");
    expect(value('machine.instructions')).to.equal(String(pc.instructions));
    expect(value('vmm.reports.cpuidcount.count')).to.equal(String(driver.reports().cpuidcount!.count));
    expect(() => value('vcpu(7)')).to.throw('there is no vcpu 7: the machine has 1, numbered from 0');
    driver.stop();
    expect(() => value('vmcs')).to.throw('vcpu 0 has no current VMCS');
    driver.close();
  });
});
