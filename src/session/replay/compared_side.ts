// SPDX-License-Identifier: LGPL-2.1-only
import { useHandlerGlobals, type SeededGlobals } from '../../driver/handler_globals.js';
import type { RememberedExit } from '../../machine/processor/exit_history.js';
import { processorState } from '../../machine/processor/processor_state.js';
import type { MachineSession } from '../machine_session.js';
import type { ReplayedInputs } from '../replayed_inputs.js';
import { SliceEnd } from '../session_ports.js';
import type { ReplayedVmm } from './replay_session.js';

/** Nanoseconds of virtual time that a run goes on at a time while it has no VM exit. */
const SLICE = 1_000_000;

/** One of two runs of the same recording. */
export interface ComparedRun {
  readonly session: MachineSession;
  readonly inputs: ReplayedInputs;
  readonly vmm: ReplayedVmm;
  readonly globals: SeededGlobals | undefined;
}

/** A VM exit that the VMM has handled, and what the guest has then. */
export interface ComparedExit extends RememberedExit {
  readonly processor: number;
  /** What differs from the other run after the exit: lines `name=value`. Empty while nothing does. */
  readonly registers: readonly string[];
}

/** A VM exit of both runs, or of one of them, with why the other one has none. */
export type ExitOfRun = ComparedExit | string;

/** Why a run has no further exit: the recording has ended. */
export const END_OF_RECORDING = 'the end of the recording';

/** Up to where a run looks for its next exit. */
export interface Limit {
  readonly time: number;
  /** The recording ends there. */
  readonly isEnd: boolean;
}

/** One of the two runs, from exit to exit. */
export class ComparedSide {
  private readonly queue: ComparedExit[] = [];
  private readonly handled: number[];

  constructor(private readonly run: ComparedRun) {
    this.handled = run.session.pc.processors.map(() => 0);
    run.inputs.stopsAtEachExit = true;
  }

  get time(): number {
    return this.run.session.pc.virtualTime;
  }

  get instructions(): number {
    return this.run.session.pc.instructions;
  }

  /** Whether the registers are those after the exit that `next` gave last. */
  get isAtLastExit(): boolean {
    return this.queue.length === 0;
  }

  registers(processor: number): string[] {
    return processorState(this.run.session.pc.processors[processor]!.core.block);
  }

  get processors(): number {
    return this.handled.length;
  }

  /** The next exit, or why there is none. @returns undefined if the owner wants attention */
  async next(limit?: Limit): Promise<ExitOfRun | undefined> {
    this.collect();
    while (this.queue.length === 0) {
      const end = await this.advance();
      this.collect();
      if (this.queue.length > 0) break;
      if (end === SliceEnd.Attention) return undefined;
      if (end !== undefined) return this.endText(end);
      if (limit?.isEnd === true && this.time >= limit.time) return END_OF_RECORDING;
      if (limit !== undefined && this.time > limit.time) return 'no VM exit up to here';
    }
    return this.queue.shift();
  }

  /** @returns why the run goes no further */
  private async advance(): Promise<SliceEnd | undefined> {
    const { session, vmm, globals } = this.run;
    // The VMMs of this process take turns.
    vmm.driver.takeOutput();
    if (globals !== undefined) useHandlerGlobals(globals);
    session.stopAt = { kind: 'exit', count: session.pc.exitCount + 1 };
    const end = session.slice(this.time + SLICE);
    switch (end) {
      case SliceEnd.CallDue:
        await vmm.call(session.dueCall!);
        return undefined;
      case SliceEnd.LateStartDue:
        session.lateStarted();
        vmm.start();
        return undefined;
      case SliceEnd.Time:
      case SliceEnd.Idle:
      case SliceEnd.PointReached:
        return undefined;
      default:
        return end;
    }
  }

  private endText(end: SliceEnd): string {
    const { session, inputs } = this.run;
    if (end === SliceEnd.Diverged) return `what came in no longer fits this run: ${inputs.divergence!.what}`;
    if (end === SliceEnd.TextReached) return 'the text that ended the recorded run';
    return end === SliceEnd.Ended ? `the machine ended: ${session.end!.kind}` : END_OF_RECORDING;
  }

  /** The exits that have been handled since the last look. A call of the driver may have several. */
  private collect(): void {
    this.run.session.pc.processors.forEach(({ exitsHandled, history, id }, i) => {
      const count = (exitsHandled - this.handled[i]!) | 0;
      this.handled[i] = exitsHandled;
      if (count > 0)
        for (const exit of history.last().slice(-count)) this.queue.push({ ...exit, processor: id, registers: [] });
    });
  }
}
