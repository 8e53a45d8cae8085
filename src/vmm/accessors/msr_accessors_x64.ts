// SPDX-License-Identifier: LGPL-2.1-only
/* eslint-disable @typescript-eslint/no-unsafe-declaration-merging, @typescript-eslint/no-empty-object-type --
   the definitions give the class its properties; a test walks them all */
import { inject, injectable } from 'inversify';
import {
  camelCase,
  lazilyInEach,
  makeBitsAccessor,
  makeWordAccessor,
} from '../../intrinsics/accessors/build_accessors.js';
import { CapabilityBitAccessor } from '../../intrinsics/accessors/capability_bit_accessor.js';
import type { MsrAccessors } from '../../intrinsics/accessors/msr_accessors.js';
import { MsrSource } from '../../intrinsics/accessors/msr_source.js';
import { Msrs } from '../../intrinsics/instructions/msr.js';
import { msrDefinitions, type MsrDefinition } from '../../intrinsics/registers/msr_definitions.js';
import { warn } from './warn.js';

/** The MSRs by name over RDMSR and WRMSR. */
@injectable()
export class MsrAccessorsX64 {
  @inject(Msrs) protected readonly msrs!: Msrs;

  static {
    for (const definition of msrDefinitions) {
      lazilyInEach(this.prototype, camelCase(definition.name), (self) => self.makeAccessor(definition));
    }
  }

  private makeAccessor(definition: MsrDefinition): object {
    const source = new MsrSource(this.msrs, definition, warn);
    const word = definition.capabilityOf;
    return makeWordAccessor(source, definition, (field, width) =>
      word === undefined ? makeBitsAccessor(source, field, width) : new CapabilityBitAccessor(source, word, field),
    );
  }
}

/** Its properties: the definitions make them. */
export interface MsrAccessorsX64 extends MsrAccessors {}
