// SPDX-License-Identifier: LGPL-2.1-only
import type { Driver } from '../../driver/driver.js';
import type { Pc } from '../../machine/pc.js';
import { cpuProfile } from '../../session/profile/cpu_profile.js';
import { ProfileRecorder } from '../../session/profile/profile_recorder.js';
import { profileTable } from '../../session/profile/profile_table.js';
import { TraceRecorder } from '../../session/trace/trace_recorder.js';
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
      recorder: new ProfileRecorder({ interval: profile.interval }),
      file: OpenedOutput.open('--profile', profile.file),
    };
    return new RunInstruments(traced, profiled);
  }

  /** For the session. */
  get recorders(): { readonly trace?: TraceRecorder; readonly profile?: ProfileRecorder } {
    const { traced, profiled } = this;
    return { ...(traced && { trace: traced.recorder }), ...(profiled && { profile: profiled.recorder }) };
  }

  /** Writes them. @returns for the report: what they have. @throws FileError */
  write(
    pc: Pc,
    driver: Driver | undefined,
    post: (message: WorkerMessage) => void,
  ): Pick<RunReport, 'trace' | 'profile'> {
    const { traced, profiled } = this;
    const { own } = pc.symbols;
    const handlers = driver?.handlerNames ?? [];
    const alive = (): void => post({ kind: 'calling', what: 'the trace and the profile' });
    const trace =
      traced && writeTrace(traced.file, traced.recorder, { handlers, symbol: (address) => own.nameOf(address) }, alive);
    const names = { handlers, symbol: own.find.bind(own) };
    profiled?.file.append(`${JSON.stringify(cpuProfile(profiled.recorder, names))}\n`);
    const profile = profiled && profileTable(profiled.recorder, names).join('\n');
    return { ...(trace !== undefined && { trace }), ...(profile !== undefined && { profile }) };
  }

  close(): void {
    this.traced?.file.close();
    this.profiled?.file.close();
  }
}

function traceRecorder({ limit, filter }: TraceRequest): TraceRecorder {
  return new TraceRecorder({ limit, now: () => performance.now(), ...(filter && { filter }) });
}
