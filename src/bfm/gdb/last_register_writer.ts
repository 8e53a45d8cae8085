// SPDX-License-Identifier: LGPL-2.1-only
import { exitReasonName } from '../../intrinsics/vmx/exit_reasons.js';
import { hex } from '../../intrinsics/texts/hex.js';
import { msrDefinition } from '../../intrinsics/registers/msr_definitions.js';
import { vmcsFieldDefinition, vmcsFieldLabel } from '../../intrinsics/vmcs/vmcs_field_details.js';
import { fieldOfGuestMsr } from '../../machine/debug/loaded_msrs.js';
import { WatchedWrites, type RegisterWrite, type WatchedRegister } from '../../machine/debug/watched_writes.js';
import type { Pc } from '../../machine/pc.js';
import type { RememberedExit } from '../../machine/processor/exit_history.js';
import type { LogicalProcessor } from '../../machine/processor/logical_processor.js';
import { lastRegisterWrite } from '../../session/debug/last_register_write.js';
import { groupedDigits } from '../../session/grouped_digits.js';
import type { WrittenRegister } from './who_target.js';
import {
  failureLines,
  instructionText,
  writerFrames,
  type Beginning,
  type LastWriter,
  type WhoParts,
} from './writer_text.js';

/** A register at the point, before the run goes back. */
interface Asked {
  readonly register: WatchedRegister;
  readonly exitsHandled: number;
  readonly lastExit: RememberedExit | undefined;
  /** Of an MSR. */
  readonly value: bigint | undefined;
}

/** Finds who wrote a VMCS field by VMWRITE, or an MSR, last. The run is somewhere else afterwards. */
export async function lastRegisterWriter(
  { pc, debug, beginning, processor }: WhoParts,
  target: WrittenRegister,
): Promise<LastWriter> {
  const [asked] = pc.inspect((each) => (each.id === processor ? [askedAt(each, target)] : [])).flat();
  const { register, exitsHandled } = asked!;
  const write = await lastRegisterWrite(debug, pc, register);
  const since = write === undefined ? exitsHandled : exitsHandled - write.exitsHandled;
  const rest = [...savedLines(asked!, since), ...changedLines(asked!, write)];
  if (write !== undefined)
    return { lines: [...(await writeLines(pc, register, write)), ...rest], instructions: write.instructions };
  const first = beginning && (await firstRegisterWriter(beginning, register));
  if (first !== undefined) return { lines: [...first, ...rest], instructions: 0 };
  const nobody = 'field' in register ? 'no VMWRITE' : 'no software';
  const lines = [`${nameOf(register)}: ${nobody} has written it since the recording began`, ...rest];
  return { lines, instructions: undefined };
}

function askedAt(processor: LogicalProcessor, target: WrittenRegister): Asked {
  const { id, exitsHandled, history, core } = processor;
  const common = { exitsHandled, lastExit: history.last().at(-1) };
  if (target.kind === 'field') return { ...common, register: { processor: id, field: target.field }, value: undefined };
  const { msr } = target;
  const guestField = fieldOfGuestMsr(processor, msr);
  const register = { processor: id, msr, ...(guestField !== undefined && { guestField }) };
  return { ...common, register, value: core.readMsr(msr) ? core.msrValue : undefined };
}

/** Who wrote a register before the first instruction. */
export async function firstRegisterWriter(
  beginning: Beginning,
  register: WatchedRegister,
): Promise<readonly string[] | undefined> {
  const looks: { readonly pc: Pc; readonly writes: WatchedWrites }[] = [];
  const failure = await beginning((pc) => looks.push({ pc, writes: new WatchedWrites(pc, register) }));
  const [look] = looks;
  const write = look?.writes.last;
  if (write === undefined) return undefined;
  return [...(await writeLines(look!.pc, register, write)), ...failureLines(failure)];
}

const msrLabel = (msr: number): string => {
  const definition = msrDefinition(msr);
  return definition === undefined
    ? `MSR ${hex(BigInt(msr))}`
    : `${definition.name.toUpperCase()} (${hex(BigInt(msr))})`;
};

const nameOf = (register: WatchedRegister): string =>
  `${'field' in register ? vmcsFieldLabel(register.field) : msrLabel(register.msr)} of processor ${register.processor}`;

async function writeLines(pc: Pc, register: WatchedRegister, write: RegisterWrite): Promise<string[]> {
  const { before, value, instructions, exits, virtualTime, from } = write;
  return [
    `${nameOf(register)}: last written ${howText(register, write)}${await whereText(pc, register.processor, write)}`,
    `  before: ${hex(before)}, after: ${hex(value)}`,
    `  ${groupedDigits(instructions)} instructions of all processors before it, ${groupedDigits(exits)} VM exits, ${groupedDigits(virtualTime)} ns`,
    ...('stack' in from ? writerFrames(from.stack.stack ?? '').map((frame) => `  ${frame}`) : []),
  ];
}

/** By what: of an MSR, its instruction says it already. */
function howText(register: WatchedRegister, { field }: RegisterWrite): string {
  if (field === undefined) return '';
  return 'field' in register
    ? 'by VMWRITE '
    : `by VMWRITE of ${vmcsFieldLabel(field)}, which VM entries load into it, `;
}

async function whereText(pc: Pc, processor: number, { from, exit, exits }: RegisterWrite): Promise<string> {
  if ('rip' in from) return `at ${await instructionText(pc, processor, from.rip)}`;
  if ('area' in from) return `by the processor, from the ${from.area}`;
  if (exit === undefined) return 'in TypeScript';
  return `in TypeScript, while the VMM handled VM exit ${groupedDigits(exits)}: ${exitText(pc, exit)}`;
}

function exitText(pc: Pc, { reason, rip }: RememberedExit): string {
  const symbol = pc.symbols.own.nameOf(rip);
  return `${exitReasonName(reason)} at RIP ${hex(rip)}${symbol === undefined ? '' : ` (${symbol})`}`;
}

/** A VM exit writes the guest-state area and the exit information, without a VMWRITE. */
function savedLines({ register, lastExit: last }: Asked, exits: number): string[] {
  if (!('field' in register)) return [];
  const isOfGuest = vmcsFieldDefinition(register.field)?.group === 'guest';
  const isReadOnly = vmcsFieldDefinition(register.field)?.readOnly === true;
  if (last === undefined || exits === 0 || !(isOfGuest || isReadOnly)) return [];
  const what = isOfGuest ? "saves the guest's state into the VMCS" : 'writes it';
  const count = exits === 1 ? 'one came' : `${groupedDigits(exits)} came`;
  return [
    `  each VM exit ${what}; ${count} since, the last one: ${exitReasonName(last.reason)} at RIP ${hex(last.rip)}`,
  ];
}

/** Counters run, commands and reserved bits are not kept, and INIT, VM entries and VM exits change MSRs too. */
function changedLines({ register, value }: Asked, write: RegisterWrite | undefined): string[] {
  if ('field' in register || value === undefined || write?.value === value) return [];
  return write === undefined
    ? [`  its value at the point: ${hex(value)}`]
    : [`  its value at the point is another one, ${hex(value)}: the processor itself has changed it`];
}
