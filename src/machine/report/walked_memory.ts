// SPDX-License-Identifier: LGPL-2.1-only
import { EptCapability, Msr } from '../../intrinsics/msr_definitions.js';
import type { LogicalProcessor } from '../processor/logical_processor.js';
import { firstVmxMsr } from '../vmx/capabilities.js';
import type { WalkedMemory } from './page_walk.js';

/** A machine's memory, for a walk. It is all of the memory: a report may show what software cannot reach. */
export function walkedMemory({ core, engine }: LogicalProcessor): WalkedMemory {
  const [eptCapabilities = 0] = engine.capabilities[Msr.Ia32VmxEptVpidCap - firstVmxMsr] ?? [];
  return {
    read: (physical, bytes) => {
      const at = core.physicalOffset(Number(physical));
      if (at < 0) return undefined;
      const low = BigInt(core.u32[at >>> 2]!);
      return bytes === 4 ? low : low | (BigInt(core.u32[(at >>> 2) + 1]!) << 32n);
    },
    rules: {
      physicalAddressWidth: core.physicalAddressWidth,
      hasExecuteOnly: (eptCapabilities & EptCapability.ExecuteOnlyTranslation) !== 0,
    },
  };
}
