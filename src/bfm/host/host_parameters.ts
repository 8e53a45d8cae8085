// SPDX-License-Identifier: LGPL-2.1-only
import { isAbsolute } from 'node:path';
import { z } from 'zod';
import { flawsOf } from '../../driver/node/data_flaws.js';
import { LARGEST_PORT } from '../gdb/gdb_address.js';
import { CommandError } from './host_errors.js';
import { TYPE, type HostMethod, type HostRequests } from './host_protocol.js';

const number = z.string().regex(/^(0x[0-9a-f]+|\d+)$/i, 'expected a number as text');
const none = z.unknown();
const absolutePath = z.string().refine(isAbsolute, 'expected an absolute path');

/** The parameters of each method. */
const shapes: Readonly<Record<HostMethod, z.ZodType>> = {
  status: none,
  load: z.object({ files: z.array(z.string().min(1)), settings: z.record(z.string(), z.string()).optional() }),
  reload: z.object({ files: z.array(z.string().min(1)).optional() }),
  unload: none,
  start: none,
  stop: none,
  dump: z.object({ vcpuid: number }),
  vmcall: z.object({ cpuid: z.int(), registers: z.record(z.string(), number) }),
  vmcallData: z.object({ cpuid: z.int(), type: z.int(), data: z.base64() }),
  save: z.object({ path: absolutePath }),
  evaluate: z.object({ code: z.string(), session: z.string().optional() }),
  gdb: z.object({
    address: z
      .discriminatedUnion('kind', [
        z.object({ kind: z.literal('tcp'), port: z.int().min(0).max(LARGEST_PORT) }),
        z.object({ kind: z.literal('unix'), path: absolutePath }),
      ])
      .optional(),
  }),
  closeGdb: none,
  debug: none,
  memoryHash: none,
  remove: none,
};

function check(method: string, shape: z.ZodType, params: unknown): void {
  const { error } = shape.safeParse(params);
  if (error === undefined) return;
  const found = flawsOf(error, params, 'params');
  const advice = 'send a request as bfm does';
  throw new CommandError(`${method}: its parameters are invalid: ${found}; ${advice}`, { details: { found, advice } });
}

/** What a client types. @throws CommandError */
export function typedBytes(params: unknown): Uint8Array {
  check(TYPE, z.object({ data: z.base64() }), params);
  return Buffer.from((params as { data: string }).data, 'base64');
}

/**
 * The parameters of a request, checked. `bfm` sends good ones, but any program of the same user can open the socket.
 *
 * @throws CommandError that names what is wrong with them
 */
export function checkedParameters<M extends HostMethod>(method: M, params: unknown): HostRequests[M]['params'] {
  check(method, shapes[method], params);
  return params as HostRequests[M]['params'];
}
