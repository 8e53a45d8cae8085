// SPDX-License-Identifier: LGPL-2.1-only
import type { BootRequest } from '../machine/boot/entry_state.js';
import type { ConsolePort } from '../machine/devices/virtio/virtio_console.js';
import { Pc, type PcEnd, type PcOptions } from '../machine/pc.js';
import { guestEnd, type GuestEnd } from './guest_end.js';
import type { InputSource, MakeInputSource } from './input_source.js';
import { LastOutput } from './last_output.js';
import type { LateStart } from './late_start.js';
import { LiveInputs } from './live_inputs.js';
import type { DriverCall, MachineEvent } from './machine_event.js';
import { SliceEnd, type SessionPorts } from './session_ports.js';
import type { ProfileRecorder } from './profile/profile_recorder.js';
import type { SessionRecorder } from './session_recorder.js';
import type { TraceRecorder } from './trace/trace_recorder.js';

/** Which machine to make, and how it is run. */
export interface SessionOptions extends Omit<PcOptions, 'com1' | 'com2' | 'debugConsole'> {
  /** Idle time passes in real time, or at once. */
  readonly pace: 'real' | 'fast';
  /** For a VMM that starts while the guest runs. */
  readonly lateStart?: LateStart | undefined;
  /** Takes the bytes of the console. It returns true when a text is complete that the owner waits for. */
  readonly until?: { push(byte: number): boolean } | undefined;
  /** The first value of `MachineSession.stopAt`. */
  readonly stopAt?: StopPoint | undefined;
  /** Where the events come from. The default are the session's ports. */
  readonly inputs?: MakeInputSource | undefined;
  /** Writes down the run. */
  readonly recorder?: SessionRecorder | undefined;
  /** Watches it. */
  readonly trace?: TraceRecorder | undefined;
  readonly profile?: ProfileRecorder | undefined;
}

/** A point at which a machine stops. */
export type StopPoint =
  /** So many instructions, or VM exits that were handled, of all processors together. */
  | { readonly kind: 'instruction' | 'exit'; readonly count: number }
  /** So many instructions of one processor. */
  | { readonly kind: 'processor'; readonly processor: number; readonly count: number }
  /** The turn of a processor has begun, and it has not executed anything yet. */
  | { readonly kind: 'turn'; readonly processor: number };

/**
 * A machine that its owner runs in slices of virtual time. `bfm run`, the background host and a page own one each. Nothing of the machine runs
 * between two slices.
 *
 * What comes in from outside comes in by `slice` and `call`, at a moment that equal runs have in common. So the same events at the same moments give
 * the same run, wherever the host cuts it.
 */
export class MachineSession {
  readonly lastOutput = new LastOutput();
  /** How the machine ended by itself. */
  end: PcEnd | undefined;
  /** After `SliceEnd.CallDue`: the call that the owner must make by `call` before it goes on. */
  dueCall: DriverCall | undefined;
  /** A point at which the owner wants to stop. For an exit, the word `attention` must not be 0. */
  stopAt: StopPoint | undefined;
  private machine: Pc | undefined;
  private inputs: InputSource | undefined;
  private isReached = false;
  private isUnheard = false;
  private readonly idle = (nanoseconds: number): boolean =>
    this.options.lateStart?.idle() !== true && this.inputs!.mayJump(nanoseconds);

  private constructor(
    private readonly options: SessionOptions,
    private readonly ports: SessionPorts,
  ) {
    this.stopAt = options.stopAt;
  }

  /** Makes a machine that has just been switched on. @throws if the system does not give the memory */
  static async create(options: SessionOptions, ports: SessionPorts): Promise<MachineSession> {
    const session = new MachineSession(options, ports);
    const console = (byte: number): void => session.consoleByte(byte);
    const { virtioConsole } = options;
    const pc = await Pc.create({
      ...options,
      ...(virtioConsole !== undefined && { virtioConsole: session.heard(virtioConsole) }),
      com1: console,
      com2: (byte) => session.vmmByte(byte),
      debugConsole: console,
    });
    session.machine = pc;
    options.trace?.attach(pc);
    options.profile?.attach(pc);
    session.inputs = options.inputs?.(pc) ?? new LiveInputs(pc, ports, options.pace);
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

  /** After `SliceEnd.Idle`: how long, in real time; `Infinity` if only input ends it. */
  get idleMilliseconds(): number {
    return this.inputs!.idleMilliseconds;
  }

  /** Whether something may come in now. If not, another slice leads to such a moment. */
  get isAtMoment(): boolean {
    return this.end !== undefined || this.pc.moment !== undefined;
  }

  /**
   * Runs the machine until a virtual time, or until something happens earlier.
   *
   * @param untilVirtual nanoseconds since power-on; the turn that has begun then is finished.
   */
  slice(untilVirtual: number): SliceEnd {
    for (;;) {
      const stop = this.reasonToStop(untilVirtual) ?? this.takeEvents();
      if (stop !== undefined) return stop;
      const end = this.pc.runQuantum(this.idle, Math.min(this.most, this.inputs!.most ?? Infinity));
      this.ports.quantumEnded(this.pc);
      this.options.recorder?.quantumEnded(this.pc);
      this.flush();
      this.end ??= end;
      if (this.end === undefined && this.idleMilliseconds > 0 && this.options.lateStart?.isDue !== true)
        return SliceEnd.Idle;
    }
  }

  /** The owner lets the machine run beyond its present point and brings it back: nothing that is printed meanwhile counts or is shown. */
  async unheard<T>(work: () => Promise<T>): Promise<T> {
    this.isUnheard = true;
    try {
      return await work();
    } finally {
      this.isUnheard = false;
    }
  }

  /** After `SliceEnd.TextReached`: the next slice goes on. */
  passText(): void {
    this.isReached = false;
  }

  /** The owner has brought the machine to another moment of its run, at which it had not ended. @param lastOutput what `lastOutput.save` gave then */
  wentTo(lastOutput: Uint8Array): void {
    this.end = undefined;
    this.dueCall = undefined;
    this.isReached = false;
    this.lastOutput.restore(lastOutput);
  }

  /** The owner calls the VMM's driver, as an event. Precondition: `isAtMoment`. */
  call<T>(call: DriverCall, perform: () => T): T {
    this.dueCall = undefined;
    this.announce(call);
    return perform();
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

  /** Whether an event waits that the machine can take at once. */
  get hasEvent(): boolean {
    return this.inputs!.isReady;
  }

  /** Instructions after which the owner wants to look whether its point has come. */
  private get most(): number {
    const { stopAt, pc } = this;
    switch (stopAt?.kind) {
      case 'instruction':
        return stopAt.count - pc.instructions;
      case 'processor':
        return this.mostBeforeTurn(stopAt.processor, stopAt.count - pc.processors[stopAt.processor]!.instructionCount);
      case 'turn':
        return this.mostBeforeTurn(stopAt.processor, 0);
      default:
        return Infinity;
    }
  }

  /** Before a turn is planned, nobody knows whose it will be: then nothing more than that happens. @param most if it is the processor's */
  private mostBeforeTurn(processor: number, most: number): number {
    const { processorInTurn } = this.pc.scheduler;
    if (processorInTurn === undefined) return 0;
    return processorInTurn === processor ? most : Infinity;
  }

  private get isAtPoint(): boolean {
    const { stopAt, pc } = this;
    switch (stopAt?.kind) {
      case 'instruction':
        return pc.instructions >= stopAt.count;
      case 'exit':
        return pc.exitCount >= stopAt.count;
      case 'processor':
        return pc.processors[stopAt.processor]!.instructionCount >= stopAt.count;
      case 'turn':
        return pc.scheduler.processorInTurn === stopAt.processor;
      default:
        return false;
    }
  }

  /** Why no quantum runs now. */
  private reasonToStop(untilVirtual: number): SliceEnd | undefined {
    if (this.pc.stops.isMet) return SliceEnd.DebuggerStop;
    if (this.options.lateStart?.isDue === true) return SliceEnd.LateStartDue;
    // A recorded run may have ended by a text at the very point to which its replay goes.
    if (this.isAtPoint) return SliceEnd.PointReached;
    if (this.isReached) return SliceEnd.TextReached;
    if (this.end !== undefined) return SliceEnd.Ended;
    // Elsewhere the owner could not do anything that another run can repeat.
    if (this.pc.moment === undefined) return undefined;
    if (this.ports.wantsAttention()) return SliceEnd.Attention;
    return this.pc.virtualTime >= untilVirtual ? SliceEnd.Time : undefined;
  }

  /** Takes in what comes now. @returns why no quantum runs now */
  private takeEvents(): SliceEnd | undefined {
    const next = this.pc.moment === undefined ? this.inputs!.nextWithin?.() : this.inputs!.next();
    if (typeof next !== 'object') return next;
    if (next.kind === 'call') {
      this.dueCall = next;
      return SliceEnd.CallDue;
    }
    this.announce(next);
    if (next.kind === 'turn') this.pc.runNext(next.processor);
    else this.pc.chipset.com1.receive(next.bytes);
    return undefined;
  }

  private announce(event: MachineEvent): void {
    if (this.end !== undefined) return;
    this.inputs!.passIdleTime();
    const at = this.pc.moment ?? (event.kind === 'turn' ? this.pc.momentWithin : undefined);
    if (at === undefined) throw new Error('an event must come in at a moment: see MachineSession.isAtMoment');
    this.options.recorder?.event({ at, event });
  }

  private heard({ input, output }: ConsolePort): ConsolePort {
    return { input, output: (bytes) => (this.isUnheard ? undefined : output(bytes)) };
  }

  private vmmByte(byte: number): void {
    if (!this.isUnheard) this.ports.vmm.push(byte);
  }

  private consoleByte(byte: number): void {
    if (this.isUnheard) return;
    const { lateStart, until } = this.options;
    this.ports.console.push(byte);
    this.lastOutput.push(byte);
    this.options.trace?.console(byte);
    if (lateStart?.consoleByte(byte) === true) this.pc.requestStop();
    if (until?.push(byte) !== true) return;
    this.isReached = true;
    this.pc.requestStop();
  }
}
