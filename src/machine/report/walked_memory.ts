// SPDX-License-Identifier: LGPL-2.1-only
import { PrimaryControl, SecondaryControl } from '../../intrinsics/vmx/control_bits.js';
import { EptCapability, Msr } from '../../intrinsics/registers/msr_definitions.js';
import { VmcsField } from '../../intrinsics/vmcs/vmcs_fields.js';
import { word64 } from '../processor/halves.js';
import type { LogicalProcessor } from '../processor/logical_processor.js';
import { firstVmxMsr } from '../vmx/capabilities.js';
import { slotOf } from '../vmx/vmcs/field_slots.js';
import type { Vmcs } from '../vmx/vmcs/vmcs.js';
import type { WalkedMemory } from './page_walk.js';

function hasModeBasedExecute(vmcs: Vmcs): boolean {
  const primary = vmcs.low(slotOf(VmcsField.PrimaryProcessorBasedVmExecutionControls));
  if ((primary & PrimaryControl.ActivateSecondaryControls) === 0) return false;
  const secondary = vmcs.low(slotOf(VmcsField.SecondaryProcessorBasedVmExecutionControls));
  return (secondary & SecondaryControl.ModeBasedExecuteControlForEpt) !== 0;
}

/** A machine's memory, for a walk. It is all of the memory: a report may show what software cannot reach. */
export function walkedMemory({ core, engine }: LogicalProcessor): WalkedMemory {
  const [eptCapabilities = 0] = engine.capabilities[Msr.Ia32VmxEptVpidCap - firstVmxMsr] ?? [];
  return {
    read: (physical, bytes) => {
      const at = core.physicalOffset(Number(physical));
      if (at < 0) return undefined;
      return bytes === 4 ? BigInt(core.u32[at >>> 2]!) : word64(core.u32, at >>> 2);
    },
    rules: {
      physicalAddressWidth: core.physicalAddressWidth,
      hasExecuteOnly: (eptCapabilities & EptCapability.ExecuteOnlyTranslation) !== 0,
      hasModeBasedExecute: engine.vmcs.isCurrent && hasModeBasedExecute(engine.vmcs),
    },
  };
}
