// SPDX-License-Identifier: LGPL-2.1-only
import { generalRegisterNames } from '../../src/machine/processor/register_names.js';
import { Outcome, register, type CaseResult, type InstructionCase } from './cases/instruction_case.js';
import { reconciled } from './cases/vector_state.js';

/** RFLAGS bits that are compared: status flags, TF, DF, NT, AC, ID. RF is set in the image of a fault or not by the kind of exception; IF is the system's. */
const comparedFlags = 0x244dd5;
const segmentNames = ['CS', 'SS', 'DS', 'ES', 'FS', 'GS'];

/** Bytes of an FXSAVE image that are compared: FCW FSW FTW, MXCSR, registers. FOP, FIP and FDP are not: AMD processors store them only with a pending exception. */
const comparedFx: readonly (readonly [number, number])[] = [
  [0, 5],
  [24, 28],
  ...Array.from({ length: 8 }, (_, i) => [32 + 16 * i, 42 + 16 * i] as const),
  [160, 416],
];

const hex = (value: number | bigint): string => `${value.toString(16)}h`;

/** Flags that the last instruction leaves undefined. An exception leaves all flags as they were, but which instruction raised it is not known. */
function undefinedAtEnd(testCase: InstructionCase): number {
  return testCase.instructions.at(-1)?.undefinedFlags ?? 0;
}

/** Null selectors with an RPL become 0 whenever the kernel returns to user mode. SDM 2A "IRET", "Operation": RETURN-TO-OUTER-PRIVILEGE-LEVEL. */
function shownSelector({ selectors }: CaseResult, index: number): number {
  const selector = selectors?.[index] ?? 0;
  return selector <= 3 ? 0 : selector;
}

/** What differs between the processor's result and the expected one: one line each, empty when they agree. */
export function differences(testCase: InstructionCase, native: CaseResult, core: CaseResult): string[] {
  const found: string[] = [];
  const compare = (what: string, expected: number | bigint, actual: number | bigint): void => {
    if (expected !== actual) found.push(`${what}: processor ${hex(expected)}, core ${hex(actual)}`);
  };
  compare('outcome (0 completed, 1 exception)', native.outcome, core.outcome);
  if (native.outcome === Outcome.Exception || core.outcome === Outcome.Exception) {
    compare('vector', native.vector, core.vector);
    compare('error code', native.errorCode, core.errorCode);
    if (native.vector === 14) compare('fault address', native.faultAddress, core.faultAddress);
  }
  compare('RIP', native.rip, core.rip);
  if (native.selectors || core.selectors)
    segmentNames.forEach((name, i) => compare(name, shownSelector(native, i), shownSelector(core, i)));
  for (let i = 0; i < 32; i++) {
    if (native.registers[i] !== core.registers[i]) {
      i >>= 1;
      compare(generalRegisterNames[i]!, register(native.registers, i), register(core.registers, i));
      i = 2 * i + 1;
    }
  }
  const flags = comparedFlags & ~undefinedAtEnd(testCase);
  compare('RFLAGS', native.rflags & flags, core.rflags & flags);
  if (
    native.changed.length !== core.changed.length ||
    native.changedOffset !== core.changedOffset ||
    (native.changed.length > 0 && Buffer.compare(native.changed, core.changed) !== 0)
  ) {
    found.push(`memory: processor ${changes(native)}, core ${changes(core)}`);
  }
  if (native.fx && core.fx && !isSameFx(native.fx, core.fx))
    found.push(
      ...fxDifferences(native.fx, reconciled(testCase.instructions.at(-1)?.semantics ?? '', native.fx, core.fx)),
    );
  return found;
}

/** True when all bytes that are compared are the same. */
function isSameFx(native: Uint8Array, core: Uint8Array): boolean {
  for (const [from, to] of comparedFx) for (let at = from; at < to; at++) if (native[at] !== core[at]) return false;
  return true;
}

function fxDifferences(native: Uint8Array, core: Uint8Array): string[] {
  const found: string[] = [];
  for (const [from, to] of comparedFx) {
    if (Buffer.compare(native.subarray(from, to), core.subarray(from, to)) === 0) continue;
    const step = from === 160 ? 16 : to - from;
    for (let at = from; at < to; at += step) {
      const expected = dump(native.subarray(at, at + step));
      const actual = dump(core.subarray(at, at + step));
      if (expected !== actual) found.push(`${fxName(at)}: processor ${expected}, core ${actual}`);
    }
  }
  return found;
}

function fxName(at: number): string {
  if (at === 0) return 'FCW FSW FTW';
  if (at === 24) return 'MXCSR';
  return at < 160 ? `ST${(at - 32) / 16}` : `XMM${(at - 160) / 16}`;
}

const dump = (bytes: Uint8Array): string =>
  [...bytes]
    .reverse()
    .map((byte) => byte.toString(16).padStart(2, '0'))
    .join('');

function changes(result: CaseResult): string {
  if (result.changed.length === 0) return 'unchanged';
  const bytes = [...result.changed.subarray(0, 32)].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
  return `+${hex(result.changedOffset)}: ${bytes}${result.changed.length > 32 ? ` … (${result.changed.length} bytes)` : ''}`;
}
