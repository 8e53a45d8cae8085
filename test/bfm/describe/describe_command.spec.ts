// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { describeAll } from '../../../src/bfm/describe/describe_all.js';
import { find, kindOf } from '../../../src/bfm/describe/describe_lookup.js';
import { lineOf, textOf } from '../../../src/bfm/describe/describe_text.js';
import { UsageError } from '../../../src/bfm/failures/usage_error.js';

const description = describeAll();
const names = (kind: string, wanted: string): string[] =>
  find(description, kindOf(kind, description), wanted).map(({ name }) => name.toLowerCase());

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

    it('takes a register without its group, and a kind in capitals', () => {
      expect(names('REGISTER', 'es')).to.deep.equal(['segment_register.es']);
    });

    it('says what to type when the kind is left out or a number lacks its 0x', () => {
      expect(() => kindOf('guest_rip', description)).to.throw(UsageError, /try 'bfm describe vmcs guest_rip'$/);
      expect(() => find(description, 'msr', 'c0000080')).to.throw(UsageError, /hexadecimal with 0x/);
    });

    it('takes no text without a letter or digit for a part of every name', () => {
      expect(() => find(description, 'cpuid', '')).to.throw(UsageError, /no cpuid ''/);
    });

    it('is a usage error when the name or kind does not exist', () => {
      expect(() => find(description, 'msr', 'nobody')).to.throw(UsageError, /no msr 'nobody'/);
      expect(() => kindOf('colour', description)).to.throw(UsageError, /kinds are vmcs, msr, .*check, model$/);
    });
  });

  describe('.textOf', () => {
    it('gives number, section and bits by name', () => {
      const [item] = find(description, 'msr', 'ia32_efer');
      const text = textOf('msr', item!);
      expect(text).to.match(/^ia32_efer \(0xc0000080\) {3}SDM/i);
      expect(text).to.match(/^ +8 {2}lme {2}LME: IA-32e mode becomes active with CR0\.PG$/m);
    });

    it('gives the mask of bits that are not one run', () => {
      const [item] = find(description, 'msr', 'ia32_efer');
      expect(textOf('msr', item!)).to.match(/^ +0xFFFFFFFFFFFFF2FE {2}reserved$/m);
    });

    it('says of a control what it does and what this processor model allows', () => {
      const lines = (kind: 'vmcs' | 'msr', name: string) => textOf(kind, find(description, kind, name)[0]!);
      const primary = lines('vmcs', 'primary_processor_based_vm_execution_controls');
      expect(primary).to.include('settings that the processor models allow:');
      expect(primary).to.match(/^ +7 {2}hlt_exiting +0 or 1 {4}HLT causes VM exits$/m);
      expect(primary).to.match(/^ +17 {2}activate_tertiary_controls +always 0 {2}the tertiary/m);
      expect(lines('msr', 'ia32_vmx_procbased_ctls'), 'a default1 control').to.match(/ cr3_load_exiting +always 1 /);
      expect(lines('msr', 'ia32_vmx_true_procbased_ctls')).to.match(/ cr3_load_exiting +0 or 1 /);
      expect(lines('msr', 'ia32_vmx_procbased_ctls2')).to.match(/^ +1 {2}enable_ept +0 or 1 /m);
      expect(lines('vmcs', 'vm_function_controls')).to.match(/eptp_switching +always 0 /);
    });

    it('says of a processor model which processor it is, its address bits, and how its features differ', () => {
      const [item] = find(description, 'model', 'cascadelake-server');
      expect(lineOf('model', item!)).to.equal(
        'cascadelake-server  Cascade Lake server (06_55H), after Intel Xeon Platinum 8280, 46 physical-address bits',
      );
      const text = textOf('model', item!);
      expect(text).to.match(
        /description: Cascade Lake server .*\n +modelled after: Intel .*\n +physical-address bits: 46\n/,
      );
      expect(text).to.match(/^ {2}features that CPUID announces: \d\d+; --json lists them$/m);
      expect(text).to.include('  skylake-client announces the same features');
      const fewer = { ...item!, features: [...(item!.features as string[]).slice(1), 'another'] };
      expect(textOf('model', fewer)).to.include(
        '  announced here, not by skylake-client: another\n  announced by skylake-client, not here: sse3',
      );
    });

    it('says of a check what it wants and reads', () => {
      const [item] = find(description, 'check', 'vmresumeVmcsIsLaunched');
      expect(textOf('check', item!)).to.match(/wants: a VMCS whose launch state is launched/);
    });
  });
});
