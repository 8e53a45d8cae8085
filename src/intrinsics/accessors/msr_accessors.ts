// SPDX-License-Identifier: LGPL-2.1-only
import { component } from '../component.js';
import type { controlBitFields } from '../vmx/control_bits.js';
import type { capabilityWords, msrBits, MsrName, ReadOnlyMsrName } from '../registers/msr_definitions.js';
import type { FieldsOf, WordAccessors } from './accessor_types.js';

type MsrAccessor<N extends MsrName> = N extends keyof typeof capabilityWords
  ? WordAccessors<(typeof controlBitFields)[(typeof capabilityWords)[N]][number], 'capability'>
  : WordAccessors<FieldsOf<typeof msrBits, N>, N extends ReadOnlyMsrName ? 'ro' : 'rw'>;

/**
 * Every MSR of `Msr` by name, with its bits: `msrs.ia32Efer.lme.enable()`, `msrs.ia32VmxBasic.revisionId.get()`,
 * `msrs.ia32VmxTruePinbasedCtls.nmiExiting.isAllowed1()`. Each access is a RDMSR or WRMSR of the processor that executes the caller.
 */
export type MsrAccessors = { readonly [N in MsrName as Uncapitalize<N>]: MsrAccessor<N> };
export const MsrAccessors = component<MsrAccessors>('bareflank.MsrAccessors', 'vmm');
