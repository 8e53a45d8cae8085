// SPDX-License-Identifier: LGPL-2.1-only
import { freshModuleFiles, moduleFiles } from '../../driver/node/module_files.js';
import { PromiseWatch } from '../../driver/node/promise_watch.js';
import type { RecordedItem } from '../../session/recorded_item.js';
import { ComparedRuns, inputsOnly } from '../../session/replay/compared_runs.js';
import type { ReplayParts } from '../../session/replay/replay_session.js';
import type { ByteSink } from '../../session/session_ports.js';
import { readRecording, type Recording } from '../recording/read_recording.js';
import { RecordingError } from '../recording/recording_error.js';
import { reportOfRun, stopScreen, type Ending } from '../run/report_of_run.js';
import { readSnapshot } from '../snapshot/snapshot_file.js';
import { RunControl, StopRequest } from '../worker/run_control.js';
import type { ComparisonReport, RunReport, RunRequest, WorkerMessage } from '../worker/run_request.js';
import { sessionPorts } from '../worker/session_in_worker.js';
import { timedRun } from '../worker/timed_run.js';
import { comparisonLines, comparisonReport } from './comparison_lines.js';
import { checkedRecording, withRecordedHashes } from './recorded_code.js';
import { makeReplayMachine } from './replay_machine.js';
import type { ReplayRequest } from './replay_request.js';

const silent: ByteSink = { push: () => {}, flush: () => {} };

/** The same items, where each load takes other modules, which no reload replaces. */
function withModules(items: readonly RecordedItem[], files: readonly string[]): RecordedItem[] {
  return items.flatMap((item) => {
    if (item.kind !== 'event' || item.event.kind !== 'call') return [item];
    if (item.event.method === 'reload') return [];
    if (item.event.method !== 'load') return [item];
    return [{ ...item, event: { ...item.event, params: { ...(item.event.params as object), files } } }];
  });
}

const loads = (items: readonly RecordedItem[]): boolean =>
  items.some((item) => item.kind === 'event' && item.event.kind === 'call' && item.event.method === 'load');

/** @throws RecordingError if the run goes on with a VMM: the state of its modules fits no others */
async function refuseRestoredVmm(file: string, { isRestored, kernel }: RunRequest): Promise<void> {
  if (isRestored !== true || (await readSnapshot(kernel)).driver?.image === undefined) return;
  const found = `a run that begins with the VMM of the snapshot ${kernel}`;
  const advice = 'record a run from power-on, or from a snapshot without a VMM';
  throw new RecordingError(
    `${file} cannot be compared: other modules cannot take over the state of its VMM; ${advice}`,
    {
      details: { where: file, found, expected: 'a run that loads its modules', advice },
    },
  );
}

/** A recorded run twice, with its modules and with others, in the worker. */
export class CompareRun {
  private recorded!: ReplayParts;
  private changed!: ReplayParts;
  private comparison: ComparisonReport | undefined;

  /** @param files of the other modules */
  constructor(
    private readonly request: ReplayRequest,
    private readonly files: readonly string[],
    private readonly control: RunControl,
    private readonly post: (message: WorkerMessage) => void,
  ) {}

  /** @throws BareflankError if the recording cannot be replayed here, or has no VMM */
  async run(): Promise<RunReport> {
    this.post({ kind: 'calling', what: 'the check of the recording' });
    using promises = new PromiseWatch();
    using others = new PromiseWatch();
    await this.build(readRecording(this.request.recording), promises, others);
    const { session, lateStart, vmm } = this.recorded;
    const begun = session.pc.instructions;
    try {
      const channel = { control: this.control, post: this.post };
      const { ending, milliseconds } = await timedRun(channel, () => this.ending());
      // Its parts print while they are disposed, into its own machine.
      this.changed.vmm.driver.takeOutput();
      this.changed.vmm.driver.close();
      vmm.driver.takeOutput();
      const report = reportOfRun(ending, { session, driver: vmm.driver, lateStart, milliseconds, begun, hasVmm: true });
      return { ...report, ...(this.comparison && { comparison: this.comparison }) };
    } finally {
      session.flush();
    }
  }

  /** @param others sees the Promises of the changed run */
  private async build(recording: Recording, promises: PromiseWatch, others: PromiseWatch): Promise<void> {
    const { control, post, files } = this;
    const { request, modules, items, hashes } = await checkedRecording(recording);
    if (request.start === 'off' && !loads(items))
      throw new RecordingError(`${recording.file} cannot be compared: no VMM runs in it`, {
        details: { where: recording.file, found: 'a run without a VMM', expected: 'VM exits to compare' },
      });
    await refuseRestoredVmm(recording.file, request);
    const ports = sessionPorts(control, post, () => control.stopRequest !== StopRequest.None);
    const source = withRecordedHashes(moduleFiles, hashes);
    this.recorded = await makeReplayMachine({ request, modules, items, source, control, ports, post, promises });
    // Counters and words of its own: the main thread looks at those of the recorded run.
    this.changed = await makeReplayMachine({
      request,
      modules: modules.length > 0 || request.start !== 'off' ? files : [],
      items: inputsOnly(withModules(items, files)),
      source: freshModuleFiles,
      control: new RunControl(),
      ports: { ...ports, console: silent, vmm: silent },
      promises: others,
      post: (message) => (message.kind === 'handlers' ? undefined : post(message)),
    });
  }

  private async ending(): Promise<Ending> {
    const { recorded, changed } = this;
    const comparison = await new ComparedRuns(recorded, changed).compare();
    if (comparison === undefined) {
      const isTimeout = this.control.stopRequest === StopRequest.Timeout;
      const { session, vmm } = recorded;
      return { outcome: isTimeout ? 'timeout' : 'interrupted', ...(await stopScreen(session, vmm.driver)) };
    }
    this.comparison = comparisonReport(comparison, recorded.vmm.driver.handlerNames, changed.vmm.driver.handlerNames);
    const outcome = comparison.difference === undefined ? 'replayed' : 'diverged';
    return { outcome, detail: comparisonLines(this.comparison).join('\n') };
  }
}
