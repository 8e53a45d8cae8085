// SPDX-License-Identifier: LGPL-2.1-only
import { BitAccessor } from '../../intrinsics/accessors/bit_accessor.js';
import { BitsAccessor } from '../../intrinsics/accessors/bits_accessor.js';
import { ControlBitAccessor } from '../../intrinsics/accessors/control_bit_accessor.js';

/** A function that may be on the stack. */
export type StackFunction = (...values: never[]) => unknown;

/** V8 has this, and other engines may lack it: the stack from the caller of a function on; no frame if the function is not on the stack. */
type CaptureStackTrace = (target: { stack?: string }, below: StackFunction) => void;

const framesShown = 3;

/** The methods of a class by these names. */
export function methodsOf<T extends object>(prototype: T, ...names: readonly (keyof T)[]): StackFunction[] {
  return names.map((name) => prototype[name] as StackFunction);
}

/** Methods of accessors that write. Those that call others come before them. */
const accessorMethods: readonly StackFunction[] = [
  ...methodsOf(BitAccessor.prototype, 'enableIfExists', 'disableIfExists'),
  ...methodsOf(BitsAccessor.prototype, 'setIfExists'),
  ...methodsOf(BitAccessor.prototype, 'enable', 'disable'),
  ...methodsOf(ControlBitAccessor.prototype, 'enableIfAllowed', 'disableIfAllowed'),
  ...methodsOf(BitsAccessor.prototype, 'set'),
];

/** The lines of a stack without its head. */
const framesOf = (stack: string | undefined): string[] => (stack ?? '').split('\n').slice(1);

/** The first frames below which `method` is on the stack; none if it is not. */
function framesBeyond(capture: CaptureStackTrace, method: StackFunction): string[] {
  const target: { stack?: string } = {};
  capture(target, method);
  return framesOf(target.stack);
}

/**
 * The writer of a field: the stack frames from the caller of the access method on.
 *
 * @param access the methods of the caller through which a write may come; those that call others come before them.
 */
export function writePlace(access: readonly StackFunction[]): string {
  const { captureStackTrace } = Error as { captureStackTrace?: CaptureStackTrace };
  const limited = Error as { stackTraceLimit?: number | undefined };
  const limit = limited.stackTraceLimit;
  limited.stackTraceLimit = framesShown;
  try {
    let frames: string[] = [];
    if (captureStackTrace === undefined) frames = framesOf(new Error().stack);
    else
      for (const method of [...accessorMethods, ...access]) {
        frames = framesBeyond(captureStackTrace, method);
        if (frames.length > 0) break;
      }
    return frames.map((line) => line.trim().replace(/^at /, '')).join('\n        at ');
  } finally {
    limited.stackTraceLimit = limit;
  }
}
