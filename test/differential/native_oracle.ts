// SPDX-License-Identifier: LGPL-2.1-only
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import type { ReferenceProcessor } from './reference_processor.js';
import { codeOf, type CaseResult, type InstructionCase } from './instruction_case.js';

const CASE_BYTES = 1024;
const RESULT_BYTES = 256;
const FLAG_FX = 2;
const source = 'test/differential/native/oracle.c';
const compilerArguments = [
  '-O2',
  '-Wall',
  '-mno-red-zone',
  '-fno-stack-protector',
  '-fcf-protection=none',
  '-fPIE',
  '-pie',
];

/** Runs cases on this machine's own processor, in a helper process that is compiled when its source has changed. */
export class NativeOracle implements ReferenceProcessor {
  private constructor(private readonly program: string) {}

  /**
   * Compiles the helper with the C compiler of the environment variable CC, or gcc.
   * @param root the package's folder.
   * @returns undefined when there is no compiler or the processor is no x86-64; then `reason` says why.
   */
  static build(root: string): { oracle?: NativeOracle; reason?: string } {
    if (process.arch !== 'x64') return { reason: `this processor is ${process.arch}, the reference must be x86-64` };
    if (process.platform !== 'linux') return { reason: `the native helper is for Linux, this is ${process.platform}` };
    const compiler = process.env['CC'] ?? 'gcc';
    const text = readFileSync(join(root, source));
    const hash = createHash('sha256').update(text).update(compilerArguments.join(' ')).digest('hex').slice(0, 16);
    const folder = join(root, 'build', 'differential');
    const program = join(folder, `oracle-${hash}`);
    if (!existsSync(program)) {
      mkdirSync(folder, { recursive: true });
      const made = `${program}.${process.pid}`;
      const run = spawnSync(compiler, [...compilerArguments, '-o', made, join(root, source)], { encoding: 'utf8' });
      if (run.error) return { reason: `there is no C compiler (${compiler}: ${run.error.message})` };
      if (run.status !== 0) throw new Error(`${compiler} failed on ${source}:\n${run.stderr}`);
      renameSync(made, program);
    }
    return { oracle: new NativeOracle(program) };
  }

  /** Runs a batch. `seed` fills the data pages. Throws when the helper dies. */
  run(cases: readonly InstructionCase[], seed: number): CaseResult[] {
    const input = Buffer.alloc(8 + cases.length * CASE_BYTES);
    input.writeUInt32LE(cases.length, 0);
    input.writeUInt32LE(seed >>> 0, 4);
    cases.forEach((testCase, index) => encode(testCase, input, 8 + index * CASE_BYTES));
    const run = spawnSync(this.program, [], { input, maxBuffer: 1 << 30 });
    if (run.error) throw run.error;
    const output = run.stdout;
    if (run.status !== 0 || output.length < 4) {
      throw new Error(
        `the native helper died (status ${run.status ?? '-'}, signal ${run.signal ?? '-'}): ${run.stderr.toString()}`,
      );
    }
    return decodeAll(output, cases);
  }
}

function encode(testCase: InstructionCase, into: Buffer, at: number): void {
  const code = codeOf(testCase);
  if (code.length > 96) throw new RangeError(`${code.length} bytes of code do not fit a case`);
  into.writeUInt32LE(testCase.fx ? FLAG_FX : 0, at);
  into.writeUInt32LE(testCase.codeOffset, at + 4);
  into.writeUInt32LE(code.length, at + 8);
  into.set(new Uint8Array(testCase.registers.buffer, testCase.registers.byteOffset, 128), at + 16);
  into.writeUInt32LE(testCase.rflags, at + 144);
  into.set(code, at + 160);
  into.set(testCase.window, at + 256);
  if (testCase.fx) into.set(testCase.fx, at + 512);
}

function decodeAll(output: Buffer, cases: readonly InstructionCase[]): CaseResult[] {
  let at = 4;
  return cases.map((testCase) => {
    if (at + RESULT_BYTES > output.length) throw new Error('the native helper returned too few results');
    const length = output.readUInt32LE(at + 12);
    const registers = new Uint32Array(32);
    for (let i = 0; i < 32; i++) registers[i] = output.readUInt32LE(at + 16 + i * 4);
    const fxBytes = testCase.fx ? 512 : 0;
    const bytesAt = at + RESULT_BYTES + fxBytes;
    const result: CaseResult = {
      outcome: output.readUInt32LE(at),
      vector: output.readUInt32LE(at + 4),
      errorCode: output.readUInt32LE(at + 8),
      registers,
      rflags: output.readUInt32LE(at + 144),
      rip: output.readBigUInt64LE(at + 152),
      faultAddress: output.readBigUInt64LE(at + 160),
      changedOffset: output.readUInt32LE(at + 168),
      changed: Uint8Array.prototype.slice.call(output, bytesAt, bytesAt + length),
      ...(testCase.fx
        ? { fx: Uint8Array.prototype.slice.call(output, at + RESULT_BYTES, at + RESULT_BYTES + 512) }
        : {}),
    };
    at = bytesAt + ((length + 7) & ~7);
    return result;
  });
}
