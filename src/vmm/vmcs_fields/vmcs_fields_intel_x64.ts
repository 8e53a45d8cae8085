// SPDX-License-Identifier: LGPL-2.1-only
/* eslint-disable @typescript-eslint/no-unsafe-declaration-merging, @typescript-eslint/no-empty-object-type --
   the definitions give the class its properties; a test walks them all */
import { inject, injectable, optional } from 'inversify';
import type { VmcsAccessors } from '../../intrinsics/accessors/vmcs_accessors.js';
import { snakeCase } from '../../intrinsics/bit_fields.js';
import {
  controlMasks,
  ExitControl,
  mayBeOne,
  mustBeOne,
  PrimaryControl,
  SecondaryControl,
  type ControlWord,
} from '../../intrinsics/control_bits.js';
import { Msrs } from '../../intrinsics/msr.js';
import { Msr, VmxBasicHigh } from '../../intrinsics/msr_definitions.js';
import {
  capabilityMsrOf,
  controlFieldOf,
  controlWordOf,
  plainCapabilityMsrOf,
  vmcsFieldDefinition,
  vmcsFieldExists,
  vmcsFieldLabel,
} from '../../intrinsics/vmcs_field_details.js';
import { VmcsField } from '../../intrinsics/vmcs_fields.js';
import { Vmx } from '../../intrinsics/vmx.js';
import { VmcsError } from '../errors.js';
import { bfwarning } from '../output/output.js';
import { derived, state } from '../state/state.js';
import { hex } from '../support/text.js';
import { vmFailure } from '../support/vm_failure.js';
import { VcpuIdentity } from '../vcpu_identity.js';
import { installVmcsAccessors } from './install_vmcs_accessors.js';
import type { VmcsByEncoding } from './vmcs_by_encoding.js';
import { VmcsWriteTrace } from './vmcs_write_trace.js';
import { WriteLedger, type ReservedFields } from './write_ledger.js';

/** Lines of a stack that are about access itself, not about who wants it. */
const accessCode = /[/\\](vmcs_fields_intel_x64|vmcs_field_source|(word|bit|bits|control_bit)_accessor)\.[jt]s/;

const wordOf = (low: number, high: number): bigint => (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);

function controlName(word: ControlWord, mask: number): string {
  const names = Object.entries(controlMasks[word])
    .filter(([, bit]) => (bit & mask) !== 0)
    .map(([name]) => snakeCase(name));
  return names.length === 0 ? `${word} ${hex(mask >>> 0)}` : names.map((name) => `${word}.${name}`).join(', ');
}

/** Access to fields and controls by name; what is missing or not allowed is said so. */
@injectable()
export class VmcsFieldsIntelX64 implements VmcsByEncoding {
  @inject(VcpuIdentity) readonly vcpuid!: bigint;
  @inject(Vmx) protected readonly vmx!: Vmx;
  @inject(Msrs) protected readonly msrs!: Msrs;
  @inject(VmcsWriteTrace) @optional() protected readonly writeTrace: VmcsWriteTrace | undefined;
  /** Where the VMM last wrote each field, if that is traced. */
  @state() protected readonly lastWrites = new Map<number, string>();
  /** Debug mode for this VMCS alone, whatever `VmcsWriteTrace` says. */
  @state() traceWrites = false;
  // Both only while contributions set the VMCS up.
  @derived() private ledger: WriteLedger | undefined;
  @derived() private writer: string | undefined;
  @derived() private hasTrueControls: boolean | undefined;

  static {
    installVmcsAccessors(this.prototype);
  }

  exists(field: number): boolean {
    const definition = vmcsFieldDefinition(field & ~1);
    return definition !== undefined && vmcsFieldExists(definition, (word) => this.allowed1(word));
  }

  read(field: number): bigint {
    const value = this.vmx.vmread(field);
    if (value !== undefined) return value;
    throw this.failure('VMREAD', field);
  }

  readIfExists(field: number, verbose = false): bigint {
    if (this.exists(field)) return this.read(field);
    if (verbose) bfwarning`${vmcsFieldLabel(field)} field doesn't exist`;
    return 0n;
  }

  write(field: number, value: bigint): void {
    this.note(field, value);
    if (!this.vmx.vmwrite(field, value)) throw this.failure('VMWRITE', field, value);
  }

  writeIfExists(field: number, value: bigint, verbose = false): void {
    if (this.exists(field)) this.write(field, value);
    else if (verbose) bfwarning`${vmcsFieldLabel(field)} field doesn't exist`;
  }

  change(field: number, mask: bigint, value: bigint): void {
    const old = this.read(field);
    this.ledger?.note(this.writer!, field, mask, value & mask);
    this.trace(field);
    const changed = (old & ~mask) | (value & mask);
    if (!this.vmx.vmwrite(field, changed)) throw this.failure('VMWRITE', field, changed);
  }

  lastWrittenAt(field: number): string | undefined {
    return this.lastWrites.get(field);
  }

  readLow(field: number): number {
    return this.vmx.vmreadLow(field);
  }

  readHigh(field: number): number {
    return this.vmx.vmreadHigh(field);
  }

  writeHalves(field: number, low: number, high: number): void {
    if (this.ledger !== undefined) return this.write(field, wordOf(low, high));
    if (!this.vmx.vmwriteHalves(field, low, high)) {
      throw this.failure('VMWRITE', field, wordOf(low, high));
    }
  }

  isEnabled(word: ControlWord, mask: number): boolean {
    const value = Number(this.readIfExists(controlFieldOf[word]) & 0xffffffffn);
    return (~value & mask) === 0;
  }

  isAllowed1(word: ControlWord, mask: number): boolean {
    return (~this.allowed1(word) & mask) === 0;
  }

  isAllowed0(word: ControlWord, mask: number): boolean {
    return (this.allowed0(word) & mask) === 0;
  }

  enable(word: ControlWord, mask: number): void {
    if (!this.isAllowed1(word, mask)) {
      throw new VmcsError(
        `${controlName(word, mask)}: control is not allowed to be set to 1 (MSR ${hex(this.capabilityMsr(word))}, allowed-1 ${hex(this.allowed1(word) >>> 0)})`,
      );
    }
    this.setControls(word, mask, true);
  }

  disable(word: ControlWord, mask: number): void {
    if (!this.isAllowed0(word, mask)) {
      throw new VmcsError(
        `${controlName(word, mask)}: control is not allowed to be cleared to 0 (MSR ${hex(this.capabilityMsr(word))}, allowed-0 ${hex(this.allowed0(word) >>> 0)})`,
      );
    }
    this.setControls(word, mask, false);
  }

  enableIfAllowed(word: ControlWord, mask: number, verbose = false): boolean {
    const isAllowed = this.isAllowed1(word, mask);
    if (isAllowed) this.setControls(word, mask, true);
    else if (verbose) bfwarning`${controlName(word, mask)}: control is not allowed to be set to 1`;
    return isAllowed;
  }

  disableIfAllowed(word: ControlWord, mask: number, verbose = false): boolean {
    const isAllowed = this.isAllowed0(word, mask);
    if (isAllowed) this.setControls(word, mask, false);
    else if (verbose) bfwarning`${controlName(word, mask)}: control is not allowed to be cleared to 0`;
    return isAllowed;
  }

  /** Starts a word of controls: what must be 1 is 1, all else 0. */
  protected writeDefaultControls(word: ControlWord): void {
    this.write(controlFieldOf[word], BigInt((this.allowed0(word) & this.allowed1(word)) >>> 0));
  }

  /** Runs `body` for each contribution in order; two that contradict each other are an error, and so is a write of a reserved field. */
  protected asContributions<T extends { readonly name: string }>(
    contributions: readonly T[],
    reserved: ReservedFields,
    body: (each: T) => void,
  ): void {
    this.ledger = new WriteLedger(reserved);
    try {
      for (const each of contributions) {
        this.writer = each.name;
        body(each);
      }
    } finally {
      this.ledger = undefined;
      this.writer = undefined;
    }
  }

  asOwner(owner: string, body: () => void): void {
    const asker = this.writer;
    this.writer = owner;
    try {
      body();
    } finally {
      this.writer = asker;
    }
  }

  private setControls(word: ControlWord, mask: number, on: boolean): void {
    const wide = BigInt(mask >>> 0);
    this.change(controlFieldOf[word], wide, on ? wide : 0n);
  }

  /** A whole word of controls that a contribution writes counts for the bits that it changes. */
  private note(field: number, value: bigint): void {
    this.trace(field);
    if (this.ledger === undefined) return;
    const mask = controlWordOf(field) !== undefined ? this.read(field) ^ value : 0xffffffffffffffffn;
    this.ledger.note(this.writer!, field, mask, value);
  }

  private trace(field: number): void {
    if (!this.traceWrites && this.writeTrace?.enabled !== true) return;
    const callers = (new Error().stack ?? '').split('\n').slice(1);
    const beyondAccess = callers.filter((line) => !accessCode.test(line));
    const frames = beyondAccess.slice(0, 3).map((line) => line.trim().replace(/^at /, ''));
    this.lastWrites.set(field, frames.join('\n        at '));
  }

  private allowed0(word: ControlWord): number {
    return mustBeOne(word, this.capability(word));
  }

  private allowed1(word: ControlWord): number {
    return mayBeOne(word, this.capability(word));
  }

  /** The value of a word's capability MSR, 0 where the processor has no such word (RDMSR would fault). */
  private capability(word: ControlWord): bigint {
    const present =
      (word !== 'secondary' || this.isAllowed1('primary', PrimaryControl.ActivateSecondaryControls)) &&
      (word !== 'tertiary' || this.isAllowed1('primary', PrimaryControl.ActivateTertiaryControls)) &&
      (word !== 'secondaryExit' || this.isAllowed1('exit', ExitControl.ActivateSecondaryControls)) &&
      (word !== 'vmfunc' || this.isAllowed1('secondary', SecondaryControl.EnableVmFunctions));
    return present ? this.msrs.rdmsr(this.capabilityMsr(word)) : 0n;
  }

  /** SDM 3D "Basic VMX Information": the "true" MSRs exist if IA32_VMX_BASIC[55] is 1. */
  private capabilityMsr(word: ControlWord): number {
    if (capabilityMsrOf[word] === plainCapabilityMsrOf[word]) return capabilityMsrOf[word];
    // A property of the processor: it is the same at every call.
    this.hasTrueControls ??= (Number(this.msrs.rdmsr(Msr.Ia32VmxBasic) >> 32n) & VmxBasicHigh.TrueBasedControls) !== 0;
    return (this.hasTrueControls ? capabilityMsrOf : plainCapabilityMsrOf)[word];
  }

  /** Why an access to a field failed. */
  private failure(instruction: 'VMREAD' | 'VMWRITE', field: number, value?: bigint): Error {
    const label = vmcsFieldLabel(field);
    const what = `vcpu ${this.vcpuid}: ${instruction} ${label}${value === undefined ? '' : ` = ${hex(value)}`}`;
    if (field !== VmcsField.VmInstructionError && !this.existsForSure(field)) {
      return new VmcsError(`${what}: ${label} field doesn't exist on this processor`);
    }
    return vmFailure(this.vmx, what);
  }

  private existsForSure(field: number): boolean {
    const definition = vmcsFieldDefinition(field & ~1);
    if (definition === undefined) return false;
    return definition.existsIf.length === 0 || this.exists(field);
  }
}

/** Its properties: the definitions make them. */
export interface VmcsFieldsIntelX64 extends VmcsAccessors {}
