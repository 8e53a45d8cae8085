// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { bitMeaning, meaningNames } from '../../../src/intrinsics/texts/bit_meanings.js';
import { describeAll, type DescribedField } from '../../../src/bfm/describe/describe_all.js';

const description = describeAll();
const fieldsOf = (items: readonly { readonly fields: readonly DescribedField[] }[]): DescribedField[] =>
  items.flatMap(({ fields }) => [...fields]);
const plainName = (name: string): string => name.slice(name.lastIndexOf('.') + 1);

describe('bitMeaning', () => {
  it('has a line for each bit of the control words, the control registers and the VMX capability MSRs', () => {
    const registers = description.registers.filter(({ name }) => /^(cr\d|xcr0|rflags|ia32_efer|dr[67])$/.test(name));
    const capabilities = description.msrs.filter(
      ({ name }) => name.startsWith('ia32_vmx_') || name === 'ia32_feature_control',
    );
    const controls = description.vmcsFields.filter(({ name }) => name.endsWith('_controls'));
    const fields = fieldsOf([...registers, ...capabilities, ...controls]);
    const without = fields.filter(({ name }) => bitMeaning(name) === undefined).map(({ name }) => name);
    expect(fields).to.have.length.greaterThan(250);
    expect([...new Set(without)]).to.deep.equal(['reserved', 'always_disabled', 'always_enabled', 'reserved1']);
  });

  it('has no line for what no definition names', () => {
    const names = new Set(
      fieldsOf([...description.registers, ...description.msrs, ...description.vmcsFields]).map(({ name }) =>
        plainName(name),
      ),
    );
    expect(meaningNames.filter((name) => !names.has(name))).to.deep.equal([]);
  });

  it('says each in a line that needs no full stop', () => {
    for (const name of meaningNames) expect(bitMeaning(name), name).to.match(/^[^\n]{3,120}[^.\n]$/);
  });
});
