// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { describeAll } from '../../src/intrinsics/describe.js';
import { find, kindOf } from '../../src/bfm/describe_lookup.js';
import { textOf } from '../../src/bfm/describe_text.js';
import { UsageError } from '../../src/bfm/usage_error.js';

const description = describeAll();
const names = (kind: string, wanted: string): string[] =>
  find(description, kindOf(kind), wanted).map(({ name }) => name.toLowerCase());

describe('bfm describe', () => {
  describe('.find', () => {
    it('takes a name without regard to case and underscores', () => {
      expect(names('vmcs', 'GuestCr0')).to.deep.equal(names('vmcs', 'guest_cr0')).and.to.have.length(1);
    });

    it('takes a number, in hex with 0x', () => {
      expect(names('vmcs', '0x6800')).to.deep.equal(names('vmcs', 'guest_cr0'));
      expect(names('exit', '10')).to.deep.equal(['cpuid']);
    });

    it('takes a part of a name when no name is equal', () => {
      expect(names('msr', 'sysenter')).to.include.members([
        'ia32_sysenter_cs',
        'ia32_sysenter_eip',
        'ia32_sysenter_esp',
      ]);
    });

    it('is a usage error when there is no such thing or kind', () => {
      expect(() => find(description, 'msr', 'nobody')).to.throw(UsageError, /no msr 'nobody'/);
      expect(() => kindOf('colour')).to.throw(UsageError, /kinds are vmcs, msr/);
    });
  });

  describe('.textOf', () => {
    it('gives number, section and bits by name', () => {
      const [item] = find(description, 'msr', 'ia32_efer');
      const text = textOf('msr', item!);
      expect(text).to.match(/^ia32_efer \(0xc0000080\) {3}SDM/i);
      expect(text).to.match(/^ +8 {2}lme$/im);
    });

    it('says of a check what it wants and reads', () => {
      const [item] = find(description, 'check', 'vmresumeVmcsIsLaunched');
      expect(textOf('check', item!)).to.match(/wants: a VMCS whose launch state is launched/);
    });
  });
});
