// SPDX-License-Identifier: LGPL-2.1-only
import { InitialConfiguration } from '../../intrinsics/structures/memory_structures.js';
import { FeatureControl, MiscEnable, MtrrDefType, MtrrPhysmask } from '../../intrinsics/registers/msr_definitions.js';
import { ActivityState, MemoryType, Xcr0 } from '../../intrinsics/registers/registers.js';
import { ResetState } from '../../intrinsics/contents/reset_state.js';
import type { ProcessorModel } from '../models/processor_model.js';
import { vmxPowerOnState } from '../vmx/vmx_power_on_state.js';
import type { ProcessorBlock } from './processor_block.js';
import type { Segment, SegmentRegister } from './register_names.js';

const none = 0xffffffffffffffffn;
const resetLimit = ResetState.Limit;

const data: SegmentRegister = { selector: 0, base: 0n, limit: resetLimit, rights: ResetState.DataRights };

/** SDM 3A "Processor State After Reset". */
const segments: Readonly<Record<Segment, SegmentRegister>> = {
  ES: data,
  CS: {
    selector: ResetState.CsSelector,
    base: BigInt(ResetState.CsBase),
    limit: resetLimit,
    rights: ResetState.CsRights,
  },
  SS: data,
  DS: data,
  FS: data,
  GS: data,
  LDTR: { ...data, rights: ResetState.LdtrRights },
  TR: { ...data, rights: ResetState.TrRights },
};

/** MTRRs as firmware leaves them: everything is write-back except the PCI hole. */
function loadMemoryTypes(block: ProcessorBlock, physicalAddressBits: number): void {
  block.set('MTRR_DEF_TYPE', MtrrDefType.Enable | MtrrDefType.FixedRangeEnable | MemoryType.WriteBack);
  const ranges = block.row('MTRR_PHYS');
  ranges[0] = 0xc0000000n;
  ranges[1] = ((1n << BigInt(physicalAddressBits)) - 0x40000000n) | BigInt(MtrrPhysmask.Valid);
  const fixed = block.row('MTRR_FIX');
  fixed.fill(0x0606060606060606n);
  // The VGA window is uncacheable.
  fixed[2] = 0n;
}

/**
 * Fills the block of the processor that is loaded with the state after power-on. SDM 3A "Processor State After Reset", with what firmware
 * would set: MTRRs, and IA32_FEATURE_CONTROL locked with VMX allowed.
 */
export function powerOn(block: ProcessorBlock, model: ProcessorModel): void {
  block.clear();
  loadMemoryTypes(block, model.physicalAddressBits);
  block.load({
    ...segments,
    GDTR: { base: 0n, limit: resetLimit },
    IDTR: { base: 0n, limit: resetLimit },
    RIP: ResetState.Rip,
    RDX: model.signature,
    RFLAGS: ResetState.Rflags,
    CR0: ResetState.Cr0,
    DR6: ResetState.Dr6,
    DR7: ResetState.Dr7,
    XCR0: Xcr0.X87,
    PAT: 0x0007040600070406n,
    APIC_BASE: block.id === 0 ? 0xfee00900 : 0xfee00800,
    MISC_ENABLE:
      MiscEnable.FastStringsEnable |
      MiscEnable.BranchTraceStorageUnavailable |
      MiscEnable.PebsUnavailable |
      MiscEnable.EnableMonitorFsm,
    FEATURE_CONTROL: FeatureControl.LockBit | FeatureControl.EnableVmxOutsideSmx,
    X87_CONTROL: 0x40,
    X87_TAGS: 0xff,
    MXCSR: InitialConfiguration.Mxcsr,
    MONITOR_ADDRESS: none,
    // SDM 3A "Multiple-Processor (MP) Initialization": the others wait for the bootstrap processor.
    ACTIVITY: block.id === 0 ? ActivityState.Active : ActivityState.WaitForSipi,
    // Each processor has numbers of its own, the same in each run.
    RANDOM: BigInt(block.id),
    ...vmxPowerOnState(model.cr4Allowed),
  });
}
