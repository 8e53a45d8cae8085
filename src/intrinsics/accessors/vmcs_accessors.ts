// SPDX-License-Identifier: LGPL-2.1-only
import type { vmcsFieldBits, vmcsFieldValues } from '../vmcs/vmcs_field_details.js';
import type { ReadOnlyVmcsFieldName, VmcsFieldName } from '../vmcs/vmcs_fields.js';
import type { FieldsOf, WordAccessors } from './accessor_types.js';

type ValuesOf<N> = N extends keyof typeof vmcsFieldValues ? keyof (typeof vmcsFieldValues)[N] & string : never;

/**
 * Every field of `VmcsField` by name, with its bits: `vmcs.guestRip.set(rip)`, `vmcs.vmExitControls.loadIa32Pat.enable()`,
 * `vmcs.exitQualification.ioInstruction.portNumber.get()`. Each access is a VMREAD or VMWRITE. `Vmcs` has them all. They allocate (a
 * bigint a value): code that runs at every exit uses `Exit` and the halves of `Vmcs`.
 */
export type VmcsAccessors = {
  readonly [N in VmcsFieldName as Uncapitalize<N>]: WordAccessors<
    FieldsOf<typeof vmcsFieldBits, N>,
    N extends ReadOnlyVmcsFieldName ? 'ro' : 'rw',
    ValuesOf<N>
  >;
};
