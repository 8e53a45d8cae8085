// SPDX-License-Identifier: LGPL-2.1-only
import { FieldSizes, Layout } from '../layout/layout.js';
import { Sizes } from '../layout/regions.js';
import { MODEL_ENTRY_BYTES, MsrEntry } from '../layout/model_tables.js';
import { msrTable } from '../processor/machine_words.js';
import type { ProcessorCore } from '../processor/processor_core.js';
import type { VmxAreaState } from '../vmx/vmcs/vmx_area.js';
import { restoreTlbs, saveTlbs, type TlbState } from './tlb_snapshot.js';

/** The state of a logical processor. */
export interface ProcessorState {
  /** Its words, in the order of the layout. */
  readonly block: Uint8Array;
  /** The MSRs that have no word of their own, in the order of the model's table. */
  readonly msrs: BigUint64Array;
  readonly tlbs: TlbState;
  readonly vmx: VmxAreaState;
  /** VM exits by basic reason; those of all processors in the first one's if they have one counter. */
  readonly exits: Uint32Array;
  /** VM exits that the VMM has handled, and whether the last run was cut at one: they name the moment of an input. */
  readonly exitsHandled: number;
  readonly isCutAtExit: boolean;
  /** The last VM exits, for reports. */
  readonly history: Int32Array;
  /** Why the processor has stopped for good. */
  readonly death: string | null;
  /** Whether the pages of the driver's context are in memory. */
  readonly hasDriverPages: boolean;
}

/** Words of the block that a snapshot leaves out, as 0. A state from outside may have anything there. Each group says why. */
export const wordsLeftOut: readonly (keyof typeof FieldSizes)[] = [
  // A constant.
  'ZERO',
  // The core derives these from other words.
  'MODE',
  'DECODE_MODE',
  'STACK_MASK',
  'CODE_MASK',
  'TLB_DATA',
  'TLB_FETCH',
  // They have a meaning only while the core runs: between two runs, every instruction is either done or not begun.
  'BUDGET_START',
  'BUDGET',
  'STOP',
  'CURRENT_RECORD',
  'PAGE_RIP',
  'ACCESS_SEGMENT',
  // The engine has carried out the instruction that they describe.
  'VMX_OPERAND_INSTRUCTION',
  'VMX_OPERAND_LENGTH',
  'VMX_OPERAND_VALUE',
  'VMX_OPERAND_FIELD',
  'VMX_OPERAND_DESCRIPTOR0',
  'VMX_OPERAND_DESCRIPTOR1',
  'VMX_OPERAND_REGISTER',
  'VMX_OPERAND_SIZE',
  'VMX_OPERAND_LINEAR',
];

/** The count of instructions in a saved block. */
export function instructionsIn(block: Uint8Array): number {
  const at = Layout.INSTRUCTIONS - Layout.PROCESSOR;
  return Number(new DataView(block.buffer, block.byteOffset + at, FieldSizes.INSTRUCTIONS).getBigUint64(0, true));
}

/** @param from where the block begins in `bytes` */
function clearWordsLeftOut(bytes: Uint8Array, from: number): void {
  for (const name of wordsLeftOut) {
    const at = from + Layout[name] - Layout.PROCESSOR;
    bytes.fill(0, at, at + FieldSizes[name]);
  }
}

/** The part of a processor that is in the machine's memory, except what its VMX engine keeps. */
export type CoreState = Pick<ProcessorState, 'block' | 'msrs' | 'tlbs'>;

/** Indexes of the plain MSRs' values among 64-bit words. */
function msrPlaces({ block, plainMsrs }: ProcessorCore): number[] {
  return plainMsrs.map((_, i) => (msrTable(block.id) + i * MODEL_ENTRY_BYTES + MsrEntry.Value) / 8);
}

/** Precondition: the processor is loaded, and no instruction is under way. */
export function saveCore(core: ProcessorCore): CoreState {
  const { u8, u32, u64, block } = core;
  const bytes = u8.slice(Layout.PROCESSOR, Layout.PROCESSOR + Sizes.PROCESSOR);
  clearWordsLeftOut(bytes, 0);
  const logged = [u32[Layout.TLB_LOG_COUNT0 / 4]!, u32[Layout.TLB_LOG_COUNT1 / 4]!] as const;
  return {
    block: bytes,
    msrs: BigUint64Array.from(msrPlaces(core), (at) => u64[at]!),
    tlbs: saveTlbs(core, block.id, logged),
  };
}

/** Precondition: the processor is loaded. */
export function restoreCore(core: ProcessorCore, { block, msrs, tlbs }: CoreState): void {
  const { u8, u32, u64 } = core;
  u8.set(block, Layout.PROCESSOR);
  clearWordsLeftOut(u8, Layout.PROCESSOR);
  u32[Layout.PROCESSOR_ID / 4] = core.block.id;
  msrPlaces(core).forEach((at, i) => (u64[at] = msrs[i]!));
  restoreTlbs(core, core.block.id, tlbs);
  core.processorRestored();
}
