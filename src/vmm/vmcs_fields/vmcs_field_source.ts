// SPDX-License-Identifier: LGPL-2.1-only
import type { ControlSource } from '../../intrinsics/accessors/word_source.js';
import type { ControlWord } from '../../intrinsics/vmx/control_bits.js';
import { ReadOnlyError } from '../../intrinsics/errors.js';
import { vmcsFieldLabel, type VmcsFieldDefinition } from '../../intrinsics/vmcs/vmcs_field_details.js';
import { bfwarning } from '../output/output.js';
import type { VmcsByEncoding } from './vmcs_by_encoding.js';

/** A VMCS field, by its encoding. */
export class VmcsFieldSource implements ControlSource {
  readonly label: string;
  private readonly encoding: number;

  constructor(
    private readonly vmcs: VmcsByEncoding,
    private readonly definition: VmcsFieldDefinition,
  ) {
    this.encoding = definition.encoding;
    this.label = `${vmcsFieldLabel(definition.encoding)} field`;
  }

  exists(): boolean {
    return this.vmcs.exists(this.encoding);
  }

  read(): bigint {
    return this.vmcs.read(this.encoding);
  }

  write(value: bigint): void {
    this.wantWritable();
    this.vmcs.write(this.encoding, value);
  }

  change(mask: bigint, value: bigint): void {
    this.wantWritable();
    this.vmcs.change(this.encoding, mask, value);
  }

  warn(text: string): void {
    bfwarning`${text}`;
  }

  isAllowed0(mask: number): boolean {
    return this.vmcs.isAllowed0(this.word, mask);
  }

  isAllowed1(mask: number): boolean {
    return this.vmcs.isAllowed1(this.word, mask);
  }

  enable(mask: number): void {
    this.vmcs.enable(this.word, mask);
  }

  disable(mask: number): void {
    this.vmcs.disable(this.word, mask);
  }

  enableIfAllowed(mask: number, verbose: boolean): boolean {
    return this.vmcs.enableIfAllowed(this.word, mask, verbose);
  }

  disableIfAllowed(mask: number, verbose: boolean): boolean {
    return this.vmcs.disableIfAllowed(this.word, mask, verbose);
  }

  private get word(): ControlWord {
    return this.definition.controlWord!;
  }

  private wantWritable(): void {
    if (this.definition.readOnly)
      throw new ReadOnlyError(`${this.label} is read-only: the processor fills it at VM exits`);
  }
}
