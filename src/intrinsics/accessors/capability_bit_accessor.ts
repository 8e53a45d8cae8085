// SPDX-License-Identifier: LGPL-2.1-only
import type { BitField } from '../bit_fields.js';
import { mayBeOne, mustBeOne, type ControlWord } from '../vmx/control_bits.js';
import type { CapabilityBitAccess } from './accessor_types.js';
import type { WordSource } from './word_source.js';

/** A VMX control as its capability MSR reports it. */
export class CapabilityBitAccessor implements CapabilityBitAccess {
  readonly name: string;
  private readonly mask: number;

  constructor(
    private readonly source: WordSource,
    private readonly word: ControlWord,
    field: BitField,
  ) {
    this.name = field.name;
    this.mask = 1 << field.from;
  }

  isAllowed0(): boolean {
    return (mustBeOne(this.word, this.source.read()) & this.mask) === 0;
  }

  isAllowed1(): boolean {
    return (mayBeOne(this.word, this.source.read()) & this.mask) !== 0;
  }
}
