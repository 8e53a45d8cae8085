// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { VmcallError } from 'bareflank';
import { AllowingVmcallPolicy, type VmcallPolicy } from '../../../extensions/hypervisor_extended_apis/vmcall_policy.js';
import { captureOutput } from '../../vmm/capture_output.js';
import { DENIAL_LOG_SIZE, VerifierIndex } from '../../../extensions/hypervisor_extended_apis/verifier.js';

const { enableVpid, trapOnIoAccess, trapOnRdmsrAccess, trapOnWrmsrAccess } = VerifierIndex;

describe('AllowingVmcallPolicy', () => {
  it('allows everything at first, and notes nothing', () => {
    const policy: VmcallPolicy = new AllowingVmcallPolicy();
    expect(captureOutput(() => policy.verify(enableVpid, 'enable_vpid'))).to.equal('');
    expect(policy.denials).to.deep.equal([]);
    expect(new Set(Object.values(policy.dump()))).to.deep.equal(new Set(['allow']));
    expect(Object.keys(policy.dump())).to.deep.equal(Object.keys(VerifierIndex));
  });

  it('denies all calls by its default, except those with their own verdict', () => {
    const policy: VmcallPolicy = new AllowingVmcallPolicy();
    policy.default = 'deny';
    policy.setVerdict(trapOnIoAccess, 'allow');
    captureOutput(() => {
      expect(() => policy.verify(enableVpid, 'enable_vpid')).to.throw(VmcallError, 'denied by policy');
      policy.verify(trapOnIoAccess, 'trap_on_io_access', 5);
    });
    expect(policy.denials).to.deep.equal(['denied vmcall: enable_vpid']);
  });

  it('notes what it logs among the denials, and lets it pass', () => {
    const policy: VmcallPolicy = new AllowingVmcallPolicy();
    policy.default = 'log';
    const output = captureOutput(() => policy.verify(enableVpid, 'enable_vpid'));
    expect(output).to.include('logged vmcall: enable_vpid');
    expect(policy.denials).to.deep.equal(['logged vmcall: enable_vpid']);
  });

  it('keeps the last denials only', () => {
    const policy: VmcallPolicy = new AllowingVmcallPolicy();
    policy.default = 'log';
    captureOutput(() => {
      for (let each = 0; each <= DENIAL_LOG_SIZE; each++) policy.verify(enableVpid, `call ${each}`);
    });
    expect(policy.denials).to.have.length(25);
    expect(policy.denials[0]).to.equal('logged vmcall: call 1');
    policy.clearDenials();
    expect(policy.denials).to.deep.equal([]);
  });

  it('has separate verdicts for WRMSR, which 1.1 mixed up with RDMSR', () => {
    const policy: VmcallPolicy = new AllowingVmcallPolicy();
    policy.setVerdict(trapOnWrmsrAccess, 'deny');
    policy.verify(trapOnRdmsrAccess, 'trap_on_rdmsr_access', 1);
    expect(policy.dump()).to.include({ trapOnRdmsrAccess: 'allow', trapOnWrmsrAccess: 'deny' });
  });
});
