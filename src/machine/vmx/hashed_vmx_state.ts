// SPDX-License-Identifier: LGPL-2.1-only
// The VMX state that the state hash covers. Two processors with equal values here are equal.
import type { ProcessorBlock } from '../processor/processor_block.js';
import { registerLines } from '../processor/processor_state.js';
import type { RegisterName } from '../processor/register_names.js';
import { slotOf, supportedFields } from './vmcs/field_slots.js';
import type { Vmcs } from './vmcs/vmcs.js';
import { VmxMode } from './vmx_mode.js';

/** Hashed at any time. */
export const hashedVmxRegisters: readonly RegisterName[] = [
  'VMX_MODE',
  'VMXON_REGION',
  'VMX_SESSION',
  'VMX_CURRENT_VMCS',
  'VMX_OWNER',
  'VMX_RESIDENT',
  'VMX_EXIT_PENDING',
  'VMX_WORK_PENDING',
  'CARVE_OUT_ACCESS',
  'CARVE_OUT_STRUCTURES',
];
/** Hashed while a guest runs; otherwise the next VM entry sets them. */
export const hashedInGuest: readonly RegisterName[] = [
  'VMX_PREEMPTION_DEADLINE',
  'VMX_MTF_PENDING',
  'VMX_PML_INDEX',
  'VMX_INTERRUPT_STATUS',
  'VMX_APIC_PENDING',
  'VMX_VIRTUAL_INTERRUPT',
];

/** The launch state of the current VMCS. */
const launchState: RegisterName = 'VMX_LAUNCHED_IN';

/** Words of VMX that are not hashed. Each group says why two machines that differ in it are still equal. */
export const notHashedVmx: readonly RegExp[] = [
  // The core tests these in non-root operation. VM entry derives them from the fields of the current VMCS, which are hashed.
  /^VMX_(PIN|PRIMARY|SECONDARY|TERTIARY|EXCEPTION_BITMAP|PF_MASK|PF_MATCH|CR3_TARGET.*|CR[04]_(MASK|SHADOW|FIXED[01]))$/,
  /^VMX_(IO_BITMAP_[AB]|MSR_BITMAP|VIRTUAL_APIC|APIC_ACCESS|EOI_EXIT_BITMAP.*|POSTED_VECTOR|POSTED_DESCRIPTOR|VMREAD_BITMAP|VMWRITE_BITMAP|XSS_EXITING|EPTP_LIST|VMFUNC)$/,
  /^VMX_(TPR_THRESHOLD|PLE_GAP|PLE_WINDOW|VPID|TSC_OFFSET|TSC_MULTIPLIER|EPTP|PML_ADDRESS)$/,
  // The core's report of an exit or of an instruction: the engine reads it before it returns.
  /^(EXIT|VMX_OPERAND|IDT_VECTORING)_/,
  /^GUEST_(LINEAR|PHYSICAL)_ADDRESS$/,
  // How much work the engine may skip at the next exit or entry.
  /^VMX_(COLD_UNKNOWN|MEMORY_WRITTEN|HOST_IA32E)$/,
];

/**
 * The VMX state of a processor in canonical form: equal processors have equal lines. The words that the core tests in non-root operation are
 * not among them: the fields of the current VMCS decide them.
 */
export function vmxState(block: ProcessorBlock, vmcs: Vmcs): string[] {
  const lines = registerLines(block, hashedVmxRegisters);
  if (block.get('VMX_MODE') === VmxMode.NonRoot) lines.push(...registerLines(block, hashedInGuest));
  if (!vmcs.isCurrent) return lines;
  lines.push(...registerLines(block, [launchState]));
  if (vmcs.instruction[0] !== 0) lines.push(`instruction=${vmcs.instruction.join()}`);
  const fields = supportedFields
    .map(slotOf)
    .map((slot) => `${vmcs.high(slot).toString(16)}:${vmcs.low(slot).toString(16)}`);
  lines.push(`VMCS=${fields.join()}`);
  return lines;
}
