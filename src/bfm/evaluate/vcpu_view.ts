// SPDX-License-Identifier: LGPL-2.1-only
import { BareflankError } from '../../intrinsics/errors.js';
import { exitReasonName } from '../../intrinsics/vmx/exit_reasons.js';
import { VmcsField, type VmcsFieldName } from '../../intrinsics/vmcs/vmcs_fields.js';
import { DebuggedMemory } from '../../machine/debug/debugged_memory.js';
import type { Pc } from '../../machine/pc.js';
import type { LogicalProcessor } from '../../machine/processor/logical_processor.js';
import { contextRegisters, type RegisterName } from '../../machine/processor/register_names.js';
import { executionState, modeName, privilegeLevel } from '../../machine/report/execution_state.js';
import { checkedWalk, type CheckedWalk } from '../../machine/report/stale_translations.js';
import { activityName, vmxName } from '../../machine/report/processor_names.js';
import { supportedFields } from '../../machine/vmx/vmcs/field_slots.js';
import { MemoryView } from './memory_view.js';

/** Registers besides those of a context. */
const more: readonly RegisterName[] = [
  ...(['CR0', 'CR4', 'XCR0', 'EFER', 'STAR', 'LSTAR', 'CSTAR', 'FMASK', 'KERNEL_GS_BASE'] as const),
  ...(['SYSENTER_CS', 'SYSENTER_ESP', 'SYSENTER_EIP', 'PAT', 'APIC_BASE', 'TSC_OFFSET'] as const),
];

const fieldNames = new Map<number, VmcsFieldName>(
  (Object.keys(VmcsField) as VmcsFieldName[]).map((name) => [VmcsField[name], name]),
);

/** A name as the accessors of a VMCS have it: `guestRip`. */
const accessorName = (name: string): string => name.charAt(0).toLowerCase() + name.slice(1);

/** What a look at a processor finds. It is a copy: nothing that is done with it changes the machine. */
export interface VcpuView {
  readonly id: number;
  /** As in "64-bit". */
  readonly mode: string;
  readonly cpl: number;
  /** As in "VMX non-root operation". */
  readonly vmx: string;
  readonly activity: string;
  readonly instructions: number;
  /** By the SDM's names: `registers.RAX`. */
  readonly registers: Readonly<Record<string, unknown>>;
  readonly lastExits: readonly object[];
  /** The fields of the current VMCS, by the names of its accessors. @throws BareflankError if none is current */
  readonly vmcs: Readonly<Record<string, bigint>>;
  /** Memory at the linear addresses of the software that runs. */
  readonly memory: MemoryView;
  /** How a linear address is translated, EPT included. */
  walk(linear: number | bigint): CheckedWalk;
}

function registersOf(processor: LogicalProcessor): Record<string, unknown> {
  const { block } = processor.core;
  const names = [...contextRegisters, ...more];
  return Object.fromEntries(names.map((name) => [name, block.get(name)]));
}

function vmcsOf({ engine, id }: LogicalProcessor): Record<string, bigint> {
  const { vmcs } = engine;
  if (!vmcs.isCurrent) throw new BareflankError(`vcpu ${id} has no current VMCS: no VMM runs on it`);
  return Object.fromEntries(
    supportedFields.map((encoding) => {
      const name = fieldNames.get(encoding) ?? encoding.toString(16);
      return [accessorName(name), vmcs.value(encoding)];
    }),
  );
}

const exitsOf = ({ history }: LogicalProcessor): object[] =>
  history.last().map(({ reason, ...exit }) => ({ reason: exitReasonName(reason), ...exit }));

/** Looks at the machine, unless there is a reason not to. */
export type Looked = <T>(look: () => T) => T;

/** Looks at a processor. @throws BareflankError for one that the machine does not have */
export function vcpuView(pc: Pc, number: number | bigint, looked: Looked): VcpuView {
  const id = Number(number);
  if (pc.processors[id] === undefined)
    throw new BareflankError(`there is no vcpu ${number}: the machine has ${pc.processors.length}, numbered from 0`);
  const at = <T>(look: (processor: LogicalProcessor) => T): T =>
    looked(() => pc.inspect((processor) => (processor.id === id ? { found: look(processor) } : undefined))[id]!.found);
  const walk = (linear: number | bigint): CheckedWalk =>
    at((each) => checkedWalk(each, executionState(each), BigInt.asUintN(64, BigInt(linear))));
  const seen = at((each) => ({ id, ...stateOf(each), registers: registersOf(each), lastExits: exitsOf(each), walk }));
  const software = new DebuggedMemory(pc);
  const memory = new MemoryView('linear', (address, length) => {
    const bytes = looked(() => software.read(id, address, length));
    return bytes.length === length ? bytes : undefined;
  });
  // They are not printed with the rest.
  return Object.defineProperties(seen, {
    vmcs: { get: () => at(vmcsOf) },
    memory: { value: memory },
  }) as unknown as VcpuView;
}

function stateOf(processor: LogicalProcessor) {
  const state = executionState(processor);
  const { block } = processor.core;
  return {
    mode: modeName(state),
    cpl: privilegeLevel(state),
    vmx: vmxName(block),
    activity: activityName(block),
    instructions: processor.instructionCount,
  };
}

/** A copy of guest RAM. @returns undefined outside */
export function ramBytes({ core }: Pc, address: bigint, length: number): Uint8Array | undefined {
  const { guestRam } = core;
  if (address + BigInt(length) > BigInt(guestRam.length)) return undefined;
  return guestRam.slice(Number(address), Number(address) + length);
}
