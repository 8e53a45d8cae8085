// SPDX-License-Identifier: LGPL-2.1-only
import type { InstructionPlace } from '../../machine/report/instruction_place.js';
import type { PcEnd } from '../../machine/pc.js';
import type { ProcessorReport } from '../../machine/report/processor_report.js';
import { tripleFaultText, type TripleFault } from '../../machine/report/triple_fault.js';
import type { UndefinedOpcode } from '../../machine/report/undefined_opcode.js';
import type { Unimplemented } from '../../machine/report/unimplemented.js';
import { ownLines } from '../failures/problem.js';
import { branchLines, type ReportedBranch } from './branch_lines.js';
import { disassemble, type Disassembly } from './disassemble.js';
import { reportedExit, type ReportedExit } from '../../session/reported_exit.js';
import { exitLines } from './exit_lines.js';
import { explainDeath } from './likely_cause.js';
import { briefProcessorLines, processorLines } from './processor_lines.js';

/** Adds the disassembled instruction to a place; null if no processor knows the bytes. */
type Disassembled<T> = T & { readonly text: string | null };

/** A processor's part of the report, as plain JSON values. */
export interface ReportedProcessor extends Omit<ProcessorReport, 'lastExits' | 'instruction'> {
  readonly instruction: Disassembled<InstructionPlace>;
  readonly lastExits: readonly ReportedExit[];
}

/** What is known about a machine that died or was stopped, as plain JSON values. */
export interface DeathPlaces {
  readonly processors?: readonly ReportedProcessor[];
  /** The instruction at RIP of the processor that died; otherwise of the first one. */
  readonly instruction?: Disassembled<InstructionPlace>;
  /** Of a death: its likely cause, and what to try. */
  readonly cause?: string;
  readonly advice?: string;
  /** The machine stopped because software asked for something that it does not do. */
  readonly unimplemented?: Unimplemented;
  /** The last opcode that the processor does not have; it raised #UD. */
  readonly undefinedOpcode?: Disassembled<UndefinedOpcode> & { readonly features: readonly string[] };
  /** The machine died of a triple fault: the exceptions that led to it. */
  readonly tripleFault?: TripleFault;
  /** Of a recorded run: the last taken branches of the processor that died, oldest first. */
  readonly branches?: readonly ReportedBranch[];
}

/** A death as `bfm` reports it. */
export interface DeathReport {
  /** One screen: the reason and its likely cause, processors, page walk, the last exits, the guest's last lines, and what to try. */
  readonly detail: string;
  readonly places: DeathPlaces;
}

/** What a report is made from. */
export interface StoppedMachine {
  readonly processors: readonly ProcessorReport[];
  /** Names of contributions and exit handlers, as the VMM numbers them. */
  readonly handlers: readonly string[];
  /** Lines of the guest's console. Without them, the report leaves out the console. */
  readonly lastOutput?: readonly string[] | undefined;
  /** Of the processor that died, oldest first, if they are known. */
  readonly branches?: readonly ReportedBranch[] | undefined;
}

/** Lines of a screen. */
const SCREEN = 60;
/** The exits that are shown even if the screen becomes longer. */
const FEWEST_EXITS = 8;
const WIDTH = 120;
/** A screen has room for all registers of that many processors. */
const MOST_WHOLE = 2;

type Place = Pick<InstructionPlace, 'bytes' | 'bits' | 'rip'>;

async function read(place: Place | undefined): Promise<Disassembly | undefined> {
  return place === undefined || place.bytes === '' ? undefined : disassemble(place.bytes, place.bits, place.rip);
}

async function reported(report: ProcessorReport, handlers: readonly string[]): Promise<ReportedProcessor> {
  const { instruction, lastExits } = report;
  return {
    ...report,
    instruction: { ...instruction, text: (await read(instruction))?.text ?? null },
    lastExits: lastExits.map((exit) => reportedExit(exit, handlers)),
  };
}

/** What the guest printed last, under its own heading. */
function lastOutputLines(lines: readonly string[] | undefined): string[] {
  if (lines === undefined) return [];
  return lines.length === 0
    ? ['the guest printed nothing on its console']
    : ["last lines of the guest's console:", ...lines.map((line) => `  ${line}`)];
}

/** The parts of a screen before and after the exits, which take the room that is left. */
function screen(before: readonly string[], exits: readonly ReportedExit[], after: readonly string[]): string {
  // The heading and the line of columns come with the exits.
  const room = Math.max(SCREEN - before.length - after.length - 2, FEWEST_EXITS);
  return [...before, ...exitLines(exits, room), ...after].flatMap((line) => folded(line, WIDTH)).join('\n');
}

/** A line in pieces of at most `width` characters, cut between words where that is possible. */
function folded(line: string, width: number): string[] {
  const pieces: string[] = [];
  let rest = line;
  while (rest.length > width) {
    const space = rest.lastIndexOf(' ', width);
    const cut = space > width / 2 ? space : width;
    pieces.push(rest.slice(0, cut));
    rest = `  ${rest.slice(cut).trimStart()}`;
  }
  return [...pieces, rest];
}

/** The state of a machine that was stopped: the screen of Ctrl-C and of a time-out. */
export async function stopReport({ processors, handlers, lastOutput }: StoppedMachine): Promise<DeathReport> {
  const all = await Promise.all(processors.map((each) => reported(each, handlers)));
  const isBrief = processors.length > MOST_WHOLE;
  const lines = processors.flatMap((report, index) => {
    const { text } = all[index]!.instruction;
    return isBrief ? briefProcessorLines(report, text) : processorLines(report, text);
  });
  const exits = all.length === 1 ? all[0]!.lastExits : [];
  const perProcessor = all.length === 1 ? [] : all.flatMap(lastExitOf);
  if (isBrief)
    perProcessor.push('all registers, page walks and VM exits of each processor are in the report of --json');
  const places = { processors: all, ...(all[0] !== undefined && { instruction: all[0].instruction }) };
  return { detail: screen(lines, exits, [...perProcessor, ...lastOutputLines(lastOutput)]), places };
}

/** Of several processors, the screen has only the last exit of each. */
function lastExitOf({ processor, lastExits }: ReportedProcessor): string[] {
  const last = lastExits.at(-1);
  if (last === undefined) return [];
  return [
    `last VM exit of processor ${processor}: ${last.reason} at RIP ${last.rip}, ${last.handler ?? 'no handler'}: ${last.action}`,
  ];
}

/**
 * The report of a machine that died. It loads the disassembler, which no other run needs.
 * @param underVmm whether a VMM ran, which is then a suspect too.
 */
export async function deathReport(end: PcEnd, underVmm: boolean, machine: StoppedMachine): Promise<DeathReport> {
  const { unimplemented, undefinedOpcode, tripleFault } = end;
  const { processors, handlers, lastOutput, branches } = machine;
  const all = await Promise.all(processors.map((each) => reported(each, handlers)));
  const at = processors.findIndex(({ processor }) => processor === (end.processor ?? 0));
  const [report, dead] = [processors[at]!, all[at]!];
  const [atRip, opcode] = [await read(report.instruction), await read(undefinedOpcode)];
  const lastExit = dead.lastExits.at(-1);
  const { cause, advice } = explainDeath({
    end,
    report,
    lastExit,
    underVmm,
    atRip,
    opcode,
    lastOutput: lastOutput ?? [],
  });
  const others = all.filter((each) => each !== dead);
  const before = [
    ...ownLines(end.detail),
    ...(tripleFault === undefined ? [] : tripleFaultText(tripleFault)),
    `likely cause: ${cause}`,
    ...opcodeLines(undefinedOpcode, opcode),
    ...processorLines(report, atRip?.text ?? null),
    ...others.flatMap((each) => briefProcessorLines(processors[all.indexOf(each)]!, each.instruction.text)),
  ];
  const after = [...lastOutputLines(lastOutput), `what to try: ${advice}`];
  const way = branches === undefined ? [] : branchLines(report.processor, branches);
  return {
    detail: [screen(before, dead.lastExits, after), ...way].join('\n'),
    places: {
      processors: all,
      instruction: dead.instruction,
      cause,
      advice,
      ...(unimplemented && { unimplemented }),
      ...(undefinedOpcode && {
        undefinedOpcode: { ...undefinedOpcode, text: opcode?.text ?? null, features: opcode?.features ?? [] },
      }),
      ...(tripleFault && { tripleFault }),
      ...(branches && { branches }),
    },
  };
}

function opcodeLines(record: UndefinedOpcode | undefined, opcode: Disassembly | undefined): string[] {
  if (record === undefined) return [];
  const what = opcode === undefined ? record.bytes : `${opcode.text} (${opcode.features.join(', ')})`;
  return [`last opcode that this processor does not have, of ${record.count}: ${what} at ${record.rip}`];
}
