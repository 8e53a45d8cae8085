// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import type { EntryRule } from '../../../src/intrinsics/rules/entry_rule.js';
import { entryRule, entryRules, rulesReading } from '../../../src/intrinsics/rules/entry_rules.js';
import { explainEntry, RecordingReader } from '../../../src/intrinsics/rules/explain_entry.js';
import { vmcsFieldDefinition } from '../../../src/intrinsics/vmcs/vmcs_field_details.js';
import { VmcsField } from '../../../src/intrinsics/vmcs/vmcs_fields.js';
import {
  type FakeVmcs,
  valid32BitVmcs,
  validPaeVmcs,
  validUnrestrictedVmcs,
  validVirtual8086Vmcs,
  validVmcs,
  validVmcsWithEpt,
} from '../../support/valid_vmcs.js';
import { controlCases } from './control_cases.js';
import { guestNonRegisterCases } from './guest_non_register_cases.js';
import { guestRegisterCases } from './guest_register_cases.js';
import { guestSegmentCases } from './guest_segment_cases.js';
import { hostCases } from './host_cases.js';

const cases = [...controlCases, ...hostCases, ...guestRegisterCases, ...guestSegmentCases, ...guestNonRegisterCases];

const broken = (vmcs: FakeVmcs): string[] => explainEntry(vmcs).map(({ rule }) => rule.name);

describe('entryRules', () => {
  describe('a valid VMCS', () => {
    for (const [name, make] of Object.entries({
      validVmcs,
      validVmcsWithEpt,
      valid32BitVmcs,
      validPaeVmcs,
      validUnrestrictedVmcs,
      validVirtual8086Vmcs,
    })) {
      it(`breaks no rule: ${name}`, () => {
        expect(broken(make())).to.deep.equal([]);
      });
    }

    it('breaks no rule before any mutation of a case', () => {
      for (const { rule, change, from } of cases) expect(broken(from()), `${rule}: ${change}`).to.deep.equal([]);
    });
  });

  describe('each rule', () => {
    for (const { name } of entryRules) {
      it(`${name} alone refuses its mutations and accepts their neighbours`, () => {
        const own = cases.filter(({ rule }) => rule === name);
        expect(own.filter(({ breaks }) => breaks)).to.not.be.empty;
        for (const { change, from, mutate, breaks } of own) {
          const vmcs = from();
          mutate(vmcs);
          if (breaks) expect(broken(vmcs), change).to.deep.equal([name]);
          else expect(broken(vmcs), change).to.not.include(name);
        }
      });
    }

    it('has a case: no case names a rule that does not exist', () => {
      for (const { rule } of cases) expect(entryRule(rule), rule).to.not.equal(undefined);
    });
  });

  describe('declared inputs', () => {
    // Each rule runs over every VMCS of every case, so that each of its branches reads its inputs.
    const reads = new Map<EntryRule, RecordingReader[]>();
    before(() => {
      const states = cases.flatMap(({ from, mutate }) => {
        const mutated = from();
        mutate(mutated);
        return [from(), mutated];
      });
      for (const rule of entryRules) {
        reads.set(
          rule,
          states.map((vmcs) => {
            const recorder = new RecordingReader(vmcs);
            rule.holds(recorder);
            return recorder;
          }),
        );
      }
    });

    const union = (rule: EntryRule, list: 'fields' | 'msrs' | 'inputs'): unknown[] =>
      [...new Set(reads.get(rule)!.flatMap((recorder) => [...recorder[list]] as unknown[]))].sort();

    it('are exactly the fields that a rule reads', () => {
      for (const rule of entryRules)
        expect(union(rule, 'fields'), rule.name).to.deep.equal([...new Set<unknown>(rule.fields)].sort());
    });

    it('are exactly the MSRs that a rule reads', () => {
      for (const rule of entryRules) expect(union(rule, 'msrs'), rule.name).to.deep.equal([...rule.msrs].sort());
    });

    it('are exactly the other inputs that a rule reads', () => {
      for (const rule of entryRules) expect(union(rule, 'inputs'), rule.name).to.deep.equal([...rule.inputs].sort());
    });

    it('keep a clean mark only for rules without volatile inputs', () => {
      for (const rule of entryRules) {
        const changing = rule.inputs.filter(
          (input) => !['physicalAddressWidth', 'linearAddressWidth', 'features'].includes(input),
        );
        expect(rule.isCacheable, rule.name).to.equal(changing.length === 0);
      }
    });
  });

  it('have unique names, a section, and fields that exist', () => {
    expect(new Set(entryRules.map(({ name }) => name)).size).to.equal(entryRules.length);
    for (const rule of entryRules) {
      expect(rule.section, rule.name).to.match(/^SDM 3C "[A-Z]/);
      expect(rule.wants, rule.name).to.not.equal('');
      for (const field of rule.fields)
        expect(vmcsFieldDefinition(field), `${rule.name} 0x${field.toString(16)}`).to.not.equal(undefined);
    }
  });

  it('are in the order in which their breach is reported', () => {
    const order = ['basic', 'control', 'host', 'guest'];
    const areas = entryRules.map(({ area }) => order.indexOf(area));
    expect(areas).to.deep.equal([...areas].sort((a, b) => a - b));
  });

  it('report VM-instruction error 7 for controls, 8 for host state, and exit qualifications only for guest state', () => {
    for (const { area, error, qualification, name } of entryRules) {
      if (area !== 'basic') expect(error, name).to.equal(area === 'control' ? 7 : area === 'host' ? 8 : 0);
      if (area !== 'guest') expect(qualification, name).to.equal(0);
    }
  });

  it('give the exit qualifications of PDPTEs, of an NMI while STI blocks, and of the link pointer, and no others', () => {
    const byQualification = (value: number): string[] =>
      entryRules.filter(({ qualification }) => qualification === value).map(({ name }) => name);
    expect(byQualification(2)).to.deep.equal(['guestValidPdpteWithEptDisabled', 'guestValidPdpteWithEptEnabled']);
    expect(byQualification(3)).to.deep.equal(['guestInterruptibilityStateStiAndNmi']);
    expect(byQualification(4)).to.have.lengthOf(5);
    expect(entryRules.filter(({ qualification }) => qualification === 0)).to.have.lengthOf(entryRules.length - 8);
  });

  describe('.rulesReading', () => {
    it('gives the indexes of the rules that a VMWRITE makes doubtful', () => {
      const names = rulesReading(VmcsField.HostCr3).map((index) => entryRules[index]!.name);
      expect(names).to.deep.equal(['hostCr3ForUnsupportedBits']);
    });
  });
});
