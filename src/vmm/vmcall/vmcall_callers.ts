// SPDX-License-Identifier: LGPL-2.1-only
import { isHandled } from '../container/answers.js';
import type { AskedContributions } from '../contributions/asked_contributions.js';
import type { VmcallContribution } from '../contributions/vmcall_contribution.js';
import { VmcallError } from '../errors.js';
import type { Exit } from '../exit/exit.js';
import type { VmcallRegisters } from '../exit/vmcall_registers.js';

/** Whether the guest that made the VMCALL was not at CPL 0. */
export const isUserMode = (exit: Exit): boolean => exit.privilegeLevel() !== 0;

/** Whether the caller's privilege level may call a contribution. */
const isCallable = (exit: Exit, { allowsUserMode }: VmcallContribution): boolean =>
  !isUserMode(exit) || allowsUserMode === true;

/** Whether nobody answers the caller: then there is no VMCALL for it, as without VMX. */
export function isDenied(exit: Exit, contributions: readonly VmcallContribution[]): boolean {
  return isUserMode(exit) && !contributions.some((each) => isCallable(exit, each));
}

/** Asks the contributions for an opcode. @returns whether one of them handled the VMCALL, or denied it by a fault */
export function askForOpcode(
  exit: Exit,
  contributions: AskedContributions<VmcallContribution>,
  registers: VmcallRegisters,
): boolean {
  const opcode = Number(registers.r00);
  for (let index = 0; index < contributions.length; index++) {
    const contribution = contributions.at(index);
    if (!isCallable(exit, contribution) || !contribution.opcodes.includes(opcode)) continue;
    contributions.ask(index);
    if (isHandled(contribution.handleVmcall(registers, exit), contribution, 'handleVmcall') || exit.hasInjected)
      return true;
    contributions.pass();
  }
  return false;
}

/** Asks the contributions for a JSON command. @returns the first answer; undefined if none of them has one */
export function askForJson(
  exit: Exit,
  contributions: AskedContributions<VmcallContribution>,
  command: unknown,
): unknown {
  for (let index = 0; index < contributions.length; index++) {
    const contribution = contributions.at(index);
    if (contribution.handleVmcallJson === undefined || !isCallable(exit, contribution)) continue;
    contributions.ask(index);
    const answer = contribution.handleVmcallJson(command);
    if (answer !== undefined) return answer;
    contributions.pass();
  }
  if (isUserMode(exit)) throw new VmcallError('no contribution allows user mode to send this JSON command');
  return undefined;
}

/** The base echoes JSON. An echo would look like success to a user who mistyped an extension's command. @throws VmcallError */
export function refuseUnknownCommand(contributions: readonly VmcallContribution[], value: unknown): void {
  const command = (value as { command?: unknown } | null)?.command;
  const names = contributions.filter(({ handleVmcallJson }) => handleVmcallJson !== undefined).map(({ name }) => name);
  if (command === undefined || names.length === 0) return;
  throw new VmcallError(`unknown JSON command ${JSON.stringify(command)}; none of ${names.join(', ')} knows it`);
}
