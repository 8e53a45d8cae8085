// SPDX-License-Identifier: LGPL-2.1-only
// A machine's state without its memory and its disks, as JSON. Bytes are text in base 64. All of it comes from outside, so all of it is checked.
import { z } from 'zod';
import { flawsOf } from '../../driver/node/data_flaws.js';
import { Constants } from '../../machine/layout/core_constants.js';
import { Sizes } from '../../machine/layout/regions.js';
import { EXIT_HISTORY_WORDS } from '../../machine/processor/exit_history.js';
import { exitReasons } from '../../machine/processor/processor_counters.js';
import type { MachineState } from '../../machine/state/machine_state.js';
import type { ProcessorState } from '../../machine/state/processor_snapshot.js';
import { reportRecordBytes } from '../../machine/state/report_records.js';
import { TLB_PLACES, type TlbSetState } from '../../machine/state/tlb_snapshot.js';
import { slotCount } from '../../machine/vmx/vmcs/field_slots.js';

/** What the section "machine" has. */
export type MachinePart = Pick<MachineState, 'processors' | 'devices' | 'scheduler' | 'records' | 'debugExit'>;

type View = { readonly buffer: ArrayBufferLike; readonly byteOffset: number; readonly byteLength: number };

const toText = ({ buffer, byteOffset, byteLength }: View): string =>
  Buffer.from(buffer, byteOffset, byteLength).toString('base64');

/** Text in base 64, as an array of its own. @param fits of its number of bytes */
function bytes<T>(fits: (length: number) => boolean, make: (buffer: ArrayBuffer) => T): z.ZodType<T> {
  return z.base64().transform((text, context) => {
    const { buffer } = Uint8Array.from(Buffer.from(text, 'base64'));
    if (fits(buffer.byteLength)) return make(buffer);
    context.addIssue(`${buffer.byteLength} bytes have the wrong length`);
    return z.NEVER;
  });
}

const exactly =
  (wanted: number) =>
  (length: number): boolean =>
    length === wanted;
const upTo =
  (size: number, most: number) =>
  (length: number): boolean =>
    length % size === 0 && length <= size * most;

const bytes8 = (length: number) => bytes(exactly(length), (buffer) => new Uint8Array(buffer));

const tlbSet = z
  .strictObject({
    places: bytes(upTo(2, TLB_PLACES), (buffer) => new Uint16Array(buffer)),
    linear: bytes(upTo(8, TLB_PLACES), (buffer) => new BigUint64Array(buffer)),
    frames: bytes(upTo(4, TLB_PLACES), (buffer) => new Uint32Array(buffer)),
    writable: bytes(upTo(1, TLB_PLACES), (buffer) => new Uint8Array(buffer)),
    flags: bytes(upTo(1, TLB_PLACES), (buffer) => new Uint8Array(buffer)),
    log: bytes(upTo(2, Constants.TLB_LOG_ENTRIES), (buffer) => new Uint16Array(buffer)),
  })
  .refine(isTlbSet, 'the entries of a TLB do not fit together');

/** Each place is a place, once, and the one that its linear page has. */
function isTlbSet({ places, linear, frames, writable, flags, log }: TlbSetState): boolean {
  const { length } = places;
  return (
    [linear, frames, writable, flags].every((each) => each.length === length) &&
    places.every((place, i) => {
      const index = Number(linear[i]! % BigInt(Constants.TLB_ENTRIES));
      return place < TLB_PLACES && place % Constants.TLB_ENTRIES === index && (i === 0 || place > places[i - 1]!);
    }) &&
    linear.every((page) => page < 1n << 52n) &&
    log.every((place) => place < TLB_PLACES)
  );
}

const processor: z.ZodType<ProcessorState, unknown> = z.strictObject({
  block: bytes8(Sizes.PROCESSOR),
  msrs: bytes(upTo(8, Sizes.MSR_TABLE), (buffer) => new BigUint64Array(buffer)),
  tlbs: z.tuple([tlbSet, tlbSet]),
  vmx: z.strictObject({
    halves: bytes(exactly(8 * slotCount), (buffer) => new Uint32Array(buffer)),
    instruction: bytes(exactly(16), (buffer) => new Int32Array(buffer)),
    changes: bytes8(slotCount),
  }),
  exits: bytes(exactly(4 * exitReasons), (buffer) => new Uint32Array(buffer)),
  exitsHandled: z.int(),
  isCutAtExit: z.boolean(),
  history: bytes(exactly(4 * EXIT_HISTORY_WORDS), (buffer) => new Int32Array(buffer)),
  death: z.string().nullable(),
  hasDriverPages: z.boolean(),
}) as z.ZodType<ProcessorState, unknown>;

const time = z.number().min(0).max(Number.MAX_SAFE_INTEGER);
const part: z.ZodType<MachinePart, unknown> = z.strictObject({
  processors: z.array(processor).min(1).max(Sizes.MAX_PROCESSORS),
  devices: z.record(z.string(), z.looseObject({})),
  scheduler: z.strictObject({
    time,
    begun: z.int().min(0),
    allSleep: z.boolean(),
    plan: z
      .tuple([
        z
          .int()
          .min(0)
          .max(Sizes.MAX_PROCESSORS - 1),
        z.number(),
      ])
      .nullable(),
    slept: z.array(time),
    idle: z.array(z.boolean()),
    pauses: z.array(z.boolean()),
  }),
  records: z.tuple(reportRecordBytes.map(bytes8) as [z.ZodType<Uint8Array>, ...z.ZodType<Uint8Array>[]]),
  debugExit: z.number().nullable(),
}) as z.ZodType<MachinePart, unknown>;

export function machinePartText({ processors, devices, scheduler, records, debugExit }: MachinePart): string {
  return JSON.stringify({ processors, devices, scheduler, records, debugExit }, (_, value: unknown) =>
    ArrayBuffer.isView(value) ? toText(value) : value,
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error('its machine is no JSON');
  }
}

/** @throws Error that says what is wrong */
export function parseMachinePart(text: string, processors: number): MachinePart {
  const value = parsed(text);
  const { data, error } = part.safeParse(value);
  if (error !== undefined) throw new Error(`its machine has another form: ${flawsOf(error, value, 'the whole')}`);
  const { slept, idle, pauses, plan } = data.scheduler;
  const lengths = [data.processors, slept, idle, pauses].map(({ length }) => length);
  if (lengths.some((length) => length !== processors) || (plan !== null && plan[0] >= processors))
    throw new Error(`it has the state of ${lengths.join(', ')} processors instead of ${processors}`);
  return data;
}
