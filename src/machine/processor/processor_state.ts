// SPDX-License-Identifier: LGPL-2.1-only
// The state of a processor block that the state hash covers. Two processors with equal values here are equal.
import { Constants } from '../layout/core_constants.js';
import type { ProcessorBlock } from './processor_block.js';
import { contextRegisters, type RegisterName, type RegisterRow, type Registers } from './register_names.js';

/** Registers and state that are hashed as software sees them. RFLAGS is made of the core's lazy flags. */
export const hashedRegisters: readonly RegisterName[] = [
  ...contextRegisters,
  'CR0',
  'CR4',
  'XCR0',
  'EFER',
  'STAR',
  'LSTAR',
  'CSTAR',
  'FMASK',
  'KERNEL_GS_BASE',
  'SYSENTER_CS',
  'SYSENTER_ESP',
  'SYSENTER_EIP',
  'PAT',
  'TSC_OFFSET',
  'TSC_ADJUST',
  'TSC_AUX',
  'SPEC_CTRL',
  'XSS',
  'APIC_BASE',
  'MISC_ENABLE',
  'DEBUGCTL',
  'FEATURE_CONTROL',
  'MTRR_DEF_TYPE',
  'PROCESSOR_ID',
  'INSTRUCTIONS',
  'REPEATED_AT',
  'MONITOR_ADDRESS',
  'RANDOM',
  'X87_CONTROL',
  'X87_STATUS',
  'X87_TAGS',
  'X87_OPCODE',
  'X87_CS',
  'X87_DS',
  'X87_FERR',
  'MXCSR',
  'X87_IP',
  'X87_DP',
];

/** Rows of registers that are hashed. */
export const hashedRows: readonly RegisterRow[] = ['MTRR_PHYS', 'MTRR_FIX', 'X87_REGISTERS', 'XMM'];

/** The event that waits for delivery: hashed while one does. */
export const waitingEvent: readonly RegisterName[] = [
  'FAULT_VECTOR',
  'FAULT_TYPE',
  'FAULT_HAS_CODE',
  'FAULT_CODE',
  'FAULT_LENGTH',
  'FAULT_ADDRESS',
  'FAULT_DEBUG',
  'FAULT_INJECTED',
  'FAULT_NMI_UNBLOCKED',
];

/** The pins and signals among the bits of ATTENTION. The other bits follow from state, or are requests of the host. */
export const signals =
  Constants.ATTENTION_INTERRUPT |
  Constants.ATTENTION_NMI |
  Constants.ATTENTION_INIT |
  Constants.ATTENTION_SIPI |
  Constants.ATTENTION_SMI;

/** Words that are not hashed. Each group says why two machines that differ in it are still equal. */
export const notHashed: readonly (RegisterName | RegisterRow)[] = [
  // Constants.
  'ZERO',
  // The core derives these from hashed words.
  'CPL',
  'MODE',
  'DECODE_MODE',
  'STACK_MASK',
  'CODE_MASK',
  'TLB_DATA',
  'TLB_FETCH',
  'CURRENT_RECORD',
  'PAGE_RIP',
  // These have a meaning only while the core runs: between two runs, every instruction is either done or not begun.
  'BUDGET_START',
  'BUDGET',
  'STOP',
  'ACCESS_SEGMENT',
  'DELIVERY',
  'DELIVERY_CODE',
  'DELIVERY_LENGTH',
];

function textOf(value: Registers[RegisterName]): string {
  if (typeof value !== 'object') return value.toString(16);
  return Object.values(value)
    .map((part) => part.toString(16))
    .join(':');
}

/** A line `name=value` for each register. */
export function registerLines(block: ProcessorBlock, names: readonly RegisterName[]): string[] {
  return names.map((name) => `${name}=${textOf(block.get(name))}`);
}

/** The state of a processor outside VMX, in canonical form: equal processors have equal lines. */
export function processorState(block: ProcessorBlock): string[] {
  const lines = registerLines(block, hashedRegisters);
  for (const name of hashedRows)
    lines.push(`${name}=${Array.from(block.row(name), (word) => word.toString(16)).join()}`);
  const pending = block.get('ATTENTION') & signals;
  lines.push(`signals=${pending}`);
  if ((pending & Constants.ATTENTION_SIPI) !== 0) lines.push(...registerLines(block, ['SIPI_VECTOR']));
  if (block.get('FAULT_PENDING') !== 0) lines.push(...registerLines(block, waitingEvent));
  return lines;
}
