// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { explainEntry, formatFailures } from '../../../src/intrinsics/rules/explain_entry.js';
import { VmcsField as F } from '../../../src/intrinsics/vmcs/vmcs_fields.js';
import { validVmcs } from '../../support/valid_vmcs.js';

describe('explainEntry', () => {
  it('lists all broken rules in the order of the SDM', () => {
    const vmcs = validVmcs()
      .set(F.GuestRflags, 0)
      .set(F.HostCr3, 1n << 40n)
      .set(F.Cr3TargetCount, 9);
    expect(explainEntry(vmcs).map(({ rule }) => rule.name)).to.deep.equal([
      'controlCr3CountLessThen4',
      'hostCr3ForUnsupportedBits',
      'guestRflagsReservedBits',
    ]);
  });

  it('gives the values that a rule met: fields and capabilities', () => {
    const [failure] = explainEntry(validVmcs().set(F.HostCr0, 0x80010001));
    expect(failure!.fields.map(({ label, value }) => [label, value])).to.deep.equal([
      ['HOST_CR0 (0x6c00)', 0x80010001n],
    ]);
    expect(failure!.msrs.map(({ label, value }) => [label, value])).to.deep.equal([
      ['IA32_VMX_CR0_FIXED0', 0x80000021n],
      ['IA32_VMX_CR0_FIXED1', 0xffffffffn],
    ]);
  });

  it('says where the VMM last wrote a field when it knows', () => {
    const vmcs = validVmcs().set(F.GuestRflags, 0);
    const [failure] = explainEntry(vmcs, (field) => (field === F.GuestRflags ? 'vmcs.ts:12' : undefined));
    expect(failure!.fields[0]!.writtenAt).to.equal('vmcs.ts:12');
  });

  it('finds nothing in a valid VMCS', () => {
    expect(explainEntry(validVmcs())).to.deep.equal([]);
  });
});

describe('formatFailures', () => {
  it('says what each rule wants, its section, and each value with where it was written', () => {
    const vmcs = validVmcs().set(F.GuestRflags, 0).set(F.HostCsSelector, 0);
    const text = formatFailures(explainEntry(vmcs, (field) => (field === F.GuestRflags ? 'vmcs.ts:12' : undefined)));
    expect(text).to.equal(
      [
        '2 rules of SDM 3C "VM Entries" broken:',
        '  host state: hostCsNotEqualZero wants a host CS selector other than 0. SDM 3C "Checks on Host Segment and Descriptor-Table Registers"',
        '    HOST_CS_SELECTOR (0x0c02) = 0x0000',
        '  guest state: guestRflagsReservedBits wants bits 63:22, 15, 5 and 3 of guest RFLAGS 0, bit 1 1. SDM 3C "Checks on Guest RIP, RFLAGS, and SSP"',
        '    GUEST_RFLAGS (0x6820) = 0x0000000000000000, last written at vmcs.ts:12',
      ].join('\n'),
    );
  });

  it('counts one rule as one', () => {
    expect(formatFailures(explainEntry(validVmcs().set(F.GuestRflags, 0)))).to.match(/^1 rule of /);
  });

  it('names what software may set of an ordinary MSR', () => {
    const vmcs = validVmcs().on(F.VmEntryControls, 4).set(F.GuestIa32Debugctl, 4);
    expect(formatFailures(explainEntry(vmcs))).to.include('IA32_DEBUGCTL bits that may be 1 = 0x000000000000ffc3');
  });

  it('says so when nothing is broken', () => {
    expect(formatFailures([])).to.equal('no rule of SDM 3C "VM Entries" is broken');
  });
});
