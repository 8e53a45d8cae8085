// SPDX-License-Identifier: LGPL-2.1-only
import { BareflankError } from '../../intrinsics/errors.js';
import { hex } from '../../intrinsics/texts/hex.js';
import type { Watchpoint } from '../../machine/debug/debugger_stop.js';
import type { Pc } from '../../machine/pc.js';
import { lastWrite, type WriteStop } from '../../session/debug/last_write.js';
import { groupedDigits } from '../../session/grouped_digits.js';
import { ownName } from '../failures/own_name.js';
import { firstRegisterWriter, lastRegisterWriter } from './last_register_writer.js';
import { toHex } from './hex_bytes.js';
import { isInPage, type WhoTarget, type WrittenBytes, type WrittenName } from './who_target.js';
import {
  failureLines,
  instructionText,
  writerFrames,
  type Beginning,
  type LastWriter,
  type WhoParts,
} from './writer_text.js';

/**
 * Finds who wrote memory or a register last before the present point. The run is somewhere else afterwards.
 *
 * @throws BareflankError for an address that leads to no memory, and for a processor that there is not
 */
export async function lastWriterOf(parts: WhoParts, target: WhoTarget): Promise<LastWriter> {
  const { pc } = parts;
  const { processor = parts.processor } = target;
  if (pc.processors[processor] === undefined)
    throw new BareflankError(
      `there is no processor ${processor}: the machine has ${pc.processors.length}, numbered from 0`,
    );
  const where = { ...parts, processor };
  switch (target.kind) {
    case 'memory':
      return lastMemoryWriter(where, target);
    case 'name': {
      const { lines, instructions } = await lastMemoryWriter(where, bytesOfName(pc, target));
      return { lines: [`${nameText(target)} at ${lines[0]!}`, ...lines.slice(1)], instructions };
    }
    default:
      return lastRegisterWriter(where, target);
  }
}

/** The address of a name. @param advice what the error says of other names that the caller takes. @throws BareflankError */
export function addressOfName(pc: Pc, name: string, advice = ''): bigint {
  const address = name === '' ? undefined : pc.symbols.own.addressOf(name);
  if (address !== undefined) return address;
  throw new BareflankError(
    `"${name.slice(0, 40)}" is no address and no name of the guest: wanted a number, as in 0xffffffff81000000, or a name that --symbols or the guest's kernel has${advice}`,
  );
}

/** A name as people type it. */
const nameText = ({ name, offset }: WrittenName): string => (offset === 0n ? name : `${name}+0x${offset.toString(16)}`);

/** @throws BareflankError */
function bytesOfName(pc: Pc, { name, offset, bytes }: WrittenName): WrittenBytes {
  const advice = `; ${ownName} describe vmcs and ${ownName} describe msr list the names of fields and MSRs`;
  const address = BigInt.asUintN(64, addressOfName(pc, name, advice) + offset);
  if (!isInPage(address, bytes))
    throw new BareflankError(`${name} is ${hex(address)} here: ${bytes} bytes from there are not within one page`);
  return { kind: 'memory', address, isPhysical: false, bytes };
}

async function lastMemoryWriter(
  { pc, debug, memory, processor, beginning }: WhoParts,
  { address, isPhysical, bytes }: WrittenBytes,
): Promise<LastWriter> {
  const physical = isPhysical ? address : memory.translate(processor, address);
  if (physical === undefined)
    throw new BareflankError(
      `${hex(address)}: processor ${processor} does not translate this linear address here; phys:ADDRESS names a physical one`,
    );
  pc.stops.check({ space: 'physical', address: physical, bytes, access: 'write' });
  const valueOf = (): string => toHex(memory.readPhysical(physical, bytes));
  const after = valueOf();
  const place = `${isPhysical ? `physical ${hex(physical)}` : `${hex(address)} (physical ${hex(physical)})`}, ${bytes} bytes`;
  const stop = await lastWrite(debug, physical, bytes);
  if (stop === undefined) {
    const lines = beginning && (await firstMemoryWriter(beginning, physical, bytes));
    if (lines === undefined)
      return { lines: [`${place}: nothing has written there since the recording began`], instructions: undefined };
    return { lines: [`${place}, now ${after}: ${lines[0]!}`, ...lines.slice(1)], instructions: 0 };
  }
  const { instructions, exitCount, virtualTime } = pc;
  const lines = [
    `${place}: last written by processor ${stop.processor}, ${await writerOf(pc, stop)}`,
    `  bytes before: ${valueOf()}, after: ${after}`,
    `  ${groupedDigits(instructions)} instructions of all processors before it, ${groupedDigits(exitCount)} VM exits, ${groupedDigits(virtualTime)} ns`,
    ...(stop.kind === 'machine' ? writerFrames(stop.trace).map((frame) => `  ${frame}`) : []),
  ];
  return { lines, instructions };
}

/**
 * Who wrote before the first instruction.
 *
 * @throws BareflankError if only page tables of the run can say where the address is
 */
export async function firstWriterOf(beginning: Beginning, target: WhoTarget): Promise<readonly string[] | undefined> {
  const { processor = 0 } = target;
  if (target.kind === 'field') return firstRegisterWriter(beginning, { processor, field: target.field });
  if (target.kind === 'msr') return firstRegisterWriter(beginning, { processor, msr: target.msr });
  if (target.kind === 'name')
    throw new BareflankError(
      `${target.name}: nothing has run that translates its address; phys:ADDRESS names a physical one`,
    );
  if (target.isPhysical) return firstMemoryWriter(beginning, target.address, target.bytes);
  throw new BareflankError(
    `${hex(target.address)}: nothing translates this linear address yet; phys:ADDRESS names a physical one`,
  );
}

async function firstMemoryWriter(
  beginning: Beginning,
  address: bigint,
  bytes: number,
): Promise<readonly string[] | undefined> {
  const watchpoint: Watchpoint = { space: 'physical', address, bytes, access: 'write' };
  const machines: Pc[] = [];
  const failure = await beginning((pc) => {
    machines.push(pc);
    pc.stops.set({ breakpoints: [], watchpoints: [watchpoint], exits: [] });
  });
  const stop = machines[0]?.stops.take();
  if (stop?.kind !== 'machine') return undefined;
  return [
    'last written before the first instruction, in TypeScript: the loader, the VMM or a device',
    ...writerFrames(stop.trace).map((frame) => `  ${frame}`),
    ...failureLines(failure),
  ];
}

async function writerOf(pc: Pc, stop: WriteStop): Promise<string> {
  if (stop.kind === 'machine') return 'in TypeScript: the VMM, the VMX engine or a device';
  const at = await instructionText(pc, stop.processor, stop.rip);
  return stop.kind === 'access' ? `at ${at}` : `in a page walk or another access of its own, at ${at}`;
}
