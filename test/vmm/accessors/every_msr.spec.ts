// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { ProcessorFault } from '../../../src/intrinsics/errors.js';
import type { Msrs } from '../../../src/intrinsics/instructions/msr.js';
import { msrDefinitions, type MsrDefinition } from '../../../src/intrinsics/registers/msr_definitions.js';
import { MsrAccessorsX64 } from '../../../src/vmm/accessors/msr_accessors_x64.js';
import { FakeMachine } from '../../support/fake_machine.js';
import { make } from '../../support/make.js';
import { captureOutput } from '../capture_output.js';
import { visitMachine } from './visit_machine.js';
import {
  accessorOf,
  faultsOfReading,
  faultsOfReadOnly,
  faultsOfWriting,
  onlyAt,
  throws,
  wholeWord,
  type Raw,
} from './walk.js';

const patterns = [0xa5a5_5a5a_c3c3_3c3cn, 0x5a5a_a5a5_3c3c_c3c3n];
const wideCapabilities = ['ia32_vmx_vmfunc', 'ia32_vmx_procbased_ctls3', 'ia32_vmx_exit_ctls2'];

/** What is wrong with the accessors of one MSR while it holds a value. Afterwards all writable bits have their old values. */
function faultsOf(msrs: object, definition: MsrDefinition, raw: Raw): { faults: string[]; written: number } {
  const { name, fields, readOnly, capabilityOf } = definition;
  const word = accessorOf(msrs, name);
  const value = raw.read();
  const whole = wholeWord(name, 64);
  const faults = word.exists() ? [] : [`${name}.exists()`];
  faults.push(...faultsOfReading(word, whole, 64, value));
  if (capabilityOf !== undefined) {
    const isWide = wideCapabilities.includes(name);
    for (const field of fields) {
      const control = accessorOf(word, field.name);
      const [must, may] = isWide ? [0n, value] : [value, value >> 32n];
      const may0 = ((must >> BigInt(field.from)) & 1n) === 0n;
      const may1 = ((may >> BigInt(field.from)) & 1n) === 1n;
      if (control.isAllowed0() !== may0) faults.push(`${name}.${field.name}.isAllowed0`);
      if (control.isAllowed1() !== may1) faults.push(`${name}.${field.name}.isAllowed1`);
    }
    return { faults: [...faults, ...faultsOfReadOnly(word, [], name)], written: 0 };
  }
  for (const field of fields) faults.push(...faultsOfReading(accessorOf(word, field.name), field, 64, value));
  if (readOnly) return { faults: [...faults, ...faultsOfReadOnly(word, fields, name)], written: 0 };
  let written = 0;
  for (const field of fields.length === 0 ? [whole] : fields) {
    const result = faultsOfWriting(field === whole ? word : accessorOf(word, field.name), field, 64, raw);
    faults.push(...result.faults.map((fault) => `${name}.${fault}`));
    written += result.written;
  }
  return { faults, written };
}

/** Without the bit that WRMSR sets, but does not clear: the way back from x2APIC mode leads through a disabled APIC. */
function withoutOneWay(definition: MsrDefinition): MsrDefinition {
  return { ...definition, fields: definition.fields.filter(({ name }) => name !== 'enable_x2apic_mode') };
}

describe('Every MSR and bit', () => {
  it('is set and read back by its accessors by RDMSR and WRMSR at its address alone', () => {
    const faults = msrDefinitions.flatMap((definition) =>
      patterns.flatMap((pattern) => {
        let value = pattern;
        const msrs: Pick<Msrs, 'rdmsr' | 'wrmsr'> = {
          rdmsr: (address) => (onlyAt(definition.address, address), value),
          wrmsr: (address, next) => (onlyAt(definition.address, address), void (value = next)),
        };
        const raw: Raw = { read: () => value, write: (next) => void (value = next) };
        const { faults: found, written } = faultsOf(make(MsrAccessorsX64, { msrs }), definition, raw);
        const expected = definition.readOnly ? 0 : Math.max(definition.fields.length, 1);
        return written === expected ? found : [...found, `${definition.name}: ${written} written, not ${expected}`];
      }),
    );
    expect(faults).to.deep.equal([]);
  });

  it('warns on request if it does not exist, and is dumped with its contents', () => {
    const { accessors, msr } = new FakeMachine();
    msr.delete(0xc0000080);
    const text = captureOutput(() => {
      expect(accessors.msrs.ia32Efer.lme.isEnabledIfExists(true)).to.equal(false);
      accessors.msrs.ia32Efer.lme.enableIfExists(true);
    });
    expect(text.match(/WARNING.*IA32_EFER \(0xc0000080\) MSR doesn't exist/g)).to.have.length(2);
    expect(accessors.msrs.ia32Efer.dump()).to.match(/^ia32_efer +doesn't exist$/);
    msr.set(0xc0000080, 0xd01n);
    expect(accessors.msrs.ia32Efer.dump()).to.match(/^ia32_efer +0xD01\n {4}sce\n {4}lme\n {4}lma\n {4}nxe$/);
    expect(accessors.msrs.ia32VmxTruePinbasedCtls.dump()).to.match(/\n {4}nmi_exiting: 0 or 1\n/);
  });

  it('is set and read back by RDMSR and WRMSR on the machine', async () => {
    let faults: string[] = [];
    let existing = 0;
    let written = 0;
    await visitMachine(({ msrs, msrAccessors }) => {
      for (const definition of msrDefinitions) {
        const { address, name, readOnly } = definition;
        const raw: Raw = { read: () => msrs.rdmsr(address), write: (value) => msrs.wrmsr(address, value) };
        if (throws(() => raw.read(), ProcessorFault)) {
          const word = accessorOf(msrAccessors, name);
          const isAbsent = !word.exists() && word.getIfExists() === 0n && throws(() => word.get(), ProcessorFault);
          if (!isAbsent) faults = [...faults, `${name}: RDMSR faults, but it exists`];
          continue;
        }
        existing++;
        const result = faultsOf(msrAccessors, withoutOneWay(definition), raw);
        faults = [...faults, ...result.faults];
        written += result.written;
        if (readOnly && !throws(() => raw.write(raw.read()), ProcessorFault)) {
          faults = [...faults, `${name}: read-only, but WRMSR takes it`];
        }
      }
    });
    expect(faults).to.deep.equal([]);
    expect(existing).to.be.at.least(54);
    expect(written).to.be.at.least(43);
  });
});
