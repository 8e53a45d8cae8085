// SPDX-License-Identifier: LGPL-2.1-only
import type { MachineSession } from '../../session/machine_session.js';
import { Debugger } from '../../session/debug/debugger.js';
import { SliceEnd } from '../../session/session_ports.js';
import type { DebuggedMachine } from '../gdb/debugged_machine.js';
import { GdbInbox, type GdbEvent } from '../gdb/gdb_inbox.js';
import { GdbSession } from '../gdb/gdb_session.js';

/** A stretch of virtual time that the debugger wants the machine to run. */
interface Turn {
  readonly untilVirtual: number;
  readonly ended: (end: SliceEnd) => void;
}

/** What GDB needs of a hosted machine. */
export interface HostedGdbParts extends Pick<DebuggedMachine, 'handlers' | 'canChange' | 'ending' | 'evaluate'> {
  readonly session: MachineSession;
  /** Sends to the client. */
  readonly post: (text: string) => void;
  /** The machine's loop sleeps: there is something to do. */
  readonly wake: () => void;
  /** The client wants the end of the machine. */
  readonly killed: () => void;
}

/**
 * GDB at a machine in the background. The machine's own loop stays in charge: the debugger asks for turns, the loop takes them, and serves the other
 * clients between two. While no turn is asked for, GDB holds the machine.
 */
export class HostedGdb {
  private readonly inbox: GdbInbox;
  private readonly machine: DebuggedMachine;
  private turn: Turn | undefined;
  private isHolding = false;

  constructor(private readonly parts: HostedGdbParts) {
    const { session, handlers, canChange, ending, evaluate } = parts;
    this.inbox = new GdbInbox(parts.post);
    const advance = (untilVirtual: number): Promise<SliceEnd> => this.wanted(untilVirtual);
    this.machine = {
      ...{ session, handlers, canChange, ending, evaluate },
      debug: new Debugger({ session, advance }, () => this.inbox.interrupts()),
      holds: (isHeld) => void (this.isHolding = isHeld),
    };
  }

  /** GDB's client looks at the machine, or thinks. */
  get isHeld(): boolean {
    return this.isHolding;
  }

  /** Until when the machine must run now; undefined: it must not. */
  get untilVirtual(): number | undefined {
    return this.turn?.untilVirtual;
  }

  /** The machine has run. */
  ran(end: SliceEnd): void {
    const { turn } = this;
    this.turn = undefined;
    // A request of another client cuts a turn short; the debugger goes on with the next one.
    turn?.ended(end === SliceEnd.Attention ? SliceEnd.Time : end);
  }

  receive(event: GdbEvent): void {
    this.inbox.push(event);
    this.parts.wake();
  }

  /**
   * Serves clients, one after another, for as long as the machine lives. A guest that has ended can be looked at.
   *
   * @param waits whether the machine waits for the first client
   */
  async serve(waits: boolean): Promise<void> {
    for (let holds = waits; ; holds = true) {
      const { end } = await new GdbSession(this.machine, this.inbox, holds).run();
      if (end === undefined) return this.parts.killed();
    }
  }

  /** The machine ends: no stop of the debugger must meet its last instructions. */
  detach(): void {
    this.machine.debug.detach();
  }

  private wanted(untilVirtual: number): Promise<SliceEnd> {
    return new Promise((ended) => {
      this.turn = { untilVirtual, ended };
      this.parts.wake();
    });
  }
}
