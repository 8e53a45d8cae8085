// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import type { BitField } from '../../../src/intrinsics/bit_fields.js';
import { vmcsFieldDefinitions, type VmcsFieldDefinition } from '../../../src/intrinsics/vmcs/vmcs_field_details.js';
import { VmcsError } from '../../../src/vmm/errors.js';
import { VmcsIntelX64 } from '../../../src/vmm/vmcs/vmcs_intel_x64.js';
import { FakeMachine } from '../../support/fake_machine.js';
import { make } from '../../support/make.js';
import { visitMachine } from '../accessors/visit_machine.js';
import {
  accessorOf,
  bitsOf,
  faultsOfReading,
  faultsOfReadOnly,
  faultsOfWriting,
  throws,
  wholeWord,
  type AnyAccessor,
  type Raw,
} from '../accessors/walk.js';

/** VMREAD and VMWRITE, RDMSR, as the processor has them. */
interface Processor {
  vmread(field: number): bigint | undefined;
  vmwrite(field: number, value: bigint): boolean;
  rdmsr(address: number): bigint;
}

const patterns = [0xa5a5_5a5a_c3c3_3c3cn, 0x5a5a_a5a5_3c3c_c3c3n];

/** Capability MSRs by their numbers, as the SDM's appendix "VMX Capability Reporting Facility" has them. */
const capabilityMsrs: Readonly<Record<string, number>> = {
  pin: 0x48d,
  primary: 0x48e,
  secondary: 0x48b,
  tertiary: 0x492,
  exit: 0x48f,
  secondaryExit: 0x493,
  entry: 0x490,
  vmfunc: 0x491,
};

function rawOf({ encoding, name }: VmcsFieldDefinition, processor: Processor): Raw {
  return {
    read: () => processor.vmread(encoding)!,
    write: (value) => {
      if (!processor.vmwrite(encoding, value)) throw new Error(`VMWRITE ${name}`);
    },
  };
}

function faultsOfAbsent(word: AnyAccessor, definition: VmcsFieldDefinition, processor: Processor): string[] {
  const { name, encoding, fields } = definition;
  const isRefused = (act: () => unknown): boolean => throws(act, VmcsError, "field doesn't exist");
  const faults: string[] = [];
  if (!isRefused(() => word.get())) faults.push(`${name}.get`);
  if (!definition.readOnly && !isRefused(() => word.set(0n))) faults.push(`${name}.set`);
  if (word.getIfExists() !== 0n) faults.push(`${name}.getIfExists`);
  if (!definition.readOnly) word.setIfExists(1n);
  for (const field of fields) {
    const accessor = accessorOf(word, field.name);
    if (!isRefused(() => accessor.get())) faults.push(`${name}.${field.name}.get`);
    if (accessor.getIfExists() !== 0n) faults.push(`${name}.${field.name}.getIfExists`);
    if (field.kind === 'run') continue;
    if (accessor.isEnabledIfExists() || !accessor.isDisabledIfExists()) faults.push(`${name}.${field.name}`);
    accessor.enableIfExists();
  }
  if (processor.vmread(encoding) !== undefined) faults.push(`${name}: absent, but VMREAD gives it`);
  return faults;
}

/** A control obeys its capability MSR in every form. */
function faultsOfControl(word: AnyAccessor, field: BitField, controlWord: string, raw: Raw, msr: bigint): string[] {
  const accessor = accessorOf(word, field.name);
  const bit = 1n << BigInt(field.from);
  const isWide = ['tertiary', 'secondaryExit', 'vmfunc'].includes(controlWord);
  const may0 = isWide || (msr & bit) === 0n;
  const may1 = ((isWide ? msr : msr >> 32n) & bit) !== 0n;
  const before = raw.read();
  const faults: string[] = [];
  const want = (what: string, found: unknown, wanted: unknown): void => {
    if (found !== wanted) faults.push(`${word.name}.${field.name}.${what}: ${String(found)}, not ${String(wanted)}`);
  };
  want('isAllowed0', accessor.isAllowed0(), may0);
  want('isAllowed1', accessor.isAllowed1(), may1);
  const forms: readonly (readonly [name: string, act: () => void, isAllowed: boolean, wanted: bigint])[] = [
    ['enable', () => accessor.enable(), may1, before | bit],
    ['disable', () => accessor.disable(), may0, before & ~bit],
    ['set(1n)', () => accessor.set(1n), may1, before | bit],
    ['set(0n)', () => accessor.set(0n), may0, before & ~bit],
    ['enableIfExists', () => accessor.enableIfExists(), may1, before | bit],
    ['disableIfExists', () => accessor.disableIfExists(), may0, before & ~bit],
    ['enableIfAllowed', () => want('enableIfAllowed()', accessor.enableIfAllowed(), may1), may1, before | bit],
    ['disableIfAllowed', () => want('disableIfAllowed()', accessor.disableIfAllowed(), may0), may0, before & ~bit],
  ];
  for (const [name, act, isAllowed, wanted] of forms) {
    // From the opposite setting, so that the form must act.
    const opposite = wanted ^ bit;
    raw.write(opposite);
    const isRefused = throws(act, VmcsError, 'control is not allowed to be');
    want(`${name} refused`, isRefused, !isAllowed && !name.endsWith('IfAllowed'));
    want(name, raw.read(), isAllowed ? wanted : opposite);
    faults.push(...faultsOfReading(accessor, field, 64, raw.read()));
  }
  raw.write(before);
  return faults;
}

/** What is wrong with the accessors of one field and its bits. Afterwards the field has its old value. */
function faultsOf(fields: object, definition: VmcsFieldDefinition, processor: Processor): string[] {
  const { name, bytes } = definition;
  const width = 8 * bytes;
  const word = accessorOf(fields, name);
  const raw = rawOf(definition, processor);
  if (processor.vmread(definition.encoding) === undefined) {
    const absent = word.exists() ? [`${name}.exists() of an absent field`] : [];
    return [...absent, ...faultsOfAbsent(word, definition, processor)];
  }
  const faults = word.exists() ? [] : [`${name}.exists()`];
  faults.push(...faultsOfReading(word, wholeWord(name, width), width, raw.read()));
  if (definition.readOnly) {
    faults.push(...faultsOfReadOnly(word, definition.fields, name));
    for (const field of definition.fields) {
      faults.push(...faultsOfReading(accessorOf(word, field.name), field, width, raw.read()));
    }
    return faults;
  }
  const before = raw.read();
  for (const pattern of patterns) {
    word.set(pattern & bitsOf(wholeWord(name, width), 64));
    if (raw.read() !== (pattern & bitsOf(wholeWord(name, width), 64))) faults.push(`${name}.set: ${raw.read()}`);
    for (const field of definition.fields) {
      if (field.kind === 'control') continue;
      const { faults: found, written } = faultsOfWriting(accessorOf(word, field.name), field, width, raw);
      faults.push(...found.map((fault) => `${name}.${fault}`));
      if (written === 0) faults.push(`${name}.${field.name} was not written`);
    }
  }
  raw.write(before);
  for (const field of definition.fields) {
    if (field.kind !== 'control') continue;
    const msr = processor.rdmsr(capabilityMsrs[definition.controlWord!]!);
    faults.push(...faultsOfControl(word, field, definition.controlWord!, raw, msr));
  }
  return faults;
}

/** A fake whose capability MSRs allow every control to be 0 and 1, so that every field exists. */
function fakeWithEverything(): FakeMachine {
  const machine = new FakeMachine();
  for (const address of [0x48b, 0x48d, 0x48e, 0x48f, 0x490]) machine.msr.set(address, 0xffffffff_00000000n);
  for (const address of [0x491, 0x492, 0x493]) machine.msr.set(address, 0xffffffff_ffffffffn);
  return machine;
}

function walkFake(machine: FakeMachine): string[] {
  const fields = make(VmcsIntelX64, { vmx: machine.vmx, msrs: machine.msrs, vcpuid: 0n });
  const processor = { ...machine.vmx, ...machine.msrs };
  return vmcsFieldDefinitions.flatMap((each) => faultsOf(fields, each, processor));
}

describe('Every VMCS field and bit', () => {
  it('is set and read back by its accessors at its encoding, on a fake that has them all', () => {
    const machine = fakeWithEverything();
    expect(walkFake(machine)).to.deep.equal([]);
    const absent = vmcsFieldDefinitions.filter(({ encoding }) => machine.vmx.vmread(encoding) === undefined);
    expect(absent).to.deep.equal([]);
  });

  it('says that it is missing, on a fake that lacks some', () => {
    const machine = new FakeMachine();
    expect(walkFake(machine)).to.deep.equal([]);
    const absent = vmcsFieldDefinitions.filter(({ encoding }) => machine.vmx.vmread(encoding) === undefined);
    expect(absent.length).to.be.greaterThan(20);
  });

  it('is read bit by bit where only the processor writes it', () => {
    const machine = new FakeMachine();
    const fields = make(VmcsIntelX64, { vmx: machine.vmx, msrs: machine.msrs, vcpuid: 0n });
    const readOnly = vmcsFieldDefinitions.filter((each) => each.readOnly);
    const faults = readOnly.flatMap(({ name, encoding, bytes, fields: bits }) =>
      [...patterns, 0n, 0xffff_ffff_ffff_ffffn].flatMap((pattern) => {
        const value = pattern & bitsOf(wholeWord(name, 8 * bytes), 64);
        machine.fields.set(encoding, value);
        return bits.flatMap((field) =>
          faultsOfReading(accessorOf(accessorOf(fields, name), field.name), field, 8 * bytes, value),
        );
      }),
    );
    expect(faults).to.deep.equal([]);
    expect(readOnly.flatMap((each) => each.fields).length).to.be.greaterThan(150);
  });

  it('is set and read back by VMWRITE and VMREAD on the machine', async () => {
    let faults: string[] | undefined;
    let existing = 0;
    let controls = 0;
    await visitMachine(({ vmcs, vmx, msrs }) => {
      const processor: Processor = {
        vmread: (field) => vmx.vmread(field),
        vmwrite: (field, value) => vmx.vmwrite(field, value),
        rdmsr: (address) => msrs.rdmsr(address),
      };
      const present = vmcsFieldDefinitions.filter(({ encoding }) => vmx.vmread(encoding) !== undefined);
      existing = present.length;
      controls = present.flatMap(({ fields }) => fields).filter(({ kind }) => kind === 'control').length;
      faults = vmcsFieldDefinitions.flatMap((each) => faultsOf(vmcs, each, processor));
    });
    expect(faults).to.deep.equal([]);
    expect(existing).to.be.greaterThan(120);
    expect(controls).to.be.greaterThan(80);
  });
});
