// SPDX-License-Identifier: LGPL-2.1-only
import type { ControlWord } from '../../intrinsics/vmx/control_bits.js';
import { controlFieldOf, vmcsFieldDefinition, vmcsFieldExists } from '../../intrinsics/vmcs/vmcs_field_details.js';
import { bfwarning } from '../output/output.js';
import { controlName, notAllowed } from './access_errors.js';
import { ControlCapabilities } from './control_capabilities.js';
import type { VmcsByEncoding } from './vmcs_by_encoding.js';

/** The controls of a VMCS, as `VmcsByEncoding` has them: they change only as the processor allows. */
export class ControlWords {
  private readonly capabilities: ControlCapabilities;
  /** What `letExist` has found. It is a property of the processor, and the exit path asks for few fields. */
  private readonly existing = new Map<number, boolean>();

  /** @param fields read and write the words. @param rdmsr reads the capability MSRs. */
  constructor(
    private readonly fields: Pick<VmcsByEncoding, 'readLow' | 'write' | 'change'>,
    rdmsr: (address: number) => bigint,
  ) {
    this.capabilities = new ControlCapabilities(rdmsr);
  }

  /** Whether a field exists, by the controls that the processor has. */
  letExist(field: number): boolean {
    return this.existing.get(field) ?? this.findOut(field);
  }

  isEnabled(word: ControlWord, mask: number): boolean {
    const field = controlFieldOf[word];
    return (this.letExist(field) ? ~this.fields.readLow(field) & mask : mask) === 0;
  }

  isAllowed1(word: ControlWord, mask: number): boolean {
    return (~this.capabilities.allowed1(word) & mask) === 0;
  }

  isAllowed0(word: ControlWord, mask: number): boolean {
    return (this.capabilities.allowed0(word) & mask) === 0;
  }

  enable(word: ControlWord, mask: number): void {
    if (!this.isAllowed1(word, mask)) throw notAllowed(this.capabilities, word, mask, 1);
    this.set(word, mask, true);
  }

  disable(word: ControlWord, mask: number): void {
    if (!this.isAllowed0(word, mask)) throw notAllowed(this.capabilities, word, mask, 0);
    this.set(word, mask, false);
  }

  enableIfAllowed(word: ControlWord, mask: number, verbose: boolean): boolean {
    const isAllowed = this.isAllowed1(word, mask);
    if (isAllowed) this.set(word, mask, true);
    else if (verbose) bfwarning`${controlName(word, mask)}: control is not allowed to be set to 1`;
    return isAllowed;
  }

  disableIfAllowed(word: ControlWord, mask: number, verbose: boolean): boolean {
    const isAllowed = this.isAllowed0(word, mask);
    if (isAllowed) this.set(word, mask, false);
    else if (verbose) bfwarning`${controlName(word, mask)}: control is not allowed to be cleared to 0`;
    return isAllowed;
  }

  /** Starts a word: what must be 1 is 1, all else 0. */
  writeDefault(word: ControlWord): void {
    const { capabilities, fields } = this;
    fields.write(controlFieldOf[word], BigInt((capabilities.allowed0(word) & capabilities.allowed1(word)) >>> 0));
  }

  // Apart, because a function with a closure in it allocates even where it does not come to it.
  private findOut(field: number): boolean {
    const definition = vmcsFieldDefinition(field & ~1);
    const exists = definition !== undefined && vmcsFieldExists(definition, (word) => this.capabilities.allowed1(word));
    this.existing.set(field, exists);
    return exists;
  }

  private set(word: ControlWord, mask: number, isOn: boolean): void {
    const wide = BigInt(mask >>> 0);
    this.fields.change(controlFieldOf[word], wide, isOn ? wide : 0n);
  }
}
