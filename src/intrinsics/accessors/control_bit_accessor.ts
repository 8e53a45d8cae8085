// SPDX-License-Identifier: LGPL-2.1-only
import type { BitField } from '../bit_fields.js';
import type { ControlBitAccess } from './accessor_types.js';
import { BitAccessor } from './bit_accessor.js';
import type { ControlSource } from './word_source.js';

/** One VMX control: it changes only as its capability MSR allows. */
export class ControlBitAccessor extends BitAccessor implements ControlBitAccess {
  private readonly control: number;

  constructor(
    private readonly controls: ControlSource,
    field: BitField,
    width: bigint,
  ) {
    super(controls, field, width);
    this.control = 1 << field.from;
  }

  isAllowed0(): boolean {
    return this.controls.isAllowed0(this.control);
  }

  isAllowed1(): boolean {
    return this.controls.isAllowed1(this.control);
  }

  enableIfAllowed(verbose = false): boolean {
    return this.controls.enableIfAllowed(this.control, verbose);
  }

  disableIfAllowed(verbose = false): boolean {
    return this.controls.disableIfAllowed(this.control, verbose);
  }

  protected override store(value: bigint): void {
    if (value === 0n) this.controls.disable(this.control);
    else this.controls.enable(this.control);
  }
}
