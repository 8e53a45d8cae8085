// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import {
  brokenMsrLoadRule,
  msrLoadRules,
  type MsrLoadEntry,
  type MsrLoadReader,
} from '../../../src/intrinsics/rules/msr_load_rules.js';

const reader: MsrLoadReader = { isX2apic: false, inSmm: false, wouldFault: () => false };
const entry: MsrLoadEntry = { index: 0x277, reserved: 0, low: 0, high: 0 };

const broken = (change: Partial<MsrLoadEntry>, processor: Partial<MsrLoadReader> = {}): string | undefined =>
  brokenMsrLoadRule({ ...entry, ...change }, { ...reader, ...processor })?.name;

describe('msrLoadRules', () => {
  it('accept an entry that WRMSR accepts', () => {
    expect(broken({})).to.equal(undefined);
  });

  it('refuse segment bases, however their index is signed', () => {
    expect(broken({ index: 0xc0000100 })).to.equal('msrLoadIsNotASegmentBase');
    expect(broken({ index: 0xc0000101 | 0 })).to.equal('msrLoadIsNotASegmentBase');
  });

  it('refuse x2APIC registers in x2APIC mode only', () => {
    expect(broken({ index: 0x808 }, { isX2apic: true })).to.equal('msrLoadIsNotAnX2apicRegister');
    expect(broken({ index: 0x808 })).to.equal(undefined);
    expect(broken({ index: 0x708 }, { isX2apic: true })).to.equal(undefined);
  });

  it('refuse IA32_SMM_MONITOR_CTL outside SMM', () => {
    expect(broken({ index: 0x9b })).to.equal('msrLoadIsNotWritableInSmmOnly');
    expect(broken({ index: 0x9b }, { inSmm: true })).to.equal(undefined);
  });

  it('refuse the MSRs of microcode updates', () => {
    expect(broken({ index: 0x79 })).to.equal('msrLoadIsNotProhibited');
    expect(broken({ index: 0x8b })).to.equal('msrLoadIsNotProhibited');
  });

  it('refuse reserved bits', () => {
    expect(broken({ reserved: 1 })).to.equal('msrLoadReservedBitsAre0');
  });

  it('refuse what WRMSR would refuse', () => {
    const wouldFault = (index: number, low: number): boolean => index === 0x277 && low === 2;
    expect(broken({ low: 2 }, { wouldFault })).to.equal('msrLoadValueIsAccepted');
    expect(broken({ low: 6 }, { wouldFault })).to.equal(undefined);
  });

  it('say what they want and where the SDM says it', () => {
    for (const rule of msrLoadRules) {
      expect(rule.section).to.equal('SDM 3C "Loading MSRs"');
      expect(rule.wants).to.not.equal('');
    }
  });
});
