// SPDX-License-Identifier: LGPL-2.1-only
import type { Driver } from '../../driver/driver.js';
import type { SeededGlobals } from '../../driver/handler_globals.js';
import type { SavedDriver } from '../../driver/saved_driver.js';
import { BareflankError } from '../../intrinsics/errors.js';
import { dataBytes } from '../../machine/state/data_bytes.js';
import type { MachineCheckpoint } from '../../machine/state/machine_checkpoints.js';
import type { LateStart, LateStartState } from '../late_start.js';
import type { DriverCall } from '../machine_event.js';
import type { MachineSession } from '../machine_session.js';
import type { ReplayedInputs, ReplayedState } from '../replayed_inputs.js';
import { SliceEnd } from '../session_ports.js';
import { Checkpoints, type Place } from './checkpoints.js';
import type { ReplayPoint } from './replay_point.js';
import type { ConsolePlace, ReplayedConsole } from './replayed_console.js';

/** Instructions between two looks whether a checkpoint is due, at most. */
const LONGEST_SLICE = 10_000_000;

/** Ends of a slice at which a replay goes on by itself. */
const goesOn: ReadonlySet<SliceEnd> = new Set([SliceEnd.Time, SliceEnd.Idle, SliceEnd.CallDue, SliceEnd.LateStartDue]);

/** The VMM of a replay, with its driver. What failed in the recorded run fails here in the same way, so failures are no errors. */
export interface ReplayedVmm {
  readonly driver: Driver;
  call(call: DriverCall): Promise<void>;
  /** The late start. */
  start(): void;
  /** Goes on with a saved state. The machine was brought to the moment at which it was saved. */
  restore(saved: SavedDriver): Promise<void>;
  /** The last call that failed, and why. It may have failed in the recorded run too: only a difference makes it worth a word. */
  readonly lastFailure?: string | undefined;
}

/** A replay up to its first instruction. */
export interface ReplayParts {
  readonly session: MachineSession;
  /** Of the session. */
  readonly inputs: ReplayedInputs;
  readonly lateStart: LateStart | undefined;
  /** Through which the session's output goes. */
  readonly console: ReplayedConsole;
  readonly vmm: ReplayedVmm;
  readonly globals: SeededGlobals | undefined;
}

/** What a replay has taken of its checkpoints. */
export interface CheckpointFacts {
  readonly count: number;
  /** Instructions between two. */
  readonly spacing: number;
  /** Memory that they take. */
  readonly bytes: number;
  /** Why there are fewer than there should be: what could not be saved. */
  readonly failure?: string;
}

/** All that decides how a replay goes on. */
interface ReplayCheckpoint extends Place {
  readonly exits: number;
  readonly machine: MachineCheckpoint;
  readonly driver: SavedDriver;
  readonly inputs: ReplayedState;
  readonly console: ConsolePlace;
  readonly lateStart: LateStartState | undefined;
  readonly lastOutput: Uint8Array;
  readonly seed: number | undefined;
  /** Of all but the machine, about. */
  readonly bytes: number;
}

/**
 * A recorded run that can be brought to any of its points, back and forth. On the way it takes checkpoints. To reach a point that it has passed, it goes
 * to the last checkpoint before the point and runs on from there.
 */
export class ReplaySession {
  private readonly checkpoints: Checkpoints<ReplayCheckpoint> | undefined;
  private ownBytes = 0;
  /** Why a checkpoint could not be taken. */
  private failure: string | undefined;

  /** @param most bytes that checkpoints may take; undefined: none is taken, and the replay only goes forward. @param spacing instructions between two while there is room */
  constructor(
    private readonly parts: ReplayParts,
    most: number | undefined,
    spacing?: number,
  ) {
    const store = {
      bytes: () => this.checkpointBytes,
      pack: () => parts.session.pc.checkpoints.pack(),
      drop: (each: ReplayCheckpoint) => this.drop(each),
    };
    this.checkpoints = most === undefined ? undefined : new Checkpoints(store, most, spacing);
  }

  /** undefined: none are taken. */
  get checkpointFacts(): CheckpointFacts | undefined {
    const { checkpoints, checkpointBytes: bytes, failure } = this;
    if (checkpoints === undefined) return undefined;
    const { count, spacing } = checkpoints;
    return { count, spacing, bytes, ...(failure !== undefined && { failure }) };
  }

  private get checkpointBytes(): number {
    return this.parts.session.pc.checkpoints.bytes + this.ownBytes;
  }

  /**
   * Brings the run to a point.
   *
   * @returns `PointReached`, or why it stopped before. @throws BareflankError if the point was passed and no checkpoint leads to it
   */
  async goTo(point: ReplayPoint): Promise<SliceEnd> {
    const { session, inputs, console } = this.parts;
    await this.goBefore(point);
    console.lookFor(point.kind === 'text' ? point.text : undefined);
    session.stopAt = point.kind === 'text' ? undefined : point;
    inputs.stopsAtEachExit = point.kind === 'exit';
    const end = await this.run();
    session.stopAt = undefined;
    inputs.stopsAtEachExit = false;
    return console.isTextThere ? SliceEnd.PointReached : end;
  }

  /** Runs to the end of the recording. @returns why it stopped */
  async toEnd(): Promise<SliceEnd> {
    this.parts.console.lookFor(undefined);
    return this.run();
  }

  /**
   * Runs on until a virtual time, or until something happens earlier. The recorded calls of the driver are made on the way.
   *
   * @returns why it stopped
   */
  async advance(untilVirtual: number): Promise<SliceEnd> {
    const { session, vmm } = this.parts;
    this.takeIfDue();
    const end = session.slice(untilVirtual);
    if (end === SliceEnd.CallDue) {
      await vmm.call(session.dueCall!);
    } else if (end === SliceEnd.LateStartDue) {
      session.lateStarted();
      vmm.start();
    }
    return end;
  }

  /** Goes to the last checkpoint before so many instructions of all processors, if there is one. @returns whether there is */
  async goBackBefore(instructions: number): Promise<boolean> {
    const checkpoint = this.checkpoints?.last((place) => place.instructions < instructions);
    if (checkpoint !== undefined) await this.goToCheckpoint(checkpoint);
    return checkpoint !== undefined;
  }

  private async run(): Promise<SliceEnd> {
    const { session, console } = this.parts;
    if (!console.hasEnded) session.passText();
    // Each processor executes one instruction a nanosecond.
    const slice = Math.min(LONGEST_SLICE, this.checkpoints?.spacing ?? Infinity) / session.pc.processors.length;
    for (;;) {
      const end = await this.advance(session.pc.virtualTime + slice);
      if (!goesOn.has(end)) return end;
    }
  }

  private takeIfDue(): void {
    const { checkpoints } = this;
    const { session, console } = this.parts;
    const { pc, end } = session;
    if (end !== undefined || console.hasEnded || checkpoints?.isDue(pc.instructions) !== true) return;
    try {
      checkpoints.add(this.take());
    } catch (error) {
      if (!(error instanceof BareflankError)) throw error;
      this.failure ??= error.message;
      checkpoints.skip(pc.instructions);
    }
  }

  /** @throws BareflankError if something cannot be saved */
  private take(): ReplayCheckpoint {
    const { session, inputs, lateStart, console, vmm, globals } = this.parts;
    const { pc } = session;
    const around = {
      driver: vmm.driver.save(),
      inputs: inputs.save(),
      console: console.save(),
      lateStart: lateStart?.save(),
      lastOutput: session.lastOutput.save(),
      seed: globals?.seed,
    };
    const bytes = dataBytes(around);
    const machine = pc.checkpoints.take();
    this.ownBytes += bytes;
    return { instructions: pc.instructions, exits: pc.exitCount, machine, ...around, bytes };
  }

  private drop({ machine, bytes }: ReplayCheckpoint): void {
    this.parts.session.pc.checkpoints.drop(machine);
    this.ownBytes -= bytes;
  }

  /** Goes to the last place before a point that is known. The present one is such a place too. */
  private async goBefore(point: ReplayPoint): Promise<void> {
    const { session, inputs, console } = this.parts;
    const { instructions, exitCount: exits } = session.pc;
    const isBefore = (place: { instructions: number; exits: number; console: ConsolePlace }): boolean => {
      if (point.kind === 'text') return console.isBefore(point.text, place.console.length);
      return (point.kind === 'exit' ? place.exits : place.instructions) < point.count;
    };
    const isHereBefore = inputs.divergence === undefined && isBefore({ instructions, exits, console: console.save() });
    const best = this.checkpoints?.last(isBefore);
    if (isHereBefore && (best === undefined || best.instructions <= instructions)) return;
    if (best !== undefined) return this.goToCheckpoint(best);
    throw new BareflankError(
      `the replay cannot go back: no checkpoint was taken before the point${this.failure === undefined ? '' : `, because ${this.failure}`}`,
    );
  }

  private async goToCheckpoint(checkpoint: ReplayCheckpoint): Promise<void> {
    const { session, inputs, lateStart, console, vmm, globals } = this.parts;
    await session.unheard(async () => {
      // Its parts may act on the devices while they are disposed.
      vmm.driver.close();
      session.pc.checkpoints.goTo(checkpoint.machine);
      session.wentTo(checkpoint.lastOutput);
      await vmm.restore(checkpoint.driver);
    });
    inputs.restore(checkpoint.inputs);
    console.restore(checkpoint.console);
    if (checkpoint.lateStart !== undefined) lateStart?.restore(checkpoint.lateStart);
    if (globals !== undefined && checkpoint.seed !== undefined) globals.seed = checkpoint.seed;
  }
}
