// SPDX-License-Identifier: LGPL-2.1-only
import { generalRegisterNames } from '../../src/machine/processor/register_names.js';
import { Decoder, DecoderOptions, Formatter, FormatterSyntax } from 'iced-x86';
import { addressOf, bitsOf, codeOf, register, type InstructionCase } from './cases/instruction_case.js';
import { MemoryMap } from './cases/memory_map.js';

/** The instructions of a case in Intel syntax, one a line, with their bytes. */
export function disassemble(testCase: InstructionCase): string[] {
  const decoder = new Decoder(bitsOf(testCase), Uint8Array.from(codeOf(testCase)), DecoderOptions.None);
  const formatter = new Formatter(FormatterSyntax.Intel);
  decoder.ip = addressOf(testCase, 0);
  const lines = testCase.instructions.map((instruction) => {
    const decoded = decoder.decode();
    const bytes = instruction.bytes.map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
    const line = `${bytes.padEnd(36)} ${formatter.format(decoded)}`;
    decoded.free();
    return line;
  });
  formatter.free();
  decoder.free();
  return lines;
}

/** Everything that is needed to look into a failing case: code, form, state before, and the differences. */
export function describeFailure(testCase: InstructionCase, differing: readonly string[]): string {
  const registers = generalRegisterNames.map(
    (name, i) => `${name.padEnd(3)} ${register(testCase.registers, i).toString(16).padStart(16, '0')}`,
  );
  const { segments } = testCase;
  const selectors = segments
    ? Object.entries(segments).map(([name, selector]) => `${name.toUpperCase()} ${(selector as number).toString(16)}h`)
    : [];
  const rows = [0, 4, 8, 12].map((at) => `    ${registers.slice(at, at + 4).join('  ')}`);
  return [
    ...disassemble(testCase).map((line) => `  ${line}`),
    `  form ${testCase.instructions
      .map((instruction) => instruction.form)
      .filter((form) => form !== '')
      .join(' ; ')}`,
    `  at ${(MemoryMap.code + testCase.codeOffset).toString(16)}h, RFLAGS ${testCase.rflags.toString(16)}h ${selectors.join(' ')}`,
    ...rows,
    ...differing.map((line) => `  -> ${line}`),
  ].join('\n');
}
