// SPDX-License-Identifier: LGPL-2.1-only
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { accessSync, constants, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NoReferenceError } from './no_reference_error.js';
import type { ReferenceProcessor } from './reference_processor.js';
import { codeOf, type CaseResult, type InstructionCase } from '../cases/instruction_case.js';

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
  /** @param program the compiled helper. */
  constructor(private readonly program: string) {}

  /**
   * Compiles the helper, unless the build folder already has it.
   * @param root the package's folder.
   * @param compiler the C compiler.
   * @throws NoReferenceError when this is no x86-64 Linux, or there is no compiler that works.
   */
  static build(root: string, compiler = process.env['CC'] ?? 'gcc'): NativeOracle {
    if (process.arch !== 'x64')
      throw new NoReferenceError(`this processor is ${process.arch}, the comparison needs x86-64`);
    if (process.platform !== 'linux')
      throw new NoReferenceError(`the native helper is for Linux, this is ${process.platform}`);
    const text = readFileSync(join(root, source));
    const key = [...text, compiler, ...compilerArguments].join(' ');
    const name = `oracle-${createHash('sha256').update(key).digest('hex').slice(0, 16)}`;
    const folder = join(root, 'build', 'differential');
    if (existsSync(join(folder, name))) return new NativeOracle(join(folder, name));
    const made = join(writableFolder(folder), name);
    const temporary = `${made}.${process.pid}`;
    const run = spawnSync(compiler, [...compilerArguments, '-o', temporary, join(root, source)], { encoding: 'utf8' });
    if (run.error)
      throw new NoReferenceError(`there is no C compiler (${compiler}: ${run.error.message}); install gcc`);
    if (run.status !== 0) {
      rmSync(temporary, { force: true });
      const reason = run.stderr.split('\n').find((line) => line.includes('error')) ?? `status ${run.status ?? '-'}`;
      throw new NoReferenceError(`${compiler} does not compile ${source}: ${reason}`);
    }
    renameSync(temporary, made);
    return new NativeOracle(made);
  }

  /** Runs a batch. `seed` fills the data pages. @throws NoReferenceError when the helper dies: this system does not let it work. */
  run(cases: readonly InstructionCase[], seed: number): CaseResult[] {
    const input = Buffer.alloc(8 + cases.length * CASE_BYTES);
    input.writeUInt32LE(cases.length, 0);
    input.writeUInt32LE(seed >>> 0, 4);
    cases.forEach((testCase, index) => encode(testCase, input, 8 + index * CASE_BYTES));
    const run = spawnSync(this.program, [], { input, maxBuffer: 1 << 30 });
    // a helper that dies at once does not read its input: EPIPE
    if (run.error && run.status === null)
      throw new NoReferenceError(`the native helper cannot be run: ${run.error.message}`);
    const output = run.stdout;
    if (run.status !== 0 || output.length < 4) {
      throw new NoReferenceError(
        `the native helper died (status ${run.status ?? '-'}, signal ${run.signal ?? '-'}): ${run.stderr.toString().trim()}`,
      );
    }
    return decodeAll(output, cases);
  }
}

/** The folder, made if need be; where the package cannot be written, a private one that is removed when this process exits. */
function writableFolder(folder: string): string {
  try {
    mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.W_OK);
    return folder;
  } catch {
    const own = mkdtempSync(join(tmpdir(), 'bareflank-differential-'));
    process.on('exit', () => rmSync(own, { recursive: true, force: true }));
    return own;
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
