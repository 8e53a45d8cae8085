// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { vmcsFieldDefinitions } from '../../../src/intrinsics/vmcs/vmcs_field_details.js';
import { VmcsField } from '../../../src/intrinsics/vmcs/vmcs_fields.js';
import { dumpVmcs } from '../../../src/vmm/vmcs/vmcs_dump.js';

describe('dumpVmcs', () => {
  it('prints every field by width and group, then the controls by name', () => {
    const text = dumpVmcs((field) =>
      field === VmcsField.VmEntryControls ? 0x204n : field === VmcsField.GuestRip ? 0xabcn : undefined,
    );
    for (const { name } of vmcsFieldDefinitions) expect(text).to.match(new RegExp(`^${name} `, 'm'));
    expect(text).to.match(/^guest_rip +0xABC$/m);
    expect(text).to.match(/^guest_rsp +doesn't exist$/m);
    const headings = text.split('\n').filter((line) => line.endsWith(' fields'));
    expect(headings[0]).to.equal('16bit control fields');
    expect(headings.indexOf('64bit control fields')).to.be.lessThan(headings.indexOf('32bit control fields'));
    expect(headings[headings.length - 1]).to.equal('natural width host fields');
    expect(text).to.match(/\nvm_entry_controls\n {4}load_debug_controls\n {4}ia32e_mode_guest$/);
  });
});
