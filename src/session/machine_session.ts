// SPDX-License-Identifier: LGPL-2.1-only
import type { BootRequest } from '../machine/boot/entry_state.js';
import { Pc, type PcEnd, type PcOptions } from '../machine/pc.js';
import { guestEnd, type GuestEnd } from './guest_end.js';
import { LastOutput } from './last_output.js';
import type { LateStart } from './late_start.js';
import { SliceEnd, type SessionPorts } from './session_ports.js';
import type { TextMatcher } from './text_matcher.js';

/** Bytes that may wait at the guest's serial port for a guest that does not read. */
const MOST_WAITING = 4096;

/** Which machine to make, and how it is run. */
export interface SessionOptions extends Omit<PcOptions, 'com1' | 'com2' | 'debugConsole'> {
  /** Idle time passes in real time, or at once. */
  readonly pace: 'real' | 'fast';
  /** For a VMM that starts while the guest runs. */
  readonly lateStart?: LateStart | undefined;
  /** A text of the console that the owner waits for. */
  readonly until?: TextMatcher | undefined;
}

/**
 * A machine that its owner runs in slices of virtual time. `bfm run`, the background host and a page own one each. Nothing of the machine runs
 * between two slices.
 */
export class MachineSession {
  readonly lastOutput = new LastOutput();
  /** How the machine ended by itself. */
  end: PcEnd | undefined;
  /** After `SliceEnd.Idle`: how long, in real time; `Infinity` if only input ends it. */
  idleMilliseconds = 0;
  private machine: Pc | undefined;
  private isReached = false;
  /** Real time at which the current idle time ends. */
  private idleUntil: number | undefined;
  private readonly idle = (nanoseconds: number): boolean => this.hasIdled(nanoseconds);

  private constructor(
    private readonly options: SessionOptions,
    private readonly ports: SessionPorts,
  ) {}

  /** Makes a machine that has just been switched on. @throws if the system does not give the memory */
  static async create(options: SessionOptions, ports: SessionPorts): Promise<MachineSession> {
    const session = new MachineSession(options, ports);
    const console = (byte: number): void => session.consoleByte(byte);
    session.machine = await Pc.create({
      ...options,
      com1: console,
      com2: (byte) => ports.vmm.push(byte),
      debugConsole: console,
    });
    return session;
  }

  get pc(): Pc {
    return this.machine!;
  }

  /** Puts an image into memory and the first processor at its entry. @throws BootError */
  boot(request: BootRequest): void {
    this.pc.boot(request);
  }

  /** The VMM was started late. */
  lateStarted(): void {
    this.options.lateStart?.started(this.pc.instructions);
  }

  /**
   * Runs the machine until a virtual time, or until something happens earlier.
   *
   * @param untilVirtual nanoseconds since power-on; the quantum that is running then is finished.
   */
  slice(untilVirtual: number): SliceEnd {
    for (;;) {
      const stop = this.reasonToStop(untilVirtual);
      if (stop !== undefined) return stop;
      this.feed();
      this.idleMilliseconds = 0;
      const end = this.pc.runQuantum(this.idle);
      this.ports.quantumEnded(this.pc);
      this.flush();
      this.end ??= end;
      if (this.end === undefined && this.idleMilliseconds > 0 && this.options.lateStart?.isDue !== true)
        return SliceEnd.Idle;
    }
  }

  /** How the guest ended by itself; what it printed decides too. */
  get guestEnd(): GuestEnd | undefined {
    return this.end && guestEnd(this.end, this.lastOutput.lines());
  }

  /** Flushes what the guest and the VMM printed. */
  flush(): void {
    this.ports.console.flush();
    this.ports.vmm.flush();
  }

  /** Whether input waits, and the guest's console has room for it. */
  get canFeed(): boolean {
    return this.ports.hasInput() && this.pc.chipset.com1.waitingBytes < MOST_WAITING;
  }

  /** Why no quantum runs now. */
  private reasonToStop(untilVirtual: number): SliceEnd | undefined {
    if (this.options.lateStart?.isDue === true) return SliceEnd.LateStartDue;
    if (this.isReached) return SliceEnd.TextReached;
    if (this.end !== undefined) return SliceEnd.Ended;
    if (this.ports.wantsAttention()) return SliceEnd.Attention;
    return this.pc.virtualTime >= untilVirtual ? SliceEnd.Time : undefined;
  }

  /** Hands input to the guest's console, unless enough waits there already. */
  private feed(): void {
    if (!this.canFeed) return;
    this.idleUntil = undefined;
    this.pc.chipset.com1.receive(this.ports.takeInput());
  }

  private consoleByte(byte: number): void {
    const { lateStart, until } = this.options;
    this.ports.console.push(byte);
    this.lastOutput.push(byte);
    if (lateStart?.consoleByte(byte) === true) this.pc.requestStop();
    if (until?.push(byte) !== true) return;
    this.isReached = true;
    this.pc.requestStop();
  }

  /** Whether that many nanoseconds of idle time have passed, so that the machine may jump over them. */
  private hasIdled(nanoseconds: number): boolean {
    const { lateStart, pace } = this.options;
    if (lateStart?.idle() === true) return false;
    if (pace === 'fast' && !(nanoseconds === Infinity && this.ports.isInputOpen())) return true;
    const now = this.ports.now();
    this.idleUntil ??= now + nanoseconds / 1e6;
    if (now >= this.idleUntil) {
      this.idleUntil = undefined;
      return true;
    }
    this.idleMilliseconds = this.idleUntil - now;
    return false;
  }
}
