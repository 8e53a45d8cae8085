// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { UsageError } from '../../../src/bfm/failures/usage_error.js';
import { parseWhoTarget } from '../../../src/bfm/gdb/who_target.js';
import { Msr } from '../../../src/intrinsics/registers/msr_definitions.js';
import { VmcsField } from '../../../src/intrinsics/vmcs/vmcs_fields.js';

describe('parseWhoTarget', () => {
  it('knows linear and physical addresses, and counts of bytes', () => {
    const kind = 'memory';
    expect(parseWhoTarget('0x1000')).to.deep.equal({ kind, address: 0x1000n, isPhysical: false, bytes: 1 });
    expect(parseWhoTarget('phys:0xff8,8')).to.deep.equal({ kind, address: 0xff8n, isPhysical: true, bytes: 8 });
    expect(parseWhoTarget('0xffffffff81000000,4096')).to.include({ bytes: 4096 });
  });

  it('knows the names of VMCS fields, in capitals or not', () => {
    const field = { kind: 'field', field: VmcsField.HostSsSelector };
    expect(parseWhoTarget('HOST_SS_SELECTOR')).to.deep.equal(field);
    expect(parseWhoTarget('host_ss_selector')).to.deep.equal(field);
  });

  it('knows MSRs by their names, and by their addresses', () => {
    expect(parseWhoTarget('IA32_LSTAR')).to.deep.equal({ kind: 'msr', msr: Msr.Ia32Lstar });
    expect(parseWhoTarget('ia32_efer@2')).to.deep.equal({ kind: 'msr', msr: Msr.Ia32Efer, processor: 2 });
    expect(parseWhoTarget('msr:0xc0000103')).to.deep.equal({ kind: 'msr', msr: 0xc0000103 });
  });

  it('knows a processor behind the name', () => {
    expect(parseWhoTarget('GUEST_RIP@3')).to.deep.equal({ kind: 'field', field: VmcsField.GuestRip, processor: 3 });
    expect(parseWhoTarget('0x1000,8@0')).to.include({ bytes: 8, processor: 0 });
  });

  it('takes other names for those of the guest, with an offset and a count of bytes', () => {
    const kind = 'name';
    expect(parseWhoTarget('jiffies_64,8')).to.deep.equal({ kind, name: 'jiffies_64', offset: 0n, bytes: 8 });
    expect(parseWhoTarget('init_task+0x10@1')).to.deep.equal({
      ...{ kind, name: 'init_task', offset: 16n, bytes: 1, processor: 1 },
    });
    expect(parseWhoTarget('constructor+5')).to.deep.equal({ kind, name: 'constructor', offset: 5n, bytes: 1 });
  });

  it('names the place where it was typed', () => {
    expect(() => parseWhoTarget('', 'monitor who')).to.throw(UsageError, /^monitor who ''/);
  });

  it('refuses anything else', () => {
    for (const wrong of [
      ...['', '1000', '0x', '0x1000,', '0x1000,0', '0xfff,2', '0x1000,4097', '0x11112222333344445'],
      ...[
        'GUEST_RIP@',
        'GUEST_RIP@x',
        'GUEST_RIP@1@2',
        '@1',
        'name+',
        'name+-1',
        'name,0',
        'na me',
        '1name',
        'n'.repeat(513),
      ],
      ...['msr:', 'msr:27', 'msr:0x123456789', 'msr:IA32_EFER'],
    ])
      expect(() => parseWhoTarget(wrong), wrong).to.throw(UsageError, '--who');
  });
});
