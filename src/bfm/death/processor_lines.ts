// SPDX-License-Identifier: LGPL-2.1-only
import type { ProcessorReport } from '../../machine/report/processor_report.js';
import { staleLines, type CheckedWalk } from '../../machine/report/stale_translations.js';
import { generalRegisterNames } from '../../machine/processor/register_names.js';

const PER_ROW = 4;

const quad = (value: string | undefined): string =>
  BigInt(value ?? 0)
    .toString(16)
    .padStart(16, '0');
const digits = (value: string | undefined): string => BigInt(value ?? 0).toString(16);

/** The heading of a processor's part of the screen. */
function heading({ processor, mode, vmx, cpl, instructions, isInHandler, activity }: ProcessorReport): string {
  const place = isInHandler ? 'guest at the VM exit that the VMM was handling' : vmx;
  const state = activity === 'active' || isInHandler ? '' : `, ${activity}`;
  return `processor ${processor}, ${mode}, ${place}, CPL ${cpl}${state}, after ${instructions} instructions`;
}

function instructionLines(report: ProcessorReport, text: string | null): string[] {
  const { instruction, symbol, noSymbols, stack = [] } = report;
  const place = symbol === undefined ? [] : [`symbol at RIP: ${symbol}`];
  if (noSymbols !== undefined) place.push(`no symbol at RIP: ${noSymbols}; --symbols FILE gives names`);
  return [...place, ...codeLines(instruction, text), ...stackLines(stack)];
}

/** The innermost call first. */
function stackLines(stack: NonNullable<ProcessorReport['stack']>): string[] {
  if (stack.length === 0) return [];
  const lines = stack.map(({ address, symbol }) => `  ${address} ${symbol}`);
  return ['return addresses on the stack, old ones perhaps among them:', ...lines];
}

function codeLines(instruction: ProcessorReport['instruction'], text: string | null): string[] {
  const code = instruction.bytes === '' ? 'no memory at RIP' : `code at RIP: ${instruction.bytes}`;
  return text === null ? [code] : [code, `instruction at RIP: ${text}`];
}

/** RIP and flags, the general registers, control registers and tables. */
function registerLines({ registers }: ProcessorReport): string[] {
  const rows: string[] = [];
  for (let first = 0; first < generalRegisterNames.length; first += PER_ROW) {
    const row = generalRegisterNames.slice(first, first + PER_ROW);
    rows.push(row.map((name) => `${name.padEnd(3)} ${quad(registers[name])}`).join('  '));
  }
  const table = (name: string): string =>
    `${name} ${quad(registers[`${name}.base`])} limit ${digits(registers[`${name}.limit`])}`;
  return [
    `RIP ${quad(registers.RIP)}  RFL ${quad(registers.RFLAGS)}  CS ${digits(registers.CS)}  SS ${digits(registers.SS)}`,
    ...rows,
    ['CR0', 'CR2', 'CR3', 'CR4'].map((name) => `${name} ${quad(registers[name])}`).join('  '),
    `${table('GDTR')}  ${table('IDTR')}  EFER ${digits(registers.EFER)}`,
  ];
}

/** Level by level: each entry, where the walk ended, and what EPT made of the address. */
export function walkLines({
  linear,
  of,
  paging,
  cr3,
  steps,
  stop,
  guestPhysical,
  ept,
  physical,
  stale = [],
}: CheckedWalk & { readonly of: string }): string[] {
  const lines = [`page walk of ${linear} (${of}), ${paging}, CR3 ${cr3}:`, ...steps.map(({ text }) => `  ${text}`)];
  if (ept !== undefined)
    lines.push(
      `  guest-physical ${ept.guestPhysical} by EPT pointer ${ept.pointer}:`,
      ...ept.steps.map(({ text }) => `    ${text}`),
    );
  if (stop !== null) lines.push(`  the walk ends: ${stop}`);
  else if (ept === undefined) lines.push(`  physical ${physical!}`);
  else lines.push(`  guest-physical ${guestPhysical!}, physical ${physical!}`);
  return [...lines, ...staleLines(stale).map((line) => `  ${line}`)];
}

/** All about a processor. One that waits for a start-up IPI has no walk, and is at no instruction. @param text of the instruction at RIP */
export function processorLines(report: ProcessorReport, text: string | null): string[] {
  const lines = [heading(report), ...registerLines(report)];
  return report.walk === undefined ? lines : [...lines, ...instructionLines(report, text), ...walkLines(report.walk)];
}

/** A processor in two or three lines, for a screen with several of them. */
export function briefProcessorLines(report: ProcessorReport, text: string | null): string[] {
  const { registers, instruction, walk, symbol } = report;
  const code = instruction.bytes === '' ? 'no memory at RIP' : (text ?? `code ${instruction.bytes}`);
  return [
    heading(report),
    `RIP ${quad(registers.RIP)}  RSP ${quad(registers.RSP)}  CR3 ${quad(registers.CR3)}  RFL ${digits(registers.RFLAGS)}`,
    ...(walk === undefined ? [] : [`instruction at RIP: ${code}${symbol === undefined ? '' : `, in ${symbol}`}`]),
  ];
}
