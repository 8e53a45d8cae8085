// SPDX-License-Identifier: LGPL-2.1-only
import { component } from '../../intrinsics/component.js';
import { Colour } from './colour.js';

/** Where the VMM's messages go: by default vCPU 0's debug ring, then the serial port. Writing never throws. */
export interface Output {
  write(text: string): void;
  /** To one vCPU's ring only, not to the serial port. */
  writeToVcpu(vcpuid: bigint, text: string): void;
}
export const Output = component<Output>('bareflank.Output', 'vmm');

// Free functions need a place to write to: the running VMM attaches itself here.
let attached: Output | undefined;
let target: bigint | undefined;

/** Makes `bfinfo` and the similar functions write to `output`. Returns the previous output, to be attached again. */
export function attachOutput(output: Output | undefined): Output | undefined {
  const before = attached;
  attached = output;
  return before;
}

/** While `body` runs, messages go to the ring of one vCPU only. */
export function outputToVcpu<T>(vcpuid: bigint, body: () => T): T {
  const before = target;
  target = vcpuid;
  try {
    return body();
  } finally {
    target = before;
  }
}

function write(text: string): void {
  try {
    if (target === undefined) attached?.write(text);
    else attached?.writeToVcpu(target, text);
  } catch {
    // A message that cannot be written must not take the VMM down.
  }
}

/** A message as a template, on its own line: bfdebug`cpuid count = ${count}`. */
export type Message = (strings: TemplateStringsArray, ...values: readonly unknown[]) => void;

function text(strings: TemplateStringsArray, values: readonly unknown[]): string {
  let result = strings[0]!;
  values.forEach((value, index) => (result += String(value) + strings[index + 1]!));
  return result;
}

function message(prefix: string, colour: string): Message {
  const start = prefix === '' ? '' : `\u001b[${colour}m${prefix}\u001b[${Colour.end}m`;
  return (strings, ...values) => write(`${start}${text(strings, values)}\n`);
}

/** A plain line. */
export const bfinfo = message('', '');
/** A line for developers. */
export const bfdebug = message('DEBUG: ', Colour.debug);
/** Something is odd, but the VMM goes on. */
export const bfwarning = message('WARNING: ', Colour.warning);
/** Something failed. */
export const bferror = message('ERROR: ', Colour.error);
/** The VMM, or one of its processors, cannot go on. */
export const bffatal = message('FATAL ERROR: ', Colour.error);
