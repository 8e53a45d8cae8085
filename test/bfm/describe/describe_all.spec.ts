// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { controlBitFields, mayBeOne, mustBeOne, type ControlWord } from '../../../src/intrinsics/vmx/control_bits.js';
import { ErrorCode, errorCodeName } from '../../../src/vmm/error_codes.js';
import { describeAll } from '../../../src/bfm/describe/describe_all.js';
import {
  exitReasonDescription,
  exitReasonName,
  PENDING_WORK,
  exitReasonDefinitions,
} from '../../../src/intrinsics/vmx/exit_reasons.js';
import { msrDefinition, msrName } from '../../../src/intrinsics/registers/msr_definitions.js';
import {
  vmInstructionErrorDefinitions,
  vmInstructionErrorText,
} from '../../../src/intrinsics/vmx/vm_instruction_errors.js';
import {
  capabilityMsrOf,
  controlFieldOf,
  plainCapabilityMsrOf,
  vmcsFieldDefinition,
  vmcsFieldDefinitions,
  vmcsFieldExists,
  vmcsFieldLabel,
} from '../../../src/intrinsics/vmcs/vmcs_field_details.js';
import {
  bytesOfField,
  groupOfField,
  highAccessOf,
  isReadOnlyField,
  VmcsField,
  widthOfField,
} from '../../../src/intrinsics/vmcs/vmcs_fields.js';

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

  it('are in order of encoding, each once', () => {
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
  it('have a capability MSR that names the same bits', () => {
    for (const word of Object.keys(controlBitFields) as ControlWord[]) {
      for (const msrs of [capabilityMsrOf, plainCapabilityMsrOf]) {
        expect(msrDefinition(msrs[word])!.fields).to.equal(controlBitFields[word]);
        expect(msrDefinition(msrs[word])!.capabilityOf).to.equal(word);
      }
      expect(vmcsFieldDefinition(controlFieldOf[word])!.controlWord).to.equal(word);
    }
  });
});

describe('capability MSRs', () => {
  it('say by halves which controls must and may be 1; those of 64-bit words which may', () => {
    expect([mustBeOne('pin', 0x7f_00000016n), mayBeOne('pin', 0x7f_00000016n)]).to.deep.equal([0x16, 0x7f]);
    expect([mustBeOne('tertiary', 0x7f_00000016n), mayBeOne('tertiary', 0x7f_00000016n)]).to.deep.equal([0, 0x16]);
    expect([mustBeOne('secondaryExit', 8n), mayBeOne('secondaryExit', 8n)]).to.deep.equal([0, 8]);
  });
});

describe('numbers with names', () => {
  it('name exit reasons and describe them', () => {
    expect(exitReasonName(10)).to.equal('cpuid');
    expect(exitReasonName(0x80000021)).to.equal('vm_entry_failure_invalid_guest_state');
    expect(exitReasonName(35)).to.equal('unknown_exit_reason_35');
    expect(exitReasonName(PENDING_WORK), 'an exit of the machine').to.equal('pending_work');
    expect(exitReasonDescription(10)).to.equal('the guest executed CPUID');
    expect(exitReasonDescription(35)).to.equal('');
    expect(new Set(exitReasonDefinitions.map(({ description }) => description)).size).to.equal(
      exitReasonDefinitions.length,
    );
  });

  it('give each VM-instruction error its own text', () => {
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

  it('says how code reaches what it describes', () => {
    const accessor = (list: readonly { name: string; accessor: string }[], wanted: string): string | undefined =>
      list.find(({ name }) => name === wanted)?.accessor;
    expect(accessor(all.vmcsFields, 'guest_cr0')).to.equal('vmcs.guestCr0');
    expect(accessor(all.msrs, 'ia32_efer')).to.equal('msrs.ia32Efer');
    expect(accessor(all.cpuid, 'addr_size')).to.equal('cpuid.addrSize');
    expect(accessor(all.registers, 'cr4')).to.equal('registers.cr4');
    expect(accessor(all.registers, 'segment_register.es')).to.equal('registers.es');
    expect(accessor(all.registers, 'pdpte'), 'a layout').to.equal('');
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
