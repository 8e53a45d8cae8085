// SPDX-License-Identifier: LGPL-2.1-only
// The state of the VMM and its driver, as JSON. It comes from outside: its shape is checked here. What a field may hold, only its part knows.
import { z } from 'zod';
import { flawsOf } from '../../driver/node/data_flaws.js';
import { plainDataFromText, plainDataToText } from '../../driver/plain_data_text.js';
import { SAVED_DRIVER_VERSION, type SavedDriver } from '../../driver/saved_driver.js';

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'expected a SHA-256 digest');
const partStates = z.record(z.string(), z.record(z.string(), z.unknown()));
const reports = z.record(z.string(), z.record(z.string(), z.union([z.string(), z.number(), z.bigint()])));

const part = z.strictObject({
  version: z.literal(SAVED_DRIVER_VERSION),
  isRunning: z.boolean(),
  modules: z.array(z.strictObject({ file: z.string().max(4096), hash: sha256 })).max(1024),
  settings: z.record(z.string(), z.string()),
  loadSeed: z.number(),
  traceVmcs: z.boolean(),
  handlerNames: z.array(z.string()),
  lastReports: reports,
  image: z.strictObject({ vmm: partStates, vcpus: z.map(z.bigint(), partStates) }).or(z.undefined()),
});

/** What the section "vmm" has. */
export const vmmPartText = (driver: SavedDriver): string => plainDataToText(driver);

/** @throws Error that says what is wrong */
export function parseVmmPart(text: string, processors: number): SavedDriver {
  const value = plainDataFromText(text);
  const { data, error } = part.safeParse(value);
  if (error !== undefined) throw new Error(`its VMM has another form: ${flawsOf(error, value, 'the whole')}`);
  const vcpus = [...(data.image?.vcpus.keys() ?? [])];
  const wanted = Array.from({ length: processors }, (_, id) => BigInt(id));
  if (data.isRunning && wanted.some((id) => !vcpus.includes(id)))
    throw new Error(
      `the VMM runs on ${processors} processors, and has the state of vcpus ${vcpus.join(', ') || 'none'}`,
    );
  return data;
}
