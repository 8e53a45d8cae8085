// SPDX-License-Identifier: LGPL-2.1-only
import { FLAT_IMAGE_ADDRESS } from '../../../src/machine/boot/flat_image.js';
import type { CompiledTierOptions } from '../../../src/machine/compiled/compiled_tier.js';
import { Pc } from '../../../src/machine/pc.js';
import { assemble } from '../../support/assembler.js';
import { coreModule } from '../../support/test_core.js';

const END = ['mov dx, 0xf4', 'mov eax, ebx', 'out dx, eax', 'hlt'];

/** How a guest has ended. */
export interface Ended {
  readonly pc: Pc;
  /** What must not depend on the tier. */
  readonly state: readonly unknown[];
}

/** A machine that is about to execute a flat guest. */
export async function machine(guest: Uint8Array, compiledTier?: CompiledTierOptions, processors = 1): Promise<Pc> {
  const pc = await Pc.create({
    coreModule: await coreModule(),
    memoryBytes: 16 << 20,
    processors,
    com1: () => {},
    com2: () => {},
    ...(compiledTier && { compiledTier }),
  });
  pc.boot({ kernel: { name: 'guest', bytes: guest }, modules: [], append: '' });
  return pc;
}

/** Runs a guest to its end. */
export async function run(guest: Uint8Array, compiledTier?: CompiledTierOptions, processors = 1): Promise<Ended> {
  const pc = await machine(guest, compiledTier, processors);
  const hashes: string[] = [];
  let end;
  while (end === undefined && pc.instructions < 3_000_000) {
    end = pc.runQuantum(() => true, 20_000);
    if (pc.instructions % 7 === 0) hashes.push(pc.briefHash());
  }
  return { pc, state: [end?.kind, end?.detail, pc.debugExit, pc.instructions, pc.stateHash(), ...hashes] };
}

/** A flat guest of these lines, which ends with EBX as its result. */
export const flat = (lines: readonly string[]): Uint8Array => assemble([...lines, ...END], 64, FLAT_IMAGE_ADDRESS);
