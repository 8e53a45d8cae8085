// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { bits, bitFieldsOf, extract, insert, maskOf, scattered, snakeCase } from '../../src/intrinsics/bit_fields.js';
import {
  controlBitFields,
  enabledControls,
  PinBasedControl,
  PrimaryControl,
} from '../../src/intrinsics/control_bits.js';
import { ErrorCode, errorCodeName } from '../../src/intrinsics/constants.js';
import { describeAll } from '../../src/intrinsics/describe.js';
import { exitReasonDescription, exitReasonName, exitReasonDefinitions } from '../../src/intrinsics/exit_reasons.js';
import { msrDefinition, msrName } from '../../src/intrinsics/msr_definitions.js';
import { vmInstructionErrorDefinitions, vmInstructionErrorText } from '../../src/intrinsics/vm_instruction_errors.js';
import {
  capabilityMsrOf,
  vmcsFieldDefinition,
  vmcsFieldDefinitions,
  vmcsFieldExists,
  vmcsFieldLabel,
} from '../../src/intrinsics/vmcs_field_details.js';
import {
  bytesOfField,
  groupOfField,
  highAccessOf,
  isReadOnlyField,
  VmcsField,
  widthOfField,
} from '../../src/intrinsics/vmcs_fields.js';

describe('bit fields', () => {
  it('come from a table of masks with their positions, bit 31 too', () => {
    expect(bitFieldsOf({ Low: 1, Wide: 0x70, Top: 0x80000000, TopTwo: 0xc0000000 })).to.deep.equal([
      { name: 'low', from: 0, to: 0 },
      { name: 'wide', from: 4, to: 6 },
      { name: 'top', from: 31, to: 31 },
      { name: 'top_two', from: 30, to: 31 },
    ]);
  });

  it('are cut out of and put into values of 64 bits', () => {
    const field = bits('middle', 30, 35);
    expect(maskOf(field)).to.equal(0xfc0000000n);
    expect(extract(field, 0xffffffffffffffffn)).to.equal(0x3fn);
    expect(insert(field, 0xffffffffffffffffn, 1n)).to.equal(0xfffffff07fffffffn);
    expect(insert(field, 0n, 0xffn)).to.equal(0xfc0000000n);
  });

  it('may be scattered', () => {
    expect(scattered('reserved', 0x90n)).to.deep.equal({ name: 'reserved', from: 4, to: 7, mask: 0x90n });
  });

  it('are named in snake_case', () => {
    expect(snakeCase('GuestIa32PerfGlobalCtrl')).to.equal('guest_ia32_perf_global_ctrl');
  });
});

describe('VMCS fields', () => {
  it('have width, group and access type in their encoding', () => {
    expect(
      [VmcsField.GuestCr3, VmcsField.EptPointer, VmcsField.ExitReason, VmcsField.HostCsSelector].map(widthOfField),
    ).to.deep.equal(['natural', 64, 32, 16]);
    expect(
      [VmcsField.GuestCr3, VmcsField.EptPointer, VmcsField.ExitReason, VmcsField.HostCsSelector].map(groupOfField),
    ).to.deep.equal(['guest', 'control', 'readonly', 'host']);
    expect([VmcsField.GuestCr3, VmcsField.ExitReason, VmcsField.HostCsSelector].map(bytesOfField)).to.deep.equal([
      8, 4, 2,
    ]);
    expect(isReadOnlyField(VmcsField.ExitQualification)).to.equal(true);
    expect(isReadOnlyField(VmcsField.GuestRip)).to.equal(false);
    expect(highAccessOf(VmcsField.EptPointer)).to.equal(0x201b);
  });

  it('stand in order of encoding, each once', () => {
    const encodings = vmcsFieldDefinitions.map(({ encoding }) => encoding);
    expect(new Set(encodings).size).to.equal(encodings.length);
    const within = (width: unknown): number[] =>
      vmcsFieldDefinitions.filter((field) => field.width === width).map(({ encoding }) => encoding);
    for (const width of [16, 64, 32, 'natural'])
      expect(within(width)).to.deep.equal([...within(width)].sort((a, b) => a - b));
  });

  it('exist by their controls', () => {
    const eptp = vmcsFieldDefinition(VmcsField.EptPointer)!;
    expect(vmcsFieldExists(eptp, () => 0)).to.equal(false);
    expect(vmcsFieldExists(eptp, (word) => (word === 'primary' ? 0x80000000 : 0))).to.equal(false);
    expect(vmcsFieldExists(eptp, (word) => (word === 'primary' ? 0x80000000 : 2))).to.equal(true);
    const pat = vmcsFieldDefinition(VmcsField.GuestIa32Pat)!;
    expect(vmcsFieldExists(pat, (word) => (word === 'exit' ? 1 << 18 : 0))).to.equal(true);
    expect(vmcsFieldExists(pat, (word) => (word === 'entry' ? 1 << 14 : 0))).to.equal(true);
    expect(vmcsFieldExists(pat, () => 0)).to.equal(false);
    expect(vmcsFieldExists(vmcsFieldDefinition(VmcsField.GuestRip)!, () => 0)).to.equal(true);
  });

  it('are labelled for messages, by either access type', () => {
    expect(vmcsFieldLabel(VmcsField.ExitReason)).to.equal('EXIT_REASON (0x4402)');
    expect(vmcsFieldLabel(0x201b)).to.equal('EPT_POINTER (0x201b)');
    expect(vmcsFieldLabel(0x7ffe)).to.equal('unnamed field (0x7ffe)');
  });

  it('have bits inside their width', () => {
    for (const { name, bytes, fields } of vmcsFieldDefinitions) {
      for (const field of fields)
        if (field.name !== 'reserved') expect(field.to, `${name}.${field.name}`).to.be.below(Math.max(bytes * 8, 32));
    }
  });
});

describe('controls', () => {
  it('are listed by name', () => {
    expect(enabledControls('pin', PinBasedControl.NmiExiting | PinBasedControl.VirtualNmis)).to.deep.equal([
      'nmi_exiting',
      'virtual_nmis',
    ]);
    expect(enabledControls('primary', PrimaryControl.ActivateSecondaryControls)).to.deep.equal([
      'activate_secondary_controls',
    ]);
  });

  it('have a capability MSR that names the same bits', () => {
    for (const word of ['pin', 'primary', 'secondary', 'exit', 'entry', 'vmfunc'] as const) {
      expect(msrDefinition(capabilityMsrOf[word])!.fields).to.equal(controlBitFields[word]);
    }
  });
});

describe('numbers with names', () => {
  it('name exit reasons and describe them', () => {
    expect(exitReasonName(10)).to.equal('cpuid');
    expect(exitReasonName(0x80000021)).to.equal('vm_entry_failure_invalid_guest_state');
    expect(exitReasonName(35)).to.equal('unknown_exit_reason_35');
    expect(exitReasonDescription(10)).to.equal('the guest executed CPUID');
    expect(exitReasonDescription(35)).to.equal('');
    expect(new Set(exitReasonDefinitions.map(({ description }) => description)).size).to.equal(
      exitReasonDefinitions.length,
    );
  });

  it('give each VM-instruction error a text of its own', () => {
    expect(new Set(vmInstructionErrorDefinitions.map(({ text }) => text)).size).to.equal(25);
    expect(vmInstructionErrorText(13)).to.equal('VMWRITE to a read-only field');
    expect(vmInstructionErrorText(14)).to.equal('unknown VM-instruction error 14');
  });

  it('name error codes', () => {
    expect(errorCodeName(0n)).to.equal('SUCCESS');
    expect(errorCodeName(ErrorCode.BF_BAD_ALLOC)).to.equal('BF_BAD_ALLOC');
    expect(errorCodeName(-1n)).to.equal('BF_IOCTL_FAILURE');
    expect(errorCodeName(42n)).to.equal('UNDEFINED_ERROR_CODE');
  });

  it('name MSRs', () => {
    expect(msrName(0xc0000080)).to.equal('ia32_efer');
    expect(msrName(0x12345)).to.equal('0x12345');
  });
});

describe('describeAll', () => {
  const all = describeAll();

  it('is plain JSON', () => {
    expect(JSON.parse(JSON.stringify(all))).to.deep.equal(all);
  });

  it('gives each rule its fields by name', () => {
    const rule = all.vmcsChecks.find(({ name }) => name === 'hostCr0ForUnsupportedBits')!;
    expect(rule.fields).to.deep.equal(['host_cr0']);
    expect(rule.msrs).to.deep.equal([0x486, 0x487]);
  });

  it('says when a field exists', () => {
    expect(all.vmcsFields.find(({ name }) => name === 'guest_ia32_pat')!.existsIf).to.equal(
      'entry.load_ia32_pat may be 1 or exit.save_ia32_pat may be 1',
    );
  });

  it('writes big constants in hexadecimal', () => {
    expect(all.constants.vmcall!.magic).to.equal('0xB045EACDACD52E22');
    expect(all.constants.errorCodes!.BF_IOCTL_FAILURE).to.equal('-0x1');
  });
});
