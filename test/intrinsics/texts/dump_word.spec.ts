// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { bits } from '../../../src/intrinsics/bit_fields.js';
import { controlBitFields, PinBasedControl, PrimaryControl } from '../../../src/intrinsics/vmx/control_bits.js';
import { allowedSettings, dumpLine, dumpWord, enabledBits } from '../../../src/intrinsics/texts/dump_word.js';

describe('dumpWord', () => {
  it('name the bits that are 1, up to the highest', () => {
    const pin = BigInt(PinBasedControl.NmiExiting | PinBasedControl.VirtualNmis);
    expect(enabledBits(controlBitFields.pin, pin)).to.deep.equal(['nmi_exiting', 'virtual_nmis']);
    const primary = BigInt(PrimaryControl.ActivateSecondaryControls);
    expect(enabledBits(controlBitFields.primary, primary)).to.deep.equal(['activate_secondary_controls']);
  });

  it('give runs their value, or its name', () => {
    const fields = [bits('type', 0, 2, { write_back: 6 }), bits('length', 3, 5), bits('zero', 6, 7)];
    expect(enabledBits(fields, 0b011_110n)).to.deep.equal(['type = write_back', 'length = 0x3']);
    expect(enabledBits(fields, 0b000_001n)).to.deep.equal(['type = 0x1']);
  });

  it('say of controls how they may be set', () => {
    const fields = [bits('fixed', 0), bits('free', 1), bits('missing', 2)];
    expect(allowedSettings(fields, 'pin', (3n << 32n) | 1n)).to.deep.equal(['fixed: 1', 'free: 0 or 1', 'missing: 0']);
    expect(allowedSettings(fields, 'tertiary', 1n)).to.deep.equal(['fixed: 0 or 1', 'free: 0', 'missing: 0']);
  });

  it('put a word and what is in it under each other', () => {
    const word = { name: 'word', fields: [bits('flag', 0), bits('other', 1)] };
    expect(dumpWord(word, 1n)).to.equal(`${'word'.padEnd(52)}0x1\n    flag`);
    expect(dumpWord(word, undefined)).to.equal(`${'word'.padEnd(52)}doesn't exist`);
    expect(dumpWord({ ...word, capabilityOf: 'pin' }, 1n << 32n)).to.equal(
      `${'word'.padEnd(52)}0x100000000\n    flag: 0 or 1\n    other: 0`,
    );
    expect(dumpLine('word', 0xabn)).to.equal(`${'word'.padEnd(52)}0xAB`);
  });
});
