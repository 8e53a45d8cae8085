// SPDX-License-Identifier: LGPL-2.1-only
// What a page's panels show of a machine. Looking changes nothing.
import { vmcsFieldDefinitions } from '../../intrinsics/vmcs/vmcs_field_details.js';
import { bytesOfField, groupOfField, type VmcsFieldGroup } from '../../intrinsics/vmcs/vmcs_fields.js';
import { hex } from '../../intrinsics/texts/hex.js';
import type { Pc } from '../../machine/pc.js';
import type { LogicalProcessor } from '../../machine/processor/logical_processor.js';
import { executionState } from '../../machine/report/execution_state.js';
import { pageWalk, type PageWalk } from '../../machine/report/page_walk.js';
import { processorReport, type ProcessorReport } from '../../machine/report/processor_report.js';
import { walkedMemory } from '../../machine/report/walked_memory.js';
import { slotKinds, slotOf } from '../../machine/vmx/vmcs/field_slots.js';

/** A field of a VMCS. */
export interface VmcsFieldView {
  readonly group: VmcsFieldGroup;
  readonly name: string;
  readonly value: string;
}

/** A processor as a page shows it. */
export interface ProcessorView extends Pick<
  ProcessorReport,
  'processor' | 'mode' | 'cpl' | 'vmx' | 'activity' | 'instructions' | 'registers'
> {
  /** The fields of its current VMCS; empty if it has none. */
  readonly vmcs: readonly VmcsFieldView[];
  /** How it translates the address that was asked for. */
  readonly walk?: PageWalk;
}

const fields = vmcsFieldDefinitions.filter(({ encoding }) => slotKinds[slotOf(encoding)] !== 0);

function vmcsOf({ engine: { vmcs } }: LogicalProcessor): VmcsFieldView[] {
  if (!vmcs.isCurrent) return [];
  return fields.map(({ name, encoding }) => ({
    group: groupOfField(encoding),
    name,
    value: hex(vmcs.value(encoding), 2 * bytesOfField(encoding)),
  }));
}

function viewOf(processor: LogicalProcessor, address: bigint | undefined): ProcessorView {
  const { processor: id, mode, cpl, vmx, activity, instructions, registers } = processorReport(processor);
  const walk =
    address === undefined ? {} : { walk: pageWalk(executionState(processor), walkedMemory(processor), address) };
  return { processor: id, mode, cpl, vmx, activity, instructions, registers, vmcs: vmcsOf(processor), ...walk };
}

/** A linear address as people type it. @throws Error that says what was typed */
export function parseAddress(text: string): bigint {
  const digits = text.trim().replace(/^0x/i, '').replaceAll('_', '');
  if (/^[0-9a-f]{1,16}$/i.test(digits)) return BigInt(`0x${digits}`);
  throw new Error(`${JSON.stringify(text)} is no linear address: type up to 16 hexadecimal digits`);
}

/** All processors of a machine. @param address a linear address to walk @throws Error for an address that is none */
export function machineView(pc: Pc, address?: string): ProcessorView[] {
  const walked = address === undefined ? undefined : parseAddress(address);
  return pc.inspect((processor) => viewOf(processor, walked));
}
