// SPDX-License-Identifier: LGPL-2.1-only
/* eslint-disable @typescript-eslint/no-unsafe-declaration-merging, @typescript-eslint/no-empty-object-type --
   the definitions give the class its properties; a test walks them all */
import { inject, injectable } from 'inversify';
import { camelCase, lazilyInEach, makeWordAccessor } from '../../intrinsics/accessors/build_accessors.js';
import type { CpuidAccessors } from '../../intrinsics/accessors/cpuid_accessors.js';
import { CpuidSource } from '../../intrinsics/accessors/cpuid_source.js';
import { Cpuid } from '../../intrinsics/instructions/cpuid.js';
import {
  cpuidLeafDefinitions,
  cpuidRegisterNames,
  type CpuidLeafDefinition,
} from '../../intrinsics/registers/cpuid_leaves.js';
import { warn } from './warn.js';

/** The CPUID leaves by name over CPUID. */
@injectable()
export class CpuidAccessorsX64 {
  @inject(Cpuid) protected readonly cpuid!: Cpuid;

  static {
    for (const definition of cpuidLeafDefinitions) {
      lazilyInEach(this.prototype, camelCase(definition.name), (self) => self.makeLeaf(definition));
    }
  }

  private makeLeaf(definition: CpuidLeafDefinition): object {
    const subleaves = new Set(definition.registers.map(({ subleaf }) => subleaf));
    if (subleaves.size === 0 || subleaves.has(null)) return this.makeRegisters(definition, null);
    return Object.fromEntries(
      [...subleaves].map((subleaf) => [`subleaf${subleaf}`, this.makeRegisters(definition, subleaf)]),
    );
  }

  private makeRegisters({ name, leaf, registers }: CpuidLeafDefinition, subleaf: number | null): object {
    const entries = cpuidRegisterNames.map((register) => {
      const source = new CpuidSource(this.cpuid, leaf, subleaf, register, warn);
      const fields = registers.find((each) => each.register === register && each.subleaf === subleaf)?.fields ?? [];
      return [register, makeWordAccessor(source, { name: `${name}.${register}`, bytes: 4, fields })];
    });
    return Object.fromEntries(entries) as object;
  }
}

/** Its properties: the definitions make them. */
export interface CpuidAccessorsX64 extends CpuidAccessors {}
