// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { brokenMsrLoadRule, msrLoadRules, msrLoadValueRule } from '../../../src/intrinsics/rules/msr_load_rules.js';

const broken = (index: number, reserved = 0, inSmm = false): string | undefined =>
  brokenMsrLoadRule(index, reserved, inSmm)?.name;

describe('msrLoadRules', () => {
  it('accept an ordinary MSR', () => {
    expect(broken(0x277)).to.equal(undefined);
  });

  it('refuse segment bases, however their index is signed', () => {
    expect(broken(0xc0000100)).to.equal('msrLoadIsNotASegmentBase');
    expect(broken(0xc0000101 | 0)).to.equal('msrLoadIsNotASegmentBase');
  });

  it('refuse x2APIC registers in any mode of the local APIC', () => {
    expect(broken(0x800)).to.equal('msrLoadIsNotAnX2apicRegister');
    expect(broken(0x8ff)).to.equal('msrLoadIsNotAnX2apicRegister');
    expect(broken(0x900)).to.equal(undefined);
  });

  it('refuse IA32_SMM_MONITOR_CTL outside SMM', () => {
    expect(broken(0x9b)).to.equal('msrLoadIsNotWritableInSmmOnly');
    expect(broken(0x9b, 0, true)).to.equal(undefined);
  });

  it('refuse the MSRs of microcode updates', () => {
    expect(broken(0x79)).to.equal('msrLoadIsNotProhibited');
    expect(broken(0x8b)).to.equal('msrLoadIsNotProhibited');
  });

  it('refuse reserved bits', () => {
    expect(broken(0x277, 1)).to.equal('msrLoadReservedBitsAre0');
  });

  it('say what they want and where the SDM says it', () => {
    for (const rule of [...msrLoadRules, msrLoadValueRule]) {
      expect(rule.section).to.equal('SDM 3C "Loading MSRs"');
      expect(rule.wants).to.not.equal('');
    }
  });
});
