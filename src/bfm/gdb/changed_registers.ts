// SPDX-License-Identifier: LGPL-2.1-only
import { hex } from '../../intrinsics/texts/hex.js';
import type { Refusal } from '../../machine/debug/register_writes.js';
import type { LogicalProcessor } from '../../machine/processor/logical_processor.js';
import type { GdbRegister } from './gdb_register.js';

/** A register, and the value that is wanted in it. */
export interface ChangedRegister {
  readonly register: GdbRegister;
  readonly value: bigint;
}

/** Writes a register, or nothing if it would get another value. */
function changeOne(processor: LogicalProcessor, { register, value }: ChangedRegister): Refusal {
  const { name, read, write } = register;
  if (typeof write === 'string') return `${name} cannot be written: ${write}`;
  const before = read(processor);
  const refusal = write(processor, value);
  if (refusal !== undefined) return `${name} cannot be ${hex(value)}: ${refusal}`;
  const now = read(processor);
  if (now === value) return undefined;
  write(processor, before);
  return `${name} cannot be ${hex(value)}: it would become ${hex(now)}`;
}

/** What gives a register back what it has now. */
function restorer(processor: LogicalProcessor, register: GdbRegister): () => void {
  if (register.keep !== undefined) return register.keep(processor);
  const value = register.read(processor);
  return () => changeOne(processor, { register, value });
}

/**
 * Gives registers of a processor other values: all of them, or none. Those that already have their value are left alone. An order in which the processor
 * takes them is looked for, since CR0, CR4 and EFER depend on each other. Precondition: the processor is loaded.
 */
export function changeRegisters(processor: LogicalProcessor, wanted: readonly ChangedRegister[]): Refusal {
  const undo: (() => void)[] = [];
  let left = wanted.filter(({ register, value }) => register.read(processor) !== value);
  while (left.length > 0) {
    let refusal: Refusal;
    const refused = left.filter((each) => {
      const back = restorer(processor, each.register);
      const why = changeOne(processor, each);
      if (why === undefined) undo.unshift(back);
      else refusal ??= why;
      return why !== undefined;
    });
    if (refused.length === left.length) {
      // Back through the states that the processor has just been in.
      for (const back of undo) back();
      return refusal;
    }
    left = refused;
  }
  return undefined;
}
