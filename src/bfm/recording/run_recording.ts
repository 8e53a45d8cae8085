// SPDX-License-Identifier: LGPL-2.1-only
import { closeSync, fchmodSync, fstatSync, writeSync } from 'node:fs';
import { SessionRecorder } from '../../session/session_recorder.js';
import type { PreparedReload } from '../../driver/reloaded.js';
import type { RecordRequest, RunRequest } from '../worker/run_request.js';
import { openOutput, reasonOfOutput } from '../worker/output_file.js';
import { LineChain } from './line_chain.js';
import { hashOfCore, recordedFilesOf } from './recorded_files.js';
import { modulePathsOf, recordedModulesOf } from './recorded_modules.js';
import { RecordingError } from './recording_error.js';
import { lineOf, RECORDING_VERSION, type RecordingEntry, type RecordingHeader } from './recording_format.js';

/** Mode of the file. */
const OWNER_ONLY = 0o600;

/** The recording of a run while it is written. Each line is in the file before the run goes on, so a run that is killed leaves a whole beginning. */
export class RunRecording {
  /** For the session. */
  readonly recorder = new SessionRecorder({ write: (item) => this.write(item), now: () => performance.now() });
  private readonly chain = new LineChain();

  private constructor(
    private readonly record: RecordRequest,
    private readonly descriptor: number,
  ) {}

  /** Writes with what the run begins. @throws RecordingError, ModuleFileError, ModuleListError */
  static async begin(record: RecordRequest, request: RunRequest): Promise<RunRecording> {
    const { record: _, trace: __, profile: ___, tier: ____, dumpCompiled: _____, ...recorded } = request;
    const header: RecordingHeader = {
      kind: 'recording',
      version: RECORDING_VERSION,
      request: { ...recorded, modules: modulePathsOf(request.modules) },
      core: hashOfCore(),
      files: recordedFilesOf(request),
      modules: await recordedModulesOf(request.modules, record.withCode),
    };
    const recording = new RunRecording(record, RunRecording.open(record.file));
    recording.line(JSON.stringify(header));
    return recording;
  }

  /** What is typed may be a password: nobody else may read it. */
  private static open(file: string): number {
    try {
      const descriptor = openOutput(file, OWNER_ONLY);
      // A file that was there keeps its owner and its mode.
      const status = fstatSync(descriptor);
      if (status.isFile() && status.uid !== (process.getuid?.() ?? status.uid))
        throw new Error('it belongs to another user, who could read what is typed; name another file');
      if (status.isFile() && (status.mode & 0o077) !== 0) fchmodSync(descriptor, OWNER_ONLY);
      return descriptor;
    } catch (error) {
      throw RunRecording.failure(file, error);
    }
  }

  private static failure(file: string, error: unknown): RecordingError {
    const found = reasonOfOutput(error);
    return new RecordingError(`the recording ${file} cannot be written: ${found}`, {
      causedBy: error,
      details: { where: file, found, expected: 'a file that can be written' },
    });
  }

  /** Modules are loaded next. @throws ModuleFileError, ModuleListError */
  async loads(files: readonly string[]): Promise<void> {
    this.write({ kind: 'modules', modules: await recordedModulesOf(files, this.record.withCode) });
  }

  /**
   * Modules are loaded again next, while the run goes on. A file may change meanwhile: what is recorded is what is loaded.
   *
   * @param load loads them. @throws RecordingError if they change all the time; what `load` throws, and then nothing was written
   */
  async reloads(files: readonly string[], load: () => Promise<PreparedReload>): Promise<PreparedReload> {
    for (let attempts = 0; attempts < 10; attempts++) {
      const modules = await recordedModulesOf(files, this.record.withCode);
      const loaded = await load();
      const isSame = loaded.modules.every(({ hash }, at) => hash === modules[at]?.sha256);
      if (!isSame || loaded.modules.length !== modules.length) continue;
      this.write({ kind: 'modules', modules });
      return loaded;
    }
    throw new RecordingError(`the reload cannot be recorded: ${files.join(', ')} change while they are loaded`);
  }

  close(): void {
    closeSync(this.descriptor);
  }

  private write(entry: RecordingEntry): void {
    this.line(lineOf(entry));
  }

  private line(text: string): void {
    const bytes = Buffer.from(`${this.chain.seal(text)}\n`);
    try {
      for (let done = 0; done < bytes.length;) done += writeSync(this.descriptor, bytes, done);
    } catch (error) {
      throw RunRecording.failure(this.record.file, error);
    }
  }
}
