// SPDX-License-Identifier: LGPL-2.1-only
import type { InstructionPlace } from '../../machine/report/instruction_place.js';
import type { PcEnd, ProcessorWhereabouts } from '../../machine/pc.js';
import type { TripleFault } from '../../machine/report/triple_fault.js';
import type { UndefinedOpcode } from '../../machine/report/undefined_opcode.js';
import type { Unimplemented } from '../../machine/report/unimplemented.js';
import { disassemble, type Disassembly } from './disassemble.js';

/** Adds the disassembled instruction to a place; null if no processor knows the bytes. */
type Disassembled<T> = T & { readonly text: string | null };

/** What is known about the instructions at which a machine died, as plain JSON values. */
export interface DeathPlaces {
  /** The instruction at RIP. */
  readonly instruction?: Disassembled<InstructionPlace>;
  /** The machine stopped because software asked for something that it does not do. */
  readonly unimplemented?: Unimplemented;
  /** The last opcode that the processor does not have; it raised #UD. */
  readonly undefinedOpcode?: Disassembled<UndefinedOpcode> & { readonly features: readonly string[] };
  /** The machine died of a triple fault: the exceptions that led to it. */
  readonly tripleFault?: TripleFault;
}

/** A death as `bfm` reports it. */
export interface DeathReport {
  /** Several lines: the reason, the processor's state, the instructions by name, and what to do. */
  readonly detail: string;
  readonly places: DeathPlaces;
}

/** Vector of #UD. */
const INVALID_OPCODE = 6;

type Place = Pick<InstructionPlace, 'bytes' | 'bits' | 'rip'>;

async function read(place: Place | undefined): Promise<Disassembly | undefined> {
  return place === undefined || place.bytes === '' ? undefined : disassemble(place.bytes, place.bits, place.rip);
}

/** UD0, UD1 and UD2 raise #UD on every processor. */
const isMeantToFault = ({ text }: Disassembly): boolean => /^ud[012]\b/.test(text);

/** False if the machine is known to have died of something other than #UD. */
const tookUndefined = ({ tripleFault }: PcEnd): boolean =>
  tripleFault === undefined || tripleFault.events[0]?.vector === INVALID_OPCODE;

const FATAL_EXCEPTION = 'no handler could be entered for an exception; see RIP, CR2 and the code there';

function adviceFor(
  end: PcEnd,
  underVmm: boolean,
  atRip: Disassembly | undefined,
  opcode: Disassembly | undefined,
): string[] {
  const { unimplemented, detail } = end;
  if (unimplemented !== undefined) return ['what to do: let the guest leave this off, or add it to src/machine'];
  if (end.tripleFault && tookUndefined(end) && atRip && isMeantToFault(atRip))
    return ['what to do: software executes UD2 to stop on purpose (Linux: BUG); see what it printed last'];
  if (end.undefinedOpcode !== undefined && tookUndefined(end)) {
    if (opcode === undefined)
      return ['what to do: no processor has this opcode in this mode; see how the guest came to execute these bytes'];
    return [
      `what to do: CPUID of this machine does not announce ${opcode.features.join(' and ')}; build the guest for a plain x86-64, or let it ask CPUID first`,
    ];
  }
  if (detail.startsWith('triple fault'))
    return [
      `what to do: ${FATAL_EXCEPTION}${underVmm ? '; run it with --start off to see whether it dies without the VMM too' : ''}`,
    ];
  return [];
}

/** What the guest printed last, under its own heading. */
function lastOutputLines(lines: readonly string[]): string[] {
  return lines.length === 0
    ? ['the guest printed nothing on its console']
    : ["last lines of the guest's console:", ...lines.map((line) => `  ${line}`)];
}

/** The state of a machine's processors when it was stopped, and what its guest printed last. */
export async function stopReport(
  processors: readonly ProcessorWhereabouts[],
  lastOutput: readonly string[],
): Promise<DeathReport> {
  const lines: string[] = [];
  let first: DeathPlaces = {};
  for (const { report, instruction } of processors) {
    const text = (await read(instruction))?.text ?? null;
    lines.push(report, ...(text === null ? [] : [`instruction at RIP: ${text}`]));
    if (first.instruction === undefined) first = { instruction: { ...instruction, text } };
  }
  return { detail: [...lines, ...lastOutputLines(lastOutput)].join('\n'), places: first };
}

/**
 * The report of a machine that died. It loads the disassembler, which no other run needs.
 * @param underVmm whether a VMM ran, which is then a suspect too.
 * @param lastOutput lines of the guest's console; without them the report leaves out the console.
 */
export async function deathReport(end: PcEnd, underVmm: boolean, lastOutput?: readonly string[]): Promise<DeathReport> {
  const { instruction, unimplemented, undefinedOpcode, tripleFault } = end;
  const [atRip, opcode] = [await read(instruction), await read(undefinedOpcode)];
  const lines = [
    end.detail,
    ...(atRip === undefined ? [] : [`instruction at RIP: ${atRip.text}`]),
    ...(opcode === undefined
      ? []
      : [`the opcode that it does not have: ${opcode.text} (${opcode.features.join(', ')})`]),
    ...(lastOutput === undefined ? [] : lastOutputLines(lastOutput)),
    ...adviceFor(end, underVmm, atRip, opcode),
  ];
  return {
    detail: lines.join('\n'),
    places: {
      ...(instruction && { instruction: { ...instruction, text: atRip?.text ?? null } }),
      ...(unimplemented && { unimplemented }),
      ...(undefinedOpcode && {
        undefinedOpcode: { ...undefinedOpcode, text: opcode?.text ?? null, features: opcode?.features ?? [] },
      }),
      ...(tripleFault && { tripleFault }),
    },
  };
}
