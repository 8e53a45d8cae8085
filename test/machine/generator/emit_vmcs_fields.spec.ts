// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { emitVmcsFields } from '../../../src/machine/generator/emit_vmcs_fields.js';
import { slotKinds, SlotKind } from '../../../src/machine/vmx/vmcs/field_slots.js';

describe('emitVmcsFields', () => {
  const text = emitVmcsFields();

  it('gives the core the kind of each slot', () => {
    const [, numbers = ''] = /SLOT_KINDS: usize = memory\.data<u8>\(\[(.*)\]\)/.exec(text) ?? [];
    expect(numbers.split(', ').map(Number)).to.deep.equal([...slotKinds]);
  });

  it('gives it the bits of an encoding and of a kind by name', () => {
    for (const line of ['Width: u64 = 0x6000', 'HighAccess: u64 = 0x1', 'Group: u64 = 0x5'])
      expect(text).to.include(`export const ${line};`);
    expect(text).to.include(`KIND_READ_ONLY: u32 = 0x${SlotKind.ReadOnly.toString(16)};`);
  });
});
