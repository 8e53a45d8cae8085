// SPDX-License-Identifier: LGPL-2.1-only
import { MiscEnable } from '../../intrinsics/msr_definitions.js';
import type { ProcessorModel } from '../models/processor_model.js';
import { vmxPowerOnState } from '../vmx/vmx_power_on_state.js';
import type { ProcessorBlock } from './processor_block.js';
import type { Segment, SegmentRegister } from './register_names.js';

const none = 0xffffffffffffffffn;
const resetLimit = 0xffff;

const data: SegmentRegister = { selector: 0, base: 0n, limit: resetLimit, rights: 0x93 };

/** SDM 3A "Processor State After Reset". */
const segments: Readonly<Record<Segment, SegmentRegister>> = {
  ES: data,
  CS: { selector: 0xf000, base: 0xffff0000n, limit: resetLimit, rights: 0x9b },
  SS: data,
  DS: data,
  FS: data,
  GS: data,
  LDTR: { ...data, rights: 0x82 },
  TR: { ...data, rights: 0x8b },
};

/** MTRRs as firmware leaves them: everything is write-back except the PCI hole. */
function loadMemoryTypes(block: ProcessorBlock, physicalAddressBits: number): void {
  block.set('MTRR_DEF_TYPE', 0xc06);
  const ranges = block.row('MTRR_PHYS');
  ranges[0] = 0xc0000000n;
  ranges[1] = ((1n << BigInt(physicalAddressBits)) - 0x40000000n) | 0x800n;
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
    RIP: 0xfff0,
    RDX: model.signature,
    RFLAGS: 2,
    CR0: 0x60000010,
    DR6: 0xffff0ff0,
    DR7: 0x400,
    XCR0: 1,
    PAT: 0x0007040600070406n,
    APIC_BASE: block.id === 0 ? 0xfee00900 : 0xfee00800,
    MISC_ENABLE:
      MiscEnable.FastStringsEnable |
      MiscEnable.BranchTraceStorageUnavailable |
      MiscEnable.PebsUnavailable |
      MiscEnable.EnableMonitorFsm,
    FEATURE_CONTROL: 5,
    X87_CONTROL: 0x40,
    X87_TAGS: 0xff,
    MXCSR: 0x1f80,
    MONITOR_ADDRESS: none,
    // Each processor has numbers of its own, the same in each run.
    RANDOM: BigInt(block.id),
    ...vmxPowerOnState(model.cr4Allowed),
  });
}
