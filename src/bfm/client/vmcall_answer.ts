// SPDX-License-Identifier: LGPL-2.1-only
import { CommandError } from '../host/host_errors.js';

/** The text to print for a VMM's text answer; empty without an answer. */
export function textAnswer(answer: Buffer): string | undefined {
  return answer.length === 0 ? undefined : `received from vmm: ${answer.toString()}`;
}

/** The text to print for a VMM's JSON answer, indented by 4; empty without an answer. @throws CommandError if it is not JSON */
export function jsonAnswer(answer: Buffer): string | undefined {
  if (answer.length === 0) return undefined;
  const text = answer.toString();
  try {
    return `received from vmm: \n${JSON.stringify(JSON.parse(text), null, 4)}`;
  } catch (error) {
    throw new CommandError(`the vmm's answer is not JSON: ${text}`, { causedBy: error });
  }
}
