// SPDX-License-Identifier: LGPL-2.1-only
import type { Driver } from '../../driver/driver.js';
import type { Pc } from '../../machine/pc.js';
import { cpuProfile } from '../../session/profile/cpu_profile.js';
import { ProfileRecorder } from '../../session/profile/profile_recorder.js';
import { profileTable } from '../../session/profile/profile_table.js';
import { TraceRecorder } from '../../session/trace/trace_recorder.js';
import { FileError } from '../failures/file_error.js';
import { InstrumentNames } from './instrument_names.js';
import { OpenedOutput } from './opened_output.js';
import type { ProfileRequest, RunReport, TraceRequest, WorkerMessage } from '../worker/run_request.js';
import { writeTrace } from './trace_file.js';

/** What a request says of both. */
export interface InstrumentRequest {
  readonly trace?: TraceRequest;
  readonly profile?: ProfileRequest;
}

interface Opened<T> {
  readonly recorder: T;
  readonly file: OpenedOutput;
}

/** The trace and the profile of a run, from before its first instruction until they are in their files. */
export class RunInstruments {
  private constructor(
    private readonly traced: Opened<TraceRecorder> | undefined,
    private readonly profiled: Opened<ProfileRecorder> | undefined,
  ) {}

  /** @throws FileError if a file cannot be written */
  static begin({ trace, profile }: InstrumentRequest): RunInstruments {
    const traced = trace && { recorder: traceRecorder(trace), file: OpenedOutput.open('--trace', trace.file) };
    const profiled = profile && {
      recorder: new ProfileRecorder({ interval: profile.interval, now: () => performance.now() }),
      file: OpenedOutput.open('--profile', profile.file),
    };
    return new RunInstruments(traced, profiled);
  }

  /** For the session. */
  get recorders(): { readonly trace?: TraceRecorder; readonly profile?: ProfileRecorder } {
    const { traced, profiled } = this;
    return { ...(traced && { trace: traced.recorder }), ...(profiled && { profile: profiled.recorder }) };
  }

  /** Writes them. @returns for the report: what they have, or why a file could not be written. The run itself is no worse for that */
  write(
    pc: Pc,
    driver: Driver | undefined,
    post: (message: WorkerMessage) => void,
  ): Pick<RunReport, 'trace' | 'profile' | 'unwritten'> {
    const { traced, profiled } = this;
    const handlers = driver?.handlerNames ?? [];
    const alive = (): void => post({ kind: 'calling', what: 'the trace and the profile' });
    const names = (): InstrumentNames => new InstrumentNames(pc.symbols.own, handlers);
    const trace = traced && written(() => traceText(traced, names(), alive));
    const profile = profiled && written(() => profileText(profiled, names()));
    const isLost = trace?.isLost === true || profile?.isLost === true;
    return {
      ...(trace && { trace: trace.text }),
      ...(profile && { profile: profile.text }),
      ...(isLost && { unwritten: true }),
    };
  }

  close(): void {
    this.traced?.file.close();
    this.profiled?.file.close();
  }
}

/** What a file has, or why it could not be written. */
function written(write: () => string): { readonly text: string; readonly isLost: boolean } {
  try {
    return { text: write(), isLost: false };
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    return { text: error.message, isLost: true };
  }
}

function traceRecorder({ limit, filter }: TraceRequest): TraceRecorder {
  return new TraceRecorder({ limit, now: () => performance.now(), ...(filter && { filter }) });
}

function traceText({ file, recorder }: Opened<TraceRecorder>, names: InstrumentNames, alive: () => void): string {
  const { handlers } = names;
  const text = writeTrace(file, recorder, { handlers, symbol: (address) => names.textOf(address) }, alive);
  return [text, ...names.missing].join('; ');
}

function profileText({ file, recorder }: Opened<ProfileRecorder>, names: InstrumentNames): string {
  const { handlers } = names;
  const from = { handlers, symbol: (address: bigint) => names.find(address) };
  file.append(`${JSON.stringify(cpuProfile(recorder, from))}\n`);
  return [...profileTable(recorder, from), ...names.missing].join('\n');
}
