// SPDX-License-Identifier: LGPL-2.1-only
import { OrcRegister, type OrcEntry, type OrcTables } from './orc_tables.js';
import { KERNEL_HALF } from './symbol_table.js';

/** Where a processor is in the kernel. */
export interface KernelPlace {
  readonly rip: bigint;
  readonly rsp: bigint;
  readonly rbp: bigint;
}

/** Reads 8 bytes of the processor's address space; undefined if there are none. */
export type ReadWord = (address: bigint) => bigint | undefined;

/** A place, and whether the next instruction is there: a return address is behind the call. */
interface Frame extends KernelPlace {
  readonly isNext: boolean;
}

/** Of the registers that an entry of the kernel saves (struct pt_regs). */
const Saved = { rbp: 32n, rip: 128n, cs: 136n, rsp: 152n } as const;
const PRIVILEGE = 3n;

/** The registers at an address, if the kernel was interrupted. @param hasAll or only what IRET takes */
function interrupted(at: bigint, read: ReadWord, rbp: bigint, hasAll: boolean): Omit<Frame, 'isNext'> | undefined {
  const [cs, rip, rsp] = [read(at + Saved.cs), read(at + Saved.rip), read(at + Saved.rsp)];
  if (cs === undefined || rip === undefined || rsp === undefined || (cs & PRIVILEGE) !== 0n) return undefined;
  return { rip, rsp, rbp: (hasAll ? read(at + Saved.rbp) : undefined) ?? rbp };
}

/** The stack pointer from which an entry counts. */
function stackOf({ stackRegister, stackOffset }: OrcEntry, { rsp, rbp }: Frame, read: ReadWord): bigint | undefined {
  const offset = BigInt(stackOffset);
  switch (stackRegister) {
    case OrcRegister.StackPointer:
      return rsp + offset;
    case OrcRegister.BasePointer:
      return rbp + offset;
    case OrcRegister.BasePointerIndirect:
      return read(rbp + offset);
    case OrcRegister.StackPointerIndirect: {
      const stack = read(rsp);
      return stack === undefined ? undefined : stack + offset;
    }
    default:
      // Nobody has called, or a register counts that is not kept.
      return undefined;
  }
}

function callerOf(entry: OrcEntry, frame: Frame, read: ReadWord): Frame | undefined {
  const stack = stackOf(entry, frame, read);
  if (stack === undefined) return undefined;
  const { baseRegister, baseOffset } = entry;
  const from = baseRegister === OrcRegister.PreviousStackPointer ? stack : frame.rbp;
  const isSaved = baseRegister !== OrcRegister.Undefined;
  const rbp = isSaved ? (read(from + BigInt(baseOffset)) ?? frame.rbp) : frame.rbp;
  switch (entry.kind) {
    case 'call': {
      const rip = read(stack - 8n);
      return rip === undefined ? undefined : { rip, rsp: stack, rbp, isNext: false };
    }
    case 'registers': {
      const place = interrupted(stack, read, rbp, !isSaved);
      return place && { ...place, isNext: true };
    }
    case 'interrupt frame': {
      const place = interrupted(stack - Saved.rip, read, rbp, false);
      return place && { ...place, isNext: true };
    }
    default:
      return undefined;
  }
}

/**
 * Who has called what a processor executes in a Linux kernel, the last caller first: addresses within the calls. The list ends where the kernel was entered
 * from a process, where a thread of the kernel begins, and in code without tables, such as that of modules.
 *
 * @param most callers
 */
export function orcCallers(tables: OrcTables, place: KernelPlace, read: ReadWord, most: number): bigint[] {
  const callers: bigint[] = [];
  let frame: Frame | undefined = { ...place, isNext: true };
  while (callers.length < most) {
    const entry: OrcEntry | undefined = tables.find(frame.isNext ? frame.rip : frame.rip - 1n);
    frame = entry && callerOf(entry, frame, read);
    if (frame === undefined || frame.rip < KERNEL_HALF) break;
    callers.push(frame.isNext ? frame.rip : frame.rip - 1n);
  }
  return callers;
}
