// SPDX-License-Identifier: LGPL-2.1-only
import { useHandlerGlobals, type SeededGlobals } from '../../driver/handler_globals.js';
import type { RememberedExit } from '../../machine/processor/exit_history.js';
import { processorState } from '../../machine/processor/processor_state.js';
import { ExitOutcome } from '../../vmm/exit/handler_trace.js';
import type { MachineSession } from '../machine_session.js';
import type { RecordedItem } from '../recorded_item.js';
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

/** How two runs compare. */
export interface Comparison {
  /** VM exits that were alike. */
  readonly exits: number;
  /** Instructions of all processors at the last look. */
  readonly instructions: number;
  /** How the two differ first; undefined: not at all. */
  readonly difference: string | undefined;
  /** The last exits before the difference and those from it on, side by side. Empty without a difference. */
  readonly rows: readonly (readonly [recorded: ExitOfRun, changed: ExitOfRun])[];
}

/** Exits that are shown before the difference, and from it on. */
const shownBefore = 3;
const shownAfter = 12;

/**
 * The recorded items of which a run under other modules takes the inputs. The states of such a run are others: its VMM has other memory.
 */
export function inputsOnly(items: readonly RecordedItem[]): RecordedItem[] {
  return items.flatMap((item): RecordedItem[] => {
    if (item.kind === 'state') return [];
    // The recorded run says when the end has come.
    return item.kind === 'end' ? [{ ...item, at: undefined }] : [item];
  });
}

/** Runs a recording twice, from VM exit to VM exit, and compares the two after each. */
export class ComparedRuns {
  private readonly recorded: Side;
  private readonly changed: Side;
  private readonly rows: [ExitOfRun, ExitOfRun][] = [];
  private exits = 0;
  private difference: string | undefined;

  /** @param changed the run with other modules; its inputs are those of `inputsOnly` */
  constructor(recorded: ComparedRun, changed: ComparedRun) {
    this.recorded = new Side(recorded);
    this.changed = new Side(changed);
  }

  /** Runs to the end of the recording, or a few exits beyond the first difference. @returns undefined if the owner wanted attention */
  async compare(): Promise<Comparison | undefined> {
    for (let left = shownAfter; left > 0; left -= this.difference === undefined ? 0 : 1) {
      const isOver = await this.step();
      if (isOver === undefined) return undefined;
      if (isOver) break;
    }
    const { exits, difference, rows, recorded } = this;
    return { exits, instructions: recorded.instructions, difference, rows: difference === undefined ? [] : rows };
  }

  /** The next exit of both. @returns whether one of them has ended; undefined if the owner wanted attention */
  private async step(): Promise<boolean | undefined> {
    const { recorded, changed } = this;
    const one = await recorded.next();
    if (one === undefined) return undefined;
    const other = await changed.next({ time: recorded.time, isEnd: one === END_OF_RECORDING });
    if (other === undefined) return undefined;
    const isOver = typeof one === 'string' || typeof other === 'string';
    // The driver's calls have exits between which nobody can look. At the end, the two are not at the same moment.
    const canLook = !isOver && recorded.isAtLastExit && changed.isAtLastExit;
    this.difference ??= differenceOf(one, other) ?? (canLook ? registersOther(recorded, changed) : undefined);
    if (this.difference !== undefined)
      this.rows.push([withRegisters(one, recorded, changed), withRegisters(other, changed, recorded)]);
    else if (!isOver) this.alike(one, other);
    return isOver;
  }

  private alike(one: ExitOfRun, other: ExitOfRun): void {
    this.exits++;
    this.rows.push([one, other]);
    if (this.rows.length > shownBefore) this.rows.shift();
  }
}

const END_OF_RECORDING = 'the end of the recording';

/** Up to where a run looks for its next exit. */
interface Limit {
  readonly time: number;
  /** The recording ends there. */
  readonly isEnd: boolean;
}

/** One of the two runs, from exit to exit. */
class Side {
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
    if (end === SliceEnd.Diverged) return `what came in fits this run no more: ${inputs.divergence!.what}`;
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

/** What is compared of an exit, by its name. The handler that acted is not: another one may do the same. */
const facts = ({ processor, reason, rip, qualification, instructions, outcome }: ComparedExit) => ({
  processor,
  reason,
  RIP: rip,
  qualification,
  'instructions of the processor': instructions,
  'what the handlers did': outcome & ~ExitOutcome.Handler,
});

function differenceOf(one: ExitOfRun, other: ExitOfRun): string | undefined {
  if (typeof one === 'string' || typeof other === 'string')
    return one === other ? undefined : 'only one of them has another VM exit, or they ended differently';
  const [its, others] = [facts(one), facts(other)];
  const names = (Object.keys(its) as (keyof typeof its)[]).filter((name) => its[name] !== others[name]);
  return names.length === 0 ? undefined : `the VM exits differ in: ${names.join(', ')}`;
}

/** The lines of registers that another run does not have. */
const otherLines = (own: Side, other: Side, processor: number): string[] => {
  const others = other.registers(processor);
  return own.registers(processor).filter((line, i) => line !== others[i]);
};

function registersOther(one: Side, other: Side): string | undefined {
  for (let processor = 0; processor < one.processors; processor++) {
    const names = otherLines(one, other, processor).map((line) => line.slice(0, line.indexOf('=')));
    if (names.length > 0) return `after the VM exit, processor ${processor} has other values in: ${names.join(', ')}`;
  }
  return undefined;
}

function withRegisters(exit: ExitOfRun, own: Side, other: Side): ExitOfRun {
  return typeof exit === 'string' ? exit : { ...exit, registers: otherLines(own, other, exit.processor) };
}
