// SPDX-License-Identifier: LGPL-2.1-only
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { accessSync, constants, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeResults, encodeCases } from './helper_format.js';
import { NoReferenceError } from './no_reference_error.js';
import type { ReferenceProcessor } from './reference_processor.js';
import type { CaseResult, InstructionCase } from '../cases/instruction_case.js';

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
    const run = spawnSync(this.program, [], { input: encodeCases(cases, seed), maxBuffer: 1 << 30 });
    // a helper that dies at once does not read its input: EPIPE
    if (run.error && run.status === null)
      throw new NoReferenceError(`the native helper cannot be run: ${run.error.message}`);
    const output = run.stdout;
    if (run.status !== 0 || output.length < 4) {
      throw new NoReferenceError(
        `the native helper died (status ${run.status ?? '-'}, signal ${run.signal ?? '-'}): ${run.stderr.toString().trim()}`,
      );
    }
    return decodeResults(output, cases);
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
