// SPDX-License-Identifier: LGPL-2.1-only
import { describeAll, type DescribedField } from './describe_all.js';
import { allowedSettingsIn, type AllowedSetting } from './model_controls.js';
import { describedKinds, type DescribedItem, type DescribedKind } from './describe_lookup.js';

function hex(value: unknown): string {
  return `0x${Number(value).toString(16)}`;
}

/** The positions. Bits that are not one run are shown by their mask, because `63:1` would include bits with other names. */
function bits({ from, to, mask }: DescribedField): string {
  if (mask !== undefined) return mask;
  return from === to ? `${from}` : `${to}:${from}`;
}

type Settings = ReadonlyMap<string, AllowedSetting> | undefined;

function fieldLine(field: DescribedField, width: number, settings: Settings): string {
  const setting = settings?.get(field.name);
  const columns = [
    field.name.padEnd(width),
    ...(setting === undefined ? [] : [setting.padEnd(8)]),
    field.meaning ?? '',
  ];
  return `  ${bits(field).padStart(6)}  ${columns.join('  ').trimEnd()}`;
}

function fieldLines(fields: readonly DescribedField[], settings?: Settings): string[] {
  const width = Math.max(0, ...fields.filter(({ meaning }) => meaning !== undefined).map(({ name }) => name.length));
  return fields.flatMap((field) => [
    fieldLine(field, width, settings),
    ...Object.entries(field.values ?? {}).map(([name, value]) => `            ${value} = ${name}`),
  ]);
}

interface DescribedRegister {
  readonly register: string;
  readonly subleaf: number | null;
  readonly fields: readonly DescribedField[];
}

function registerLines(registers: readonly DescribedRegister[]): string[] {
  return registers.flatMap(({ register, subleaf, fields }) => [
    `  ${register.toUpperCase()}${subleaf === null ? '' : `, subleaf ${subleaf}`}`,
    ...fieldLines(fields).map((line) => `  ${line}`),
  ]);
}

function numberOf(kind: DescribedKind, item: DescribedItem): string {
  const key = describedKinds[kind].number;
  if (key === undefined) return '';
  return kind === 'exit' || kind === 'error' ? String(item[key]) : hex(item[key]);
}

/** The keys that are shown as lines, in this order, and what the lines call them. */
const plainKeys = {
  accessor: 'accessor',
  width: 'width',
  group: 'group',
  existsIf: 'exists if',
  area: 'area',
  wants: 'wants',
  description: 'description',
  text: 'text',
  realProcessor: 'modelled after',
  physicalAddressBits: 'physical-address bits',
  dump: 'its dump, in src/machine/models',
} as const;

/** What a processor model announces and others do not, and the other way round. */
function featureLines({ name, features }: DescribedItem): string[] {
  const own = features as readonly string[];
  const listed = (title: string, names: readonly string[]): string => `  ${title}: ${names.join(', ') || 'none'}`;
  const others = describeAll().models.filter((other) => other.name !== name);
  return [
    `  features that CPUID announces: ${own.length}; --json lists them`,
    ...others.flatMap((other) => {
      const mine = own.filter((each) => !other.features.includes(each));
      const theirs = other.features.filter((each) => !own.includes(each));
      if (mine.length + theirs.length === 0) return [`  ${other.name} announces the same features`];
      return [
        listed(`announced here, not by ${other.name}`, mine),
        listed(`announced by ${other.name}, not here`, theirs),
      ];
    }),
  ];
}

const modelSummary = ({ description, realProcessor, physicalAddressBits }: DescribedItem): string =>
  `${String(description)}, after ${String(realProcessor)}, ${String(physicalAddressBits)} physical-address bits`;

/** One line for a list. */
export function lineOf(kind: DescribedKind, item: DescribedItem): string {
  if (kind === 'model') return `${item.name.padEnd(20)}${modelSummary(item)}`;
  const number = numberOf(kind, item);
  return number === '' ? item.name : `${number.padEnd(12)}${item.name}`;
}

/** A definition in full, for a person. */
export function textOf(kind: DescribedKind, item: DescribedItem): string {
  const number = numberOf(kind, item);
  const lines = [`${item.name}${number === '' ? '' : ` (${number})`}   ${String(item.section ?? '')}`.trimEnd()];
  for (const [key, label] of Object.entries(plainKeys)) {
    const value = item[key];
    if (value !== undefined && value !== '' && value !== null) lines.push(`  ${label}: ${String(value)}`);
  }
  if (kind === 'model') lines.push(...featureLines(item));
  if (kind === 'check') {
    lines.push(`  reads: ${[...(item.fields as string[]), ...(item.inputs as string[])].join(', ')}`);
  } else if (Array.isArray(item.fields)) {
    const settings =
      kind === 'vmcs' || kind === 'msr' ? allowedSettingsIn(kind, Number(item.encoding ?? item.address)) : undefined;
    if (settings !== undefined) lines.push('  settings that the processor models allow:');
    lines.push(...fieldLines(item.fields as DescribedField[], settings));
  }
  for (const [name, value] of Object.entries((item.values ?? {}) as Record<string, number>)) {
    lines.push(`  ${String(value).padStart(6)} = ${name}`);
  }
  if (Array.isArray(item.registers)) lines.push(...registerLines(item.registers as DescribedRegister[]));
  return lines.join('\n');
}
