// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { exitQualificationFields } from '../../../src/intrinsics/vmx/exit_information.js';
import { ExitReason } from '../../../src/intrinsics/vmx/exit_reasons.js';
import { qualificationText } from '../../../src/intrinsics/texts/qualification_text.js';

describe('qualificationText', () => {
  it('names the bits of an EPT violation', () => {
    expect(qualificationText(ExitReason.EptViolation, 0x18an)).to.deep.equal([
      'data_write',
      'readable',
      'valid_guest_linear_address',
      'caused_by_translation',
    ]);
  });

  it('names the values of an I/O instruction and of a move to a control register', () => {
    expect(qualificationText(ExitReason.IoInstruction, 0x3f80048n)).to.deep.equal([
      'direction_of_access = in',
      'operand_encoding = immediate',
      'port_number = 0x3F8',
    ]);
    expect(qualificationText(ExitReason.ControlRegisterAccesses, 0x304n)).to.deep.equal([
      'control_register_number = 0x4',
      'general_purpose_register = rbx',
    ]);
  });

  it('is empty where the qualification is one value', () => {
    expect(qualificationText(ExitReason.Invlpg, 0x1234n)).to.deep.equal([]);
  });

  it('knows a prefix for each layout of the table that an exit reason has', () => {
    const prefixes = new Set(
      exitQualificationFields.map(({ name }) => name.split('.')[0]!).filter((name, _, all) => all.includes(name)),
    );
    const decoded = Object.values(ExitReason).filter((reason) => qualificationText(reason, 2n ** 64n - 1n).length > 0);
    const layouts = [...prefixes].filter((prefix) =>
      exitQualificationFields.some(({ name }) => name.startsWith(`${prefix}.`)),
    );
    // One exit reason has two layouts (APIC access); page-fault exceptions have none.
    expect(decoded).to.have.length(layouts.length - 1);
  });
});
