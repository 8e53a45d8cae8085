// SPDX-License-Identifier: LGPL-2.1-only
// A rule of SDM 3C "VM Entries": what it reads, what it wants, and a function that says whether it holds.

import type { RegisterFacts } from '../contents/register_facts.js';

/** The group of a rule, which decides how its breach is reported: basic 1 of several errors, control 7, host 8, guest exit reason 33. */
export type RuleArea = 'basic' | 'control' | 'host' | 'guest';

/** Features of the processor that rules ask for, as CPUID reports them. */
export type RuleFeature = 'sgx' | 'rtm' | 'cet' | 'busLockDetect';

/**
 * Non-field inputs that a rule may read. The first three never change on a processor; a rule that reads any of the others must be checked at
 * each entry.
 */
export type RuleInput =
  | 'physicalAddressWidth'
  | 'linearAddressWidth'
  | 'features'
  | 'ia32eMode'
  | 'smm'
  | 'tracing'
  | 'currentVmcs'
  | 'memory'
  | 'launch';

const constantInputs: ReadonlySet<RuleInput> = new Set<RuleInput>([
  'physicalAddressWidth',
  'linearAddressWidth',
  'features',
]);

/**
 * What rules read. Halves are 32-bit numbers. The reader chooses signed or unsigned, because rules only use bit operators on them. Nothing here
 * allocates when a rule holds.
 */
export interface EntryReader extends RegisterFacts {
  /** Bits 31:0 of a field of the current VMCS, 0 if the processor does not have it. */
  low(field: number): number;
  /** Bits 63:32 of a field; 0 for 16- and 32-bit fields. */
  high(field: number): number;
  /** Bits 31:0 of a VMX capability MSR. A processor without "true" MSRs answers their addresses with the plain ones. */
  capabilityLow(msr: number): number;
  /** Bits 63:32 of a VMX capability MSR. */
  capabilityHigh(msr: number): number;
  hasFeature(feature: RuleFeature): boolean;
  /** IA32_EFER.LMA of the processor as the entry begins. */
  readonly inIa32eMode: boolean;
  readonly inSmm: boolean;
  /** IA32_RTIT_CTL.TraceEn of the processor as the entry begins. */
  readonly isTracing: boolean;
  /** Physical address of the current VMCS, −1 if there is none. */
  readonly currentVmcs: number;
  /** The entry is a VMLAUNCH, not a VMRESUME. */
  readonly isLaunch: boolean;
  /** The launch state of the current VMCS. */
  readonly isLaunched: boolean;
  /** MOV SS or POP SS blocks events as the entry begins. */
  readonly isBlockedByMovSs: boolean;
  /** 32 bits of physical memory; all bits are 1 if the processor has no memory there, and 0 if the reader cannot read it. @param address below 2^52. */
  readPhysical32(address: number): number;
}

/** One rule. */
export interface EntryRule {
  /** camelCase; Bareflank's name if Bareflank has the rule. */
  readonly name: string;
  readonly area: RuleArea;
  /** SDM section title. */
  readonly section: string;
  /** Encodings of all fields that it may read. */
  readonly fields: readonly number[];
  /** Addresses of all MSRs whose capabilities or settable bits it may read. */
  readonly msrs: readonly number[];
  /** All other inputs. */
  readonly inputs: readonly RuleInput[];
  /** Its inputs are fields and constants of the processor: a result stays true until one of `fields` is written. */
  readonly isCacheable: boolean;
  /** VM-instruction error when it is broken; 0 for guest rules, whose breach is exit reason 33. */
  readonly error: number;
  /** Exit qualification of exit reason 33; 0 unless the SDM gives another value. */
  readonly qualification: number;
  /** What it wants, as a sentence without its subject's values. */
  readonly wants: string;
  holds(reader: EntryReader): boolean;
}

/** The declaration of a rule; the rest has defaults. */
export interface RuleDeclaration {
  readonly wants: string;
  readonly fields: readonly number[];
  readonly msrs?: readonly number[];
  readonly inputs?: readonly RuleInput[];
  readonly qualification?: number;
  readonly error?: number;
  readonly holds: (reader: EntryReader) => boolean;
}

const areaErrors: Readonly<Record<RuleArea, number>> = { basic: 0, control: 7, host: 8, guest: 0 };

/** Declares the rules of one section: returns a function that makes a rule of that section. */
export function section(area: RuleArea, title: string): (name: string, declaration: RuleDeclaration) => EntryRule {
  return (name, { wants, fields, msrs = [], inputs = [], qualification = 0, error = areaErrors[area], holds }) => ({
    name,
    area,
    section: `SDM 3C "${title}"`,
    fields,
    msrs,
    inputs,
    isCacheable: inputs.every((input) => constantInputs.has(input)),
    error,
    qualification,
    wants,
    holds,
  });
}
