// SPDX-License-Identifier: LGPL-2.1-only
import type { MsrName } from '../../intrinsics/registers/msr_definitions.js';
import { Msr } from '../../intrinsics/registers/msr_definitions.js';
import { VmcsField, type VmcsFieldName } from '../../intrinsics/vmcs/vmcs_fields.js';
import { EntryControl } from '../../intrinsics/vmx/control_bits.js';
import type { LogicalProcessor } from '../processor/logical_processor.js';
import { slotOf } from '../vmx/vmcs/field_slots.js';

type LoadedMsr = readonly [MsrName, VmcsFieldName, control?: number];

/** MSRs that VM entries load from fields, some of them only if a control says so. SDM 3C "Loading Guest State". */
const rows: readonly LoadedMsr[] = [
  ['Ia32SysenterCs', 'GuestIa32SysenterCs'],
  ['Ia32SysenterEsp', 'GuestIa32SysenterEsp'],
  ['Ia32SysenterEip', 'GuestIa32SysenterEip'],
  ['Ia32FsBase', 'GuestFsBase'],
  ['Ia32GsBase', 'GuestGsBase'],
  ['Ia32Debugctl', 'GuestIa32Debugctl', EntryControl.LoadDebugControls],
  ['Ia32Pat', 'GuestIa32Pat', EntryControl.LoadIa32Pat],
  ['Ia32Efer', 'GuestIa32Efer', EntryControl.LoadIa32Efer],
];
const loadedMsrs = new Map(rows.map(([msr, ...rest]) => [Msr[msr] as number, rest]));
const entryControls = slotOf(VmcsField.VmEntryControls);

/**
 * The field from which VM entries load an MSR of a guest. What the VMM writes to the MSR itself does not reach the guest then. Precondition: the processor
 * is loaded.
 *
 * @returns undefined outside VMX non-root operation, and for an MSR that guest and VMM share
 */
export function fieldOfGuestMsr({ engine: { state, vmcs } }: LogicalProcessor, msr: number): number | undefined {
  const [name, control] = loadedMsrs.get(msr) ?? [];
  if (name === undefined || !state.nonRoot) return undefined;
  return control === undefined || (vmcs.low(entryControls) & control) !== 0 ? VmcsField[name] : undefined;
}
