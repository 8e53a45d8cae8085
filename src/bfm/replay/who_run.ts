// SPDX-License-Identifier: LGPL-2.1-only
import { BareflankError } from '../../intrinsics/errors.js';
import { DebuggedMemory } from '../../machine/debug/debugged_memory.js';
import type { ByteSink } from '../../session/session_ports.js';
import { SliceEnd } from '../../session/session_ports.js';
import { Debugger } from '../../session/debug/debugger.js';
import type { MachineSession } from '../../session/machine_session.js';
import { firstWriterOf, lastWriterOf } from '../gdb/last_writer.js';
import type { Beginning } from '../gdb/writer_text.js';
import type { WhoTarget } from '../gdb/who_target.js';
import { reportOfRun, type Ending } from '../run/report_of_run.js';
import { RunControl } from '../worker/run_control.js';
import type { RunReport } from '../worker/run_request.js';
import { makeReplayMachine } from './replay_machine.js';
import { debuggedReplay, ReplayRun } from './replay_run.js';

const silent: ByteSink = { push: () => {}, flush: () => {} };
/** Ends of a recorded run; the text of `bfm run --until` is one. */
const ENDS: ReadonlySet<SliceEnd> = new Set([SliceEnd.Replayed, SliceEnd.Ended, SliceEnd.TextReached]);
const ANSWERED: Ending = { outcome: 'reached', detail: '' };

/** A recorded run that is asked who wrote something last, in the worker. */
export class WhoRun extends ReplayRun {
  /** Of the machine that was made again for its beginning. */
  private again: MachineSession | undefined;

  /** @throws BareflankError if the recording cannot be replayed here, or its beginning fails and has no answer */
  override async run(): Promise<RunReport> {
    try {
      return await super.run();
    } catch (error) {
      if (this.parts !== undefined || this.options === undefined || !(error instanceof BareflankError)) throw error;
      return (await this.ofBeginning()) ?? Promise.reject(error);
    }
  }

  protected override async ending(): Promise<Ending> {
    const { replay, request } = this;
    const { session } = this.parts;
    const { pc } = session;
    const [point] = request.until;
    const end = point === undefined ? await replay.toEnd() : await replay.goTo(point);
    const isThere = point === undefined ? ENDS.has(end) : end === SliceEnd.PointReached;
    if (!isThere) return this.endingBefore(end, point);
    const debug = new Debugger(debuggedReplay(session, replay), () => Promise.resolve(false));
    const { processor } = debug;
    const parts = { pc, debug, memory: new DebuggedMemory(pc), processor, beginning: this.beginning };
    const { lines, instructions } = await lastWriterOf(parts, this.target);
    debug.detach();
    this.writer = { text: lines.join('\n'), instructions: instructions ?? null };
    return ANSWERED;
  }

  /** The run did not come to its first instruction, as it did not when it was recorded: what led to that may be the answer. */
  private async ofBeginning(): Promise<RunReport | undefined> {
    const started = performance.now();
    const lines = await firstWriterOf(this.beginning, this.target);
    const { again: session } = this;
    if (lines === undefined || session === undefined) return undefined;
    const milliseconds = performance.now() - started;
    const begun = session.pc.instructions;
    const report = reportOfRun(ANSWERED, {
      ...{ session, driver: undefined, lateStart: undefined },
      ...{ milliseconds, begun, hasVmm: true },
    });
    return { ...report, lastWrite: { text: lines.join('\n'), instructions: 0 } };
  }

  private get target(): WhoTarget {
    return this.request.who!;
  }

  /** Nobody hears the machine that is made again, and its counters are its own. */
  private readonly beginning: Beginning = async (made) => {
    const options = this.options!;
    try {
      const { vmm } = await makeReplayMachine({
        ...options,
        control: new RunControl(),
        ports: { ...options.ports, console: silent, vmm: silent },
        post: () => {},
        made: (session) => {
          this.again = session;
          made(session.pc);
        },
      });
      vmm.driver.takeOutput();
      vmm.driver.close();
      return undefined;
    } catch (error) {
      if (!(error instanceof BareflankError)) throw error;
      return error.message;
    }
  };
}
