// SPDX-License-Identifier: LGPL-2.1-only
import { instructionPlace, type InstructionPlace } from './instruction_place.js';
import { Constants } from '../layout/core_constants.js';
import { executionState, modeName, privilegeLevel } from './execution_state.js';
import { generalRegisters, vmxName } from './processor_names.js';
import type { LogicalProcessor } from '../processor/logical_processor.js';

/** Features that software can use without an announcement, and that this processor lacks. The core has one place for each name. */
export enum UnimplementedReason {
  /** RDMSR of a last-branch record (MSR_LASTBRANCH_* and its like) while IA32_DEBUGCTL.LBR is 1; While LBR is 0, as when software probes, that is #GP. */
  LastBranchRecords = 'last-branch-records',
}

/** Numbers of the word UNIMPLEMENTED. */
const reasons: Readonly<Record<number, UnimplementedReason>> = {
  [Constants.UNIMPLEMENTED_LAST_BRANCH_RECORDS]: UnimplementedReason.LastBranchRecords,
};

const sentences: Readonly<Record<UnimplementedReason, string>> = {
  [UnimplementedReason.LastBranchRecords]:
    'RDMSR of a last-branch record with IA32_DEBUGCTL.LBR on: this processor keeps none',
};

/** The machine stopped because software asked for something that it does not do: what, and where. All plain JSON values. */
export interface Unimplemented extends InstructionPlace {
  readonly reason: UnimplementedReason;
  /** A sentence. */
  readonly what: string;
  readonly processor: number;
  /** As in "64-bit" or "real-address, 16-bit". */
  readonly mode: string;
  readonly cpl: number;
  /** As in "VMX non-root operation". */
  readonly vmx: string;
  /** Instructions that the processor had begun. The place is that of the last one, or of the first one after the VM entry that asked for the feature. */
  readonly instructions: number;
  /** RAX … R15 and RFLAGS. */
  readonly registers: Readonly<Record<string, string>>;
}

/** The report of a processor that stopped with `StopReason.Unimplemented`. */
export function unimplementedReport(processor: LogicalProcessor): Unimplemented {
  const { core } = processor;
  const state = executionState(processor);
  const reason = reasons[core.records.unimplemented]!;
  return {
    reason,
    what: sentences[reason],
    processor: processor.id,
    ...instructionPlace(processor, state),
    mode: modeName(state),
    cpl: privilegeLevel(state),
    vmx: vmxName(core.block),
    instructions: core.instructionCount,
    registers: generalRegisters(state),
  };
}
