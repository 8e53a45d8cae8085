// SPDX-License-Identifier: LGPL-2.1-only
import { Efer } from '../../intrinsics/registers/registers.js';
import { VmcsField } from '../../intrinsics/vmcs/vmcs_fields.js';
import { VmcallError } from '../errors.js';
import type { Exit } from '../exit/exit.js';
import type { VmcallRegisters } from '../exit/vmcall_registers.js';
import type { GuestAccess, GuestMemory } from '../memory_manager/guest_memory.js';
import type { Sizes } from '../sizes.js';
import { hex } from '../support/text.js';
import { isUserMode } from './vmcall_callers.js';

/** What an exchange of data needs. */
interface DataContext {
  readonly exit: Exit;
  readonly guestMemory: GuestMemory;
  readonly sizes: Sizes;
}

/** @throws VmcallError for an answer that JSON cannot express: a function, a bigint, a circle. */
export function jsonOf(answer: unknown): string {
  let reason: string = typeof answer;
  try {
    const text = JSON.stringify(answer) as string | undefined;
    if (text !== undefined) return text;
  } catch (error) {
    reason = error instanceof Error ? error.message : String(error);
  }
  throw new VmcallError(`the handler of a JSON command returned a value that is not JSON (${reason})`);
}

/** Reads the in buffer of VMCALL_DATA, lets `handle` answer, and writes the out buffer. @throws VmcallError, MemoryManagerError; then nothing stays mapped */
export function exchangeData(
  { exit, guestMemory, sizes }: DataContext,
  registers: VmcallRegisters,
  handle: (type: number, data: Uint8Array) => Uint8Array,
): void {
  const { vmcs } = exit;
  checkData(exit, sizes, registers);
  const cr3 = vmcs.read(VmcsField.GuestCr3);
  const pat = vmcs.read(VmcsField.GuestIa32Pat);
  // The VMM must not do for user mode what user mode's page table forbids.
  const access = (what: 'read' | 'write'): GuestAccess | undefined => (isUserMode(exit) ? `user ${what}` : undefined);
  const input = guestMemory.mapVirtual(registers.r05, cr3, Number(registers.r06), pat, access('read'));
  try {
    const output = guestMemory.mapVirtual(registers.r08, cr3, Number(registers.r09), pat, access('write'));
    try {
      const answer = handle(Number(registers.r04), input.read());
      if (answer.length > output.size) {
        throw new VmcallError(`an answer of ${answer.length} bytes does not fit into the out buffer of ${output.size}`);
      }
      output.write(answer);
      registers.r07 = registers.r04;
      registers.r09 = BigInt(answer.length);
    } finally {
      output.release();
    }
  } finally {
    input.release();
  }
}

function checkData(exit: Exit, sizes: Sizes, registers: VmcallRegisters): void {
  checkBuffer('in', registers.r05, registers.r06, sizes.vmcallInBuffer);
  checkBuffer('out', registers.r08, registers.r09, sizes.vmcallOutBuffer);
  if (registers.r09 < registers.r06) {
    throw new VmcallError(`the out buffer of ${registers.r09} bytes is smaller than the in buffer of ${registers.r06}`);
  }
  if ((exit.vmcs.readLow(VmcsField.GuestIa32Efer) & Efer.Lma) === 0) {
    throw new VmcallError('a VMCALL with data needs a guest in IA-32e mode, because its addresses use 4-level paging');
  }
}

function checkBuffer(name: string, address: bigint, size: bigint, limit: number): void {
  if (address === 0n || size === 0n)
    throw new VmcallError(`the ${name} buffer has address ${hex(address)} and size ${size}; neither may be 0`);
  if (size > BigInt(limit)) throw new VmcallError(`the ${name} buffer has ${size} bytes; at most ${limit}`);
}
