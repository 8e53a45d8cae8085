// SPDX-License-Identifier: LGPL-2.1-only
// Explains a failed VM entry: all broken rules, with the values that they read.
import { msrName } from '../registers/msr_definitions.js';
import { vmcsFieldDefinition, vmcsFieldLabel } from '../vmcs/vmcs_field_details.js';
import type { EntryReader, EntryRule, RuleArea } from './entry_rule.js';
import { entryRules } from './entry_rules.js';

/** A value that a broken rule read. */
export interface FailedValue {
  /** The field's encoding, or the MSR's address. */
  readonly number: number;
  /** `GUEST_CR0 (0x6800)`, `ia32_vmx_cr0_fixed0`. */
  readonly label: string;
  readonly value: bigint;
  /** Where the VMM last wrote the field, if it records that. */
  readonly writtenAt: string | undefined;
}

/** A broken rule. */
export interface EntryFailure {
  readonly rule: EntryRule;
  /** The fields that the rule read on the way to its verdict. */
  readonly fields: readonly FailedValue[];
  /** The MSRs that it read: capabilities, or what software may set. */
  readonly msrs: readonly FailedValue[];
}

/** Where the VMM last wrote a field: a stack location, or undefined if it does not know. */
export type WriteLocations = (field: number) => string | undefined;

const join = (high: number, low: number): bigint => (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);

/** Forwards reads and records which fields and MSRs were read. */
export class RecordingReader implements EntryReader {
  readonly fields = new Set<number>();
  readonly msrs = new Set<number>();
  /** Names of the other members that were read. */
  readonly inputs = new Set<string>();

  constructor(private readonly reader: EntryReader) {}

  low(field: number): number {
    this.fields.add(field);
    return this.reader.low(field);
  }

  high(field: number): number {
    this.fields.add(field);
    return this.reader.high(field);
  }

  capabilityLow(msr: number): number {
    this.msrs.add(msr);
    return this.reader.capabilityLow(msr);
  }

  capabilityHigh(msr: number): number {
    this.msrs.add(msr);
    return this.reader.capabilityHigh(msr);
  }

  settableLow(msr: number): number {
    this.msrs.add(msr);
    return this.reader.settableLow(msr);
  }

  settableHigh(msr: number): number {
    this.msrs.add(msr);
    return this.reader.settableHigh(msr);
  }

  hasFeature(feature: Parameters<EntryReader['hasFeature']>[0]): boolean {
    this.inputs.add('features');
    return this.reader.hasFeature(feature);
  }

  get physicalAddressWidth(): number {
    this.inputs.add('physicalAddressWidth');
    return this.reader.physicalAddressWidth;
  }

  get linearAddressWidth(): number {
    this.inputs.add('linearAddressWidth');
    return this.reader.linearAddressWidth;
  }

  get inIa32eMode(): boolean {
    this.inputs.add('ia32eMode');
    return this.reader.inIa32eMode;
  }

  get inSmm(): boolean {
    this.inputs.add('smm');
    return this.reader.inSmm;
  }

  get isTracing(): boolean {
    this.inputs.add('tracing');
    return this.reader.isTracing;
  }

  get currentVmcs(): number {
    this.inputs.add('currentVmcs');
    return this.reader.currentVmcs;
  }

  get isLaunch(): boolean {
    this.inputs.add('launch');
    return this.reader.isLaunch;
  }

  get isLaunched(): boolean {
    this.inputs.add('launch');
    return this.reader.isLaunched;
  }

  get isBlockedByMovSs(): boolean {
    this.inputs.add('launch');
    return this.reader.isBlockedByMovSs;
  }

  readPhysical32(address: number): number {
    this.inputs.add('memory');
    return this.reader.readPhysical32(address);
  }
}

function failureOf(
  rule: EntryRule,
  reader: EntryReader,
  read: RecordingReader,
  writtenAt: WriteLocations,
): EntryFailure {
  const isCapability = (msr: number): boolean => msr >= 0x480 && msr <= 0x4ff;
  return {
    rule,
    fields: [...read.fields].map((field) => ({
      number: field,
      label: vmcsFieldLabel(field),
      value: join(reader.high(field), reader.low(field)),
      writtenAt: writtenAt(field),
    })),
    msrs: [...read.msrs].map((msr) => ({
      number: msr,
      label: isCapability(msr) ? msrName(msr).toUpperCase() : `${msrName(msr).toUpperCase()} bits that may be 1`,
      value: isCapability(msr)
        ? join(reader.capabilityHigh(msr), reader.capabilityLow(msr))
        : join(reader.settableHigh(msr), reader.settableLow(msr)),
      writtenAt: undefined,
    })),
  };
}

/**
 * All rules that the current VMCS breaks, in the order of the SDM, with the values that they read.
 * @param writtenAt in a debug mode: where the VMM last wrote a field.
 */
export function explainEntry(
  reader: EntryReader,
  writtenAt: WriteLocations = () => undefined,
  rules: readonly EntryRule[] = entryRules,
): EntryFailure[] {
  const failures: EntryFailure[] = [];
  for (const rule of rules) {
    const recorder = new RecordingReader(reader);
    if (!rule.holds(recorder)) failures.push(failureOf(rule, reader, recorder, writtenAt));
  }
  return failures;
}

function formatValue({ number, label, value, writtenAt }: FailedValue): string {
  const bytes = vmcsFieldDefinition(number)?.bytes ?? 8;
  const digits = value.toString(16).padStart(bytes * 2, '0');
  return `    ${label} = 0x${digits}${writtenAt === undefined ? '' : `, last written at ${writtenAt}`}`;
}

const areaNames: Readonly<Record<RuleArea, string>> = {
  basic: 'VM entry',
  control: 'control fields',
  host: 'host state',
  guest: 'guest state',
};

/** One broken rule as text: what it wants, its name and section, then a line for each value that it read. */
export function formatFailure({ rule, fields, msrs }: EntryFailure): string {
  const head = `  ${areaNames[rule.area]}: ${rule.name} wants ${rule.wants}. ${rule.section}`;
  return [head, ...[...fields, ...msrs].map(formatValue)].join('\n');
}

/** All broken rules as text, with a line that counts them. */
export function formatFailures(failures: readonly EntryFailure[]): string {
  if (failures.length === 0) return 'no rule of SDM 3C "VM Entries" is broken';
  const count = failures.length === 1 ? '1 rule' : `${failures.length} rules`;
  return [`${count} of SDM 3C "VM Entries" broken:`, ...failures.map(formatFailure)].join('\n');
}
