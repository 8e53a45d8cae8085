// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import type { ControlRegisters } from '../../../src/intrinsics/instructions/control_registers.js';
import { registerDefinitions, registerFields, selectorFields } from '../../../src/intrinsics/registers/registers.js';
import { segmentNames, type Segments } from '../../../src/intrinsics/instructions/segments.js';
import { RegisterAccessorsX64 } from '../../../src/vmm/accessors/register_accessors_x64.js';
import { make } from '../../support/make.js';
import { visitMachine } from './visit_machine.js';
import { accessorOf, faultsOfReading, faultsOfWriting, onlyAt, wholeWord, type Raw } from './walk.js';

type Name = keyof typeof registerFields;
const names = Object.keys(registerFields) as Name[];
const patterns = [0xa5a5_5a5a_c3c3_3c3cn, 0x5a5a_a5a5_3c3c_c3c3n];

/** The methods that move each register, spelt out: `readCr0`, `writeCr0` … */
function rawOf(name: Name, registers: ControlRegisters): Raw {
  if (name === 'xcr0') return { read: () => registers.xgetbv(0), write: (value) => registers.xsetbv(0, value) };
  const suffix = `${name.charAt(0).toUpperCase()}${name.slice(1)}` as 'Cr0';
  return { read: () => registers[`read${suffix}`](), write: (value) => registers[`write${suffix}`](value) };
}

const rawOfSelector = (name: (typeof segmentNames)[number], segments: Segments): Raw => ({
  read: () => BigInt(segments.readSelector(name)),
  write: (value) => segments.writeSelector(name, Number(value)),
});

function walk(
  registers: object,
  name: string,
  fields: (typeof registerFields)[Name] | typeof selectorFields,
  width: number,
  raw: Raw,
): { faults: string[]; written: number } {
  const word = accessorOf(registers, name);
  const whole = wholeWord(name, width);
  const faults = word.exists() ? [] : [`${name}.exists()`];
  faults.push(...faultsOfReading(word, whole, width, raw.read()));
  let written = 0;
  for (const field of [whole, ...fields]) {
    const accessor = field === whole ? word : accessorOf(word, field.name);
    faults.push(...faultsOfReading(accessor, field, width, raw.read()));
    const result = faultsOfWriting(accessor, field, width, raw);
    faults.push(...result.faults.map((fault) => `${name}.${fault}`));
    written += result.written;
  }
  return { faults, written };
}

describe('Every register and bit', () => {
  it('is set and read back by its accessors by its own moves alone', () => {
    const faults = patterns.flatMap((pattern) =>
      names.flatMap((name) => {
        let value = pattern;
        const suffix = `${name.charAt(0).toUpperCase()}${name.slice(1)}`;
        // No method but these two: a move of another register is a TypeError.
        const controlRegisters =
          name === 'xcr0'
            ? {
                xgetbv: (register: number) => (onlyAt(0, register), value),
                xsetbv: (register: number, next: bigint) => (onlyAt(0, register), void (value = next)),
              }
            : { [`read${suffix}`]: () => value, [`write${suffix}`]: (next: bigint) => void (value = next) };
        const raw: Raw = { read: () => value, write: (next) => void (value = next) };
        const result = walk(make(RegisterAccessorsX64, { controlRegisters }), name, registerFields[name], 64, raw);
        const all = registerFields[name].length + 1;
        return result.written === all ? result.faults : [...result.faults, `${name}: ${result.written} of ${all}`];
      }),
    );
    expect(faults).to.deep.equal([]);
  });

  it('is the selector of each segment register', () => {
    const faults = segmentNames.flatMap((name) => {
      let value = 0xa5c3;
      const segments: Pick<Segments, 'readSelector' | 'writeSelector'> = {
        readSelector: (segment) => (onlyAt(name, segment), value),
        writeSelector: (segment, next) => (onlyAt(name, segment), void (value = next)),
      };
      const raw: Raw = { read: () => BigInt(value), write: (next) => void (value = Number(next)) };
      const result = walk(make(RegisterAccessorsX64, { segments }), name, selectorFields, 16, raw);
      return result.written === 4 ? result.faults : [...result.faults, `${name}: ${result.written} of 4`];
    });
    expect(faults).to.deep.equal([]);
  });

  it('is in the definitions that `describe` prints', () => {
    const described = registerDefinitions.map(({ name }) => name);
    expect(described).to.include.members([...names, ...segmentNames.map((name) => `segment_register.${name}`)]);
  });

  it('is set and read back by moves on the machine', async () => {
    const faults: string[] = [];
    let written = 0;
    let selectorsWritten = 0;
    await visitMachine(({ registerAccessors, controlRegisters, segments }) => {
      for (const name of names) {
        const result = walk(registerAccessors, name, registerFields[name], 64, rawOf(name, controlRegisters));
        faults.push(...result.faults);
        written += result.written;
      }
      for (const name of segmentNames) {
        // LTR makes its TSS busy, and a busy one cannot be loaded again: TR is only read.
        if (name === 'tr') {
          const tr = BigInt(segments.readSelector('tr'));
          faults.push(...faultsOfReading(accessorOf(registerAccessors, 'tr'), wholeWord('tr', 16), 16, tr));
          continue;
        }
        const result = walk(registerAccessors, name, selectorFields, 16, rawOfSelector(name, segments));
        faults.push(...result.faults);
        selectorsWritten += result.written;
      }
    });
    expect(faults).to.deep.equal([]);
    expect(written).to.be.at.least(65);
    expect(selectorsWritten).to.be.at.least(3);
  });
});
