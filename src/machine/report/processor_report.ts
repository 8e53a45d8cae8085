// SPDX-License-Identifier: LGPL-2.1-only
import { ExitReason } from '../../intrinsics/vmx/exit_reasons.js';
import { Vector } from '../../intrinsics/vmx/exit_information.js';
import { ActivityState } from '../../intrinsics/registers/registers.js';
import { VmcsField } from '../../intrinsics/vmcs/vmcs_fields.js';
import { hex } from '../../intrinsics/texts/hex.js';
import type { LogicalProcessor } from '../processor/logical_processor.js';
import type { RememberedExit } from '../processor/exit_history.js';
import { executionState, modeName, privilegeLevel, stoppedInHandler, type ExecutionState } from './execution_state.js';
import type { GuestSymbols } from '../symbols/guest_symbols.js';
import { KERNEL_HALF } from '../symbols/symbol_table.js';
import { instructionPlace, type InstructionPlace } from './instruction_place.js';
import { returnAddresses, type ReturnAddress } from './return_addresses.js';
import { checkedWalk, type CheckedWalk } from './stale_translations.js';
import { activityName, generalRegisters, vmxName } from './processor_names.js';
import { tripleFault, type TripleFault } from './triple_fault.js';

/** What a processor was at when its machine ended. All but `lastExits` are plain JSON values; 64-bit numbers are hexadecimal text with 0x. */
export interface ProcessorReport {
  readonly processor: number;
  /** As in "64-bit" or "real-address, 16-bit". */
  readonly mode: string;
  readonly cpl: number;
  /** As in "VMX non-root operation". */
  readonly vmx: string;
  /** The processor stopped while the VMM handled a VM exit. The report is about its guest, as the VMCS has it. */
  readonly isInHandler: boolean;
  /** What it does between instructions, as in "active" or "halted". SDM 3C "Guest Non-Register State". */
  readonly activity: string;
  /** Instructions that the processor had begun. */
  readonly instructions: number;
  readonly instruction: InstructionPlace;
  /** The symbol to which RIP belongs, as in `name+0x1a`, if it is known. */
  readonly symbol?: string;
  /** Why code of the kernel has no names, if RIP is in it and it has none. */
  readonly noSymbols?: string;
  /** What looks like return addresses on the stack, the innermost first; if the names of any are known. */
  readonly stack?: readonly ReturnAddress[];
  /** General registers and RFLAGS, CR0, CR2, CR3, CR4, EFER; selectors of CS and SS; base and limit of GDTR and IDTR. */
  readonly registers: Readonly<Record<string, string>>;
  /**
   * How the address that matters is translated: the one that faulted, or else that of the instruction. A processor that waits for a start-up IPI
   * executes no instruction, and the IPI gives it another address: it has no walk.
   */
  readonly walk?: CheckedWalk & { readonly of: string };
  /** The last VM exits, oldest first. */
  readonly lastExits: readonly RememberedExit[];
}

/** Bit 7 of the qualification: the guest-linear address is valid. SDM 3C "Exit Qualification for EPT Violations". */
const LINEAR_VALID = 1n << 7n;

interface WalkedAddress {
  readonly address: bigint;
  readonly of: string;
}

/** The core records the events of one triple fault for all processors: those of this processor, if it ended with one. */
function ownTripleFault({ core }: LogicalProcessor, lastExit: RememberedExit | undefined): TripleFault | undefined {
  const isShutDown = core.block.get('ACTIVITY') === ActivityState.Shutdown;
  return isShutDown || lastExit?.reason === ExitReason.TripleFault ? tripleFault(core) : undefined;
}

/** The address at which the software failed, or that of its next instruction. */
function addressThatMatters(processor: LogicalProcessor, place: InstructionPlace, inHandler: boolean): WalkedAddress {
  const exit = processor.history.last().at(-1);
  const pageFault = ownTripleFault(processor, exit)?.events.find(
    ({ vector, cr2 }) => vector === Vector.PageFault && cr2 !== undefined,
  );
  if (pageFault?.cr2 !== undefined) return { address: BigInt(pageFault.cr2), of: 'CR2 of the page fault' };
  const isEpt = inHandler && exit?.reason === ExitReason.EptViolation && (exit.qualification & LINEAR_VALID) !== 0n;
  if (isEpt) {
    const address = processor.engine.vmcs.value(VmcsField.GuestLinearAddress);
    return { address, of: 'linear address of the EPT violation' };
  }
  return { address: BigInt(place.linear), of: 'RIP' };
}

function walkThatMatters(
  processor: LogicalProcessor,
  state: ExecutionState,
  place: InstructionPlace,
  inHandler: boolean,
): NonNullable<ProcessorReport['walk']> {
  const { address, of } = addressThatMatters(processor, place, inHandler);
  return { of, ...checkedWalk(processor, state, address) };
}

function registersOf(state: ExecutionState): Record<string, string> {
  const { cr0, cr2, cr3, cr4, efer, cs, ss, gdtr, idtr } = state;
  return {
    ...generalRegisters(state),
    RIP: hex(state.rip),
    CR0: hex(cr0),
    CR2: hex(cr2),
    CR3: hex(cr3),
    CR4: hex(cr4),
    EFER: hex(efer),
    CS: hex(cs.selector),
    SS: hex(ss.selector),
    'GDTR.base': hex(gdtr.base),
    'GDTR.limit': hex(gdtr.limit),
    'IDTR.base': hex(idtr.base),
    'IDTR.limit': hex(idtr.limit),
  };
}

/** The names of the instruction and of its callers. */
function names(
  processor: LogicalProcessor,
  state: ExecutionState,
  symbols: GuestSymbols,
): Pick<ProcessorReport, 'symbol' | 'noSymbols' | 'stack'> {
  const symbol = symbols.nameOf(state.rip);
  const noSymbols = symbol === undefined && state.rip >= KERNEL_HALF ? symbols.whyNone() : undefined;
  const stack = returnAddresses(symbols, symbols.spaceOf(processor, state), state);
  return {
    ...(symbol !== undefined && { symbol }),
    ...(noSymbols !== undefined && { noSymbols }),
    ...(stack.length > 0 && { stack }),
  };
}

/** A guest that the VMM was handling is at an instruction, and so is every active processor. */
const waitsForSipi = (processor: LogicalProcessor): boolean =>
  processor.core.block.get('ACTIVITY') === ActivityState.WaitForSipi;

/** The report on a processor of a machine that died or was stopped. */
export function processorReport(processor: LogicalProcessor, symbols?: GuestSymbols): ProcessorReport {
  const { core, history } = processor;
  const state = executionState(processor);
  const isInHandler = stoppedInHandler(processor);
  const instruction = instructionPlace(processor, state);
  return {
    processor: processor.id,
    mode: modeName(state),
    cpl: privilegeLevel(state),
    vmx: vmxName(core.block),
    isInHandler,
    activity: activityName(core.block),
    instructions: core.instructionCount,
    instruction,
    registers: registersOf(state),
    ...(symbols !== undefined && !waitsForSipi(processor) && names(processor, state, symbols)),
    ...(!waitsForSipi(processor) && { walk: walkThatMatters(processor, state, instruction, isInHandler) }),
    lastExits: history.last(),
  };
}
