// SPDX-License-Identifier: LGPL-2.1-only
// Prints a register, MSR, CPUID register or VMCS field by its definition, for dumps.
import { extract, type BitField } from '../bit_fields.js';
import { mayBeOne, mustBeOne, type ControlWord } from '../vmx/control_bits.js';

/** What a dump needs to know about a word. */
export interface DumpedWord {
  /** snake_case. */
  readonly name: string;
  readonly fields: readonly BitField[];
  /** For capability MSRs: the word of controls whose allowed settings it reports. */
  readonly capabilityOf?: ControlWord | undefined;
}

const hex = (value: bigint): string => `0x${value.toString(16).toUpperCase()}`;

/** One line: the name of a word and its value. @param value undefined if the processor lacks it. */
export function dumpLine(name: string, value: bigint | undefined): string {
  return `${name.padEnd(52)}${value === undefined ? "doesn't exist" : hex(value)}`;
}

/** The contents of a word, a line each: the names of the bits that are 1, and the runs that are not 0 with their values. */
export function enabledBits(fields: readonly BitField[], value: bigint): string[] {
  return fields.flatMap((field) => {
    const part = extract(field, value);
    if (part === 0n) return [];
    if (field.kind !== 'run') return [field.name];
    const name = Object.entries(field.values ?? {}).find(([, each]) => BigInt(each) === part)?.[0];
    return [`${field.name} = ${name ?? hex(part)}`];
  });
}

/** The settings that a capability MSR allows each control, a line each. */
export function allowedSettings(fields: readonly BitField[], word: ControlWord, value: bigint): string[] {
  return fields.map(({ name, from }) => {
    const may0 = ((mustBeOne(word, value) >>> from) & 1) === 0;
    const may1 = ((mayBeOne(word, value) >>> from) & 1) === 1;
    return `${name}: ${may0 && may1 ? '0 or 1' : may1 ? '1' : '0'}`;
  });
}

/** A word with all that is in it. @param value undefined if the processor lacks it. */
export function dumpWord({ name, fields, capabilityOf }: DumpedWord, value: bigint | undefined): string {
  const head = dumpLine(name, value);
  if (value === undefined) return head;
  const lines = capabilityOf === undefined ? enabledBits(fields, value) : allowedSettings(fields, capabilityOf, value);
  return [head, ...lines.map((line) => `    ${line}`)].join('\n');
}
