// SPDX-License-Identifier: LGPL-2.1-only
import { CommandError } from '../host/host_errors.js';

/** What is printed of a text that the VMM answered; nothing if it answered none. */
export function textAnswer(answer: Buffer): string | undefined {
  return answer.length === 0 ? undefined : `received from vmm: ${answer.toString()}`;
}

/** What is printed of JSON that the VMM answered, indented by 4; nothing if it answered none. @throws CommandError if it is no JSON */
export function jsonAnswer(answer: Buffer): string | undefined {
  if (answer.length === 0) return undefined;
  const text = answer.toString();
  try {
    return `received from vmm: \n${JSON.stringify(JSON.parse(text), null, 4)}`;
  } catch (error) {
    throw new CommandError(`the vmm answered what is no JSON: ${text}`, { causedBy: error });
  }
}
