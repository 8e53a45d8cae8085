// SPDX-License-Identifier: LGPL-2.1-only
import { registerNumbers } from '../../../src/intrinsics/vmx/exit_information.js';
import { addressOf, Outcome, type CaseResult, type InstructionCase } from '../cases/instruction_case.js';
import { MemoryMap } from '../cases/memory_map.js';
import { probeHost } from './host_probe.js';
import type { HostQuirks } from './host_quirks.js';
import { NoReferenceError } from './no_reference_error.js';
import { probeCase } from './probe_case.js';
import { processorName, type ProcessorName } from './processor_name.js';
import type { ReferenceProcessor } from './reference_processor.js';

const { rsi } = registerNumbers;

/** A processor to compare with, and what is known of it. */
export interface Host {
  readonly reference: ReferenceProcessor;
  readonly name: ProcessorName;
  readonly quirks: HostQuirks;
}

/** Emulators by what their CPUID says in place of a processor's name or a hypervisor's. */
const emulators: readonly (readonly [RegExp, string])[] = [
  [/^TCGTCGTCGTCG$/, 'QEMU without KVM'],
  [/^FEXIFEXIEMU/, 'FEX-Emu'],
  [/^VirtualApple/, 'Rosetta 2'],
  [/\bBox64\b/i, 'Box64'],
  [/\bBochs\b/i, 'Bochs'],
];

/** A case whose result is the same on every x86-64 processor. */
interface KnownAnswer {
  readonly what: string;
  readonly testCase: InstructionCase;
  readonly answer: Partial<CaseResult>;
}

const exception = (vector: number): Partial<CaseResult> => ({
  outcome: Outcome.Exception,
  vector,
  errorCode: 0,
});
const readOnly = MemoryMap.data + MemoryMap.writableBytes;
const unmapped = MemoryMap.data - 0x1000;

/** Exceptions as a signal frame of Linux shows them; some systems that run Linux programs leave them out. */
const knownAnswers: readonly KnownAnswer[] = [
  { what: 'DIV by 0', testCase: probeCase('DIV', [0xf6, 0xf4]), answer: exception(0) },
  { what: 'INT3', testCase: probeCase('INT3', [0xcc]), answer: exception(3) },
  { what: 'UD2', testCase: probeCase('UD2', [0x0f, 0x0b]), answer: exception(6) },
  {
    what: 'a read of an address that is not canonical',
    testCase: probeCase('MOV', [0x8a, 0x06], { [rsi]: 0x800000000000n }),
    answer: exception(13),
  },
  {
    what: 'a read of a page that is not there',
    testCase: probeCase('MOV', [0x8a, 0x06], { [rsi]: unmapped }),
    answer: { ...exception(14), errorCode: 4, faultAddress: BigInt(unmapped) },
  },
  {
    what: 'a write to a read-only page',
    testCase: probeCase('MOV', [0x88, 0x06], { [rsi]: readOnly }),
    answer: { ...exception(14), errorCode: 7, faultAddress: BigInt(readOnly) },
  },
  {
    what: 'ADD AL, 1',
    testCase: probeCase('ADD', [0x04, 0x01]),
    answer: { outcome: Outcome.Completed, rip: addressOf(probeCase('ADD', [0x04, 0x01]), 1) },
  },
];

function wrongAnswer(reference: ReferenceProcessor, answers: readonly KnownAnswer[], seed: number): string | undefined {
  const cases = answers.map(({ testCase }) => testCase);
  // the first run brings in pages; the second one counts
  const results = reference.run([...cases, ...cases], seed).slice(cases.length);
  for (const [i, { what, answer }] of answers.entries())
    for (const field of Object.keys(answer) as (keyof CaseResult)[])
      if (results[i]![field] !== answer[field])
        return `${what} shows ${field} ${String(results[i]![field])}, not ${String(answer[field])}`;
  return undefined;
}

/**
 * Finds a processor to compare with, and what its host shows.
 * @param build makes the reference.
 * @throws NoReferenceError when there is none: no x86-64, no compiler, an emulator, a system that hides exceptions, a host of an unknown kind.
 */
export function findHost(build: () => ReferenceProcessor, seed: number): Host {
  const reference = build();
  const name = processorName(reference, seed);
  for (const [pattern, emulator] of emulators)
    if (pattern.test(name.hypervisor) || pattern.test(name.brand))
      throw new NoReferenceError(`this machine's processor is an emulator (${emulator})`);
  const wrong = wrongAnswer(reference, knownAnswers, seed);
  if (wrong !== undefined)
    throw new NoReferenceError(`this system does not show exceptions as Linux on a processor does: ${wrong}`);
  return { reference, name, quirks: probeHost(reference, name.vendor, seed) };
}

/** 32-bit code in an LDT segment: UD2. */
const segmentedAnswer: KnownAnswer = {
  what: 'UD2 in 32-bit code',
  testCase: probeCase('UD2', [0x0f, 0x0b], {}, { segments: { cs: 0xf, ss: 0x57, ds: 0x57, es: 0x57 } }),
  answer: { ...exception(6), rip: BigInt(MemoryMap.slotStart) },
};

/**
 * Checks that a host has 16- and 32-bit code.
 * @throws NoReferenceError when its kernel has no LDT (modify_ldt), as one without CONFIG_MODIFY_LDT_SYSCALL, or shows something else there.
 */
export function checkSegments({ reference }: Pick<Host, 'reference'>, seed: number): void {
  const wrong = wrongAnswer(reference, [segmentedAnswer], seed);
  if (wrong !== undefined) throw new NoReferenceError(`this system has no 16- and 32-bit code in an LDT: ${wrong}`);
}

/**
 * What `find` finds, or undefined after one line that says why there is no reference.
 * @param ci the environment variable CI: 'true' makes a missing reference an error.
 */
export function referenceOrSkip<T>(
  find: () => T,
  ci = process.env['CI'],
  print: (line: string) => void = (line) => process.stderr.write(line),
): T | undefined {
  try {
    return find();
  } catch (error) {
    if (!(error instanceof NoReferenceError)) throw error;
    if (ci === 'true')
      throw new Error(`the comparison with a processor cannot run, and CI must not skip it: ${error.message}`, {
        cause: error,
      });
    print(`      skipped: ${error.message}\n`);
    return undefined;
  }
}
