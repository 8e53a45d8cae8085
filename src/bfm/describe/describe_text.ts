// SPDX-License-Identifier: LGPL-2.1-only
import type { DescribedField } from './describe_all.js';
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

/** The keys that are shown as `key: value` lines, in this order. */
const plainKeys = [
  'accessor',
  'width',
  'group',
  'existsIf',
  'area',
  'wants',
  'description',
  'text',
  'physicalAddressBits',
  'dump',
] as const;

/** One line for a list. */
export function lineOf(kind: DescribedKind, item: DescribedItem): string {
  const number = numberOf(kind, item);
  return number === '' ? item.name : `${number.padEnd(12)}${item.name}`;
}

/** A definition in full, for a person. */
export function textOf(kind: DescribedKind, item: DescribedItem): string {
  const number = numberOf(kind, item);
  const lines = [`${item.name}${number === '' ? '' : ` (${number})`}   ${String(item.section ?? '')}`];
  for (const key of plainKeys) {
    const value = item[key];
    if (value !== undefined && value !== '' && value !== null) lines.push(`  ${key}: ${String(value)}`);
  }
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
