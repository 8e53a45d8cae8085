// SPDX-License-Identifier: LGPL-2.1-only
import { exitReasonName } from '../../intrinsics/vmx/exit_reasons.js';
import { hex } from '../../intrinsics/texts/hex.js';
import { vmcsFieldDefinition, vmcsFieldLabel } from '../../intrinsics/vmcs/vmcs_field_details.js';
import { WatchedWrites, type RegisterWrite, type WatchedRegister } from '../../machine/debug/watched_writes.js';
import type { Pc } from '../../machine/pc.js';
import type { RememberedExit } from '../../machine/processor/exit_history.js';
import { lastRegisterWrite } from '../../session/debug/last_register_write.js';
import { groupedDigits } from '../../session/grouped_digits.js';
import {
  failureLines,
  instructionText,
  writerFrames,
  type Beginning,
  type LastWriter,
  type WhoParts,
} from './writer_text.js';

/** Finds who executed VMWRITE for a field last. The run is somewhere else afterwards. */
export async function lastFieldWriter(
  { pc, debug, beginning }: WhoParts,
  register: WatchedRegister,
): Promise<LastWriter> {
  const { history, exitsHandled } = pc.processors[register.processor]!;
  const lastExit = history.last().at(-1);
  const write = await lastRegisterWrite(debug, pc, register);
  const saved = savedLines(register, write === undefined ? exitsHandled : exitsHandled - write.exitsHandled, lastExit);
  if (write !== undefined)
    return { lines: [...(await writeLines(pc, register, write)), ...saved], instructions: write.instructions };
  const first = beginning && (await firstFieldWriter(beginning, register));
  if (first !== undefined) return { lines: [...first, ...saved], instructions: 0 };
  const lines = [`${nameOf(register)}: no VMWRITE has written it since the recording began`, ...saved];
  return { lines, instructions: undefined };
}

/** Who wrote a field before the first instruction. */
export async function firstFieldWriter(
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

const nameOf = ({ processor, field }: WatchedRegister): string => `${vmcsFieldLabel(field)} of processor ${processor}`;

async function writeLines(pc: Pc, register: WatchedRegister, write: RegisterWrite): Promise<string[]> {
  const { before, value, instructions, exits, virtualTime, exit, from } = write;
  const where =
    'rip' in from
      ? `at ${await instructionText(pc, register.processor, from.rip)}`
      : `in TypeScript${exit === undefined ? '' : `, while the VMM handled VM exit ${groupedDigits(exits)}: ${exitText(pc, exit)}`}`;
  return [
    `${nameOf(register)}: last written by VMWRITE ${where}`,
    `  before: ${hex(before)}, after: ${hex(value)}`,
    `  ${groupedDigits(instructions)} instructions of all processors before it, ${groupedDigits(exits)} VM exits, ${groupedDigits(virtualTime)} ns`,
    ...('stack' in from ? writerFrames(from.stack.stack ?? '').map((frame) => `  ${frame}`) : []),
  ];
}

function exitText(pc: Pc, { reason, rip }: RememberedExit): string {
  const symbol = pc.symbols.own.nameOf(rip);
  return `${exitReasonName(reason)} at RIP ${hex(rip)}${symbol === undefined ? '' : ` (${symbol})`}`;
}

/** A VM exit writes the guest-state area and the exit information, without a VMWRITE. */
function savedLines({ field }: WatchedRegister, exits: number, last: RememberedExit | undefined): string[] {
  const isOfGuest = vmcsFieldDefinition(field)?.group === 'guest';
  const isReadOnly = vmcsFieldDefinition(field)?.readOnly === true;
  if (last === undefined || exits === 0 || !(isOfGuest || isReadOnly)) return [];
  const what = isOfGuest ? "saves the guest's state into the VMCS" : 'writes it';
  const count = exits === 1 ? 'one came' : `${groupedDigits(exits)} came`;
  return [
    `  each VM exit ${what}; ${count} since, the last one: ${exitReasonName(last.reason)} at RIP ${hex(last.rip)}`,
  ];
}
