// SPDX-License-Identifier: LGPL-2.1-only
import type { InputSource } from '../../session/input_source.js';
import type { MachineEvent } from '../../session/machine_event.js';
import type { ReplayedInputs } from '../../session/replayed_inputs.js';
import { SliceEnd } from '../../session/session_ports.js';

/** A recorded run that somebody goes on with: events come from the recording up to its end, then from the surroundings. */
export class ReplayThenLive implements InputSource {
  private isLive = false;

  constructor(
    private readonly replayed: ReplayedInputs,
    private readonly live: InputSource,
  ) {}

  private get source(): InputSource {
    return this.isLive ? this.live : this.replayed;
  }

  get idleMilliseconds(): number {
    return this.source.idleMilliseconds;
  }

  get isReady(): boolean {
    return this.source.isReady;
  }

  /** How the run differs from the recorded one. */
  get difference(): string | undefined {
    return this.replayed.divergence?.what;
  }

  /** Says `Replayed` once: the machine is where the recorded run ended. */
  next(): MachineEvent | SliceEnd | undefined {
    const next = this.source.next();
    if (next === SliceEnd.Replayed || next === SliceEnd.Diverged) this.isLive = true;
    return next;
  }

  /** The machine has ended by itself. @returns whether the recorded run ended here too; undefined if it was over before */
  endsHere(): boolean | undefined {
    return this.isLive ? undefined : this.replayed.endsHere();
  }

  mayJump(nanoseconds: number): boolean {
    return this.source.mayJump(nanoseconds);
  }

  passIdleTime(): void {
    this.source.passIdleTime();
  }
}
