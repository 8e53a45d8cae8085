// SPDX-License-Identifier: LGPL-2.1-only
import { createHash } from 'node:crypto';
import { Driver } from '../../driver/driver.js';
import type { SeededGlobals } from '../../driver/handler_globals.js';
import { moduleFiles } from '../../driver/node/module_files.js';
import { useSourceMaps } from '../../driver/node/source_maps.js';
import { PromiseWatch } from '../../driver/node/promise_watch.js';
import type { PcEnd } from '../../machine/pc.js';
import type { GuestEnd } from '../../session/guest_end.js';
import { LateStart } from '../../session/late_start.js';
import { MachineSession } from '../../session/machine_session.js';
import { SliceEnd, type SessionPorts } from '../../session/session_ports.js';
import type { GdbEvent } from '../gdb/gdb_inbox.js';
import { announced, LOADING_MODULES } from '../worker/announced_modules.js';
import { readBootFile, readBootModule, readCoreModule } from '../worker/boot_file.js';
import type { Evaluator } from '../evaluate/evaluator.js';
import { deathReport } from '../death/death_report.js';
import { filesOf } from '../recording/recorded_files.js';
import { reloadModules, type ReloadingMachine } from '../recording/reload_modules.js';
import { RunRecording } from '../recording/run_recording.js';
import { refuseReplacing } from '../options/refuse_replacing.js';
import { problemOf } from '../failures/problem.js';
import type { RunControl } from '../worker/run_control.js';
import { endingLine } from '../run/run_report.js';
import { factsOf, requestOf, restoreMachine, saveRun, snapshotOf, type RunFacts } from '../run/saved_run.js';
import type { Snapshot } from '../snapshot/snapshot_file.js';
import type { RunRequest } from '../worker/run_request.js';
import { sessionOptions, sessionPorts, useGlobalsOf } from '../worker/session_in_worker.js';
import { DriverCommands } from './driver_commands.js';
import type { HostedGdb } from './hosted_gdb.js';
import { CommandError } from './host_errors.js';
import { checkedParameters } from './host_parameters.js';
import { performCall } from './perform_call.js';
import {
  TYPE,
  type HostedMessage,
  type HostRequests,
  type MachineMethod,
  type WorkerRequest,
} from './host_protocol.js';

/** Nanoseconds of virtual time that the guest runs before the worker reads messages. A waiting request ends a slice earlier. */
const SLICE = 2_000_000;

/** The methods that fail once the guest has ended. */
const wantsGuest: ReadonlySet<MachineMethod> = new Set(['load', 'reload', 'start', 'vmcall', 'vmcallData', 'save']);

/** The methods that take no part in the run: they can be served wherever GDB has stopped it. */
const looks: ReadonlySet<MachineMethod> = new Set(['dump', 'memoryHash', 'evaluate', 'remove']);

/** Names of the methods that call code of the VMM or of extensions, for the watchdog's report. */
const calls: Readonly<Partial<Record<MachineMethod, string>>> = {
  load: LOADING_MODULES,
  reload: LOADING_MODULES,
  start: 'the start of the VMM',
  vmcall: 'the VMCALL',
  vmcallData: 'the VMCALL',
  stop: 'the stop of the VMM',
  unload: 'the end of the VMM',
  remove: 'the end of the VMM',
  evaluate: 'an expression of bfm eval',
};

/** @throws CommandError for a machine that no snapshot can hold */
function refuseUnsaved({ disks = [] }: RunRequest): void {
  const changed = disks.find(({ isWritable }) => isWritable);
  if (changed !== undefined)
    throw new CommandError(
      `save: the machine goes on and changes ${changed.path}, which would not be the disk of the snapshot any more: load the machine without ",write"`,
    );
}

/** A machine that lives until it is removed: it runs its guest, and between two quanta serves the requests of its host's clients. */
export class HostedMachine {
  private readonly ports: SessionPorts;
  private lateStart: LateStart | undefined;
  private readonly queue: WorkerRequest[] = [];
  private wake: () => void = () => {};
  private session!: MachineSession;
  private driver!: Driver;
  private commands!: DriverCommands;
  private isRemoved = false;
  private isEndTold = false;
  private globals: SeededGlobals | undefined;
  /** What a snapshot would say about the files of this machine. */
  private facts!: RunFacts;
  private recording: RunRecording | undefined;
  private evaluator: Evaluator | undefined;
  private gdb: HostedGdb | undefined;
  private promises: PromiseWatch | undefined;
  /** Why the last slice ended. */
  private stopped = SliceEnd.Time;

  constructor(
    private readonly request: RunRequest,
    private readonly control: RunControl,
    private readonly post: (message: HostedMessage) => void,
  ) {
    this.ports = sessionPorts(control, post, () => control.wantsAttention);
    this.lateStart = request.start === 'late' ? new LateStart(request.startAt) : undefined;
  }

  /** A client's request, which runs between two quanta. */
  receive(request: WorkerRequest): void {
    this.queue.push(request);
    this.wake();
  }

  /** What the host's port for GDB says. Precondition: the machine has answered `debug`, or was asked to wait for GDB. */
  receiveGdb(event: GdbEvent): void {
    this.gdb!.receive(event);
  }

  /** Runs until the machine is removed. @throws BareflankError if it cannot begin. */
  async run(): Promise<void> {
    await this.build();
    this.post({ kind: 'ready' });
    while (!this.isRemoved) {
      // Requests that cannot be served yet still want attention.
      if (this.session.isAtMoment) this.control.attend();
      while (this.queue.length > 0 && (this.session.isAtMoment || this.gdb?.isHeld === true))
        await this.serve(this.queue.shift()!);
      await this.runOrWait();
    }
  }

  /** Runs the guest for a while, unless GDB holds it, and lets requests arrive. */
  private async runOrWait(): Promise<void> {
    const { gdb, session } = this;
    const untilVirtual = gdb === undefined ? session.pc.virtualTime + SLICE : gdb.untilVirtual;
    const runs = !this.isRemoved && untilVirtual !== undefined;
    if (runs) await this.runSlice(untilVirtual);
    session.flush();
    await this.pause(runs);
    if (runs) gdb?.ran(this.stopped);
  }

  private async build(): Promise<void> {
    const { request } = this;
    this.recording = request.record && (await RunRecording.begin(request.record, request));
    if (request.isRestored === true) await this.restore(await snapshotOf(request));
    else await this.powerOn();
    if (request.gdb?.waits === true) await this.serveGdb(true);
  }

  /** From now on GDB's clients are served. @param waits whether the machine waits for the first one */
  private async serveGdb(waits: boolean): Promise<void> {
    if (this.gdb !== undefined) return;
    const { session, recording, post } = this;
    // Loaded only if needed.
    const { HostedGdb } = await import('./hosted_gdb.js');
    this.gdb = new HostedGdb({
      session,
      handlers: () => this.driver.handlerNames,
      canChange: recording === undefined,
      evaluate: (text) => this.evaluateTyped(text),
      ending: () => this.shortEnding ?? 'the guest has ended',
      post: (text) => post({ kind: 'gdb', text }),
      wake: () => this.wake(),
      killed: () => post({ kind: 'killed' }),
    });
    void this.gdb.serve(waits);
  }

  private async powerOn(): Promise<void> {
    const { request } = this;
    const kernel = readBootFile(request.kernel);
    const modules = (request.initrd ?? []).map(readBootModule);
    this.facts = factsOf(request, [kernel, ...modules]);
    await this.makeMachine(request);
    await this.load();
    this.session.boot({ kernel, modules, append: request.append });
    if (request.start === 'boot') await this.called('start', () => this.start());
  }

  /** Loads the VMM that the command line asks for, if it does. */
  private async load(): Promise<void> {
    const { modules, start, settings } = this.request;
    if (modules.length > 0 || start !== 'off') await this.called('load', () => this.commands.load(modules, settings));
  }

  private async restore(snapshot: Snapshot): Promise<void> {
    const { request } = this;
    const { header, driver } = snapshot;
    this.facts = header;
    // A VMM that runs already is started no more.
    if (driver?.isRunning === true) this.lateStart = undefined;
    await this.makeMachine(requestOf(request, header), header.seed);
    restoreMachine(this.session, snapshot, request.kernel);
    if (driver?.image !== undefined)
      await this.called('load', () => this.commands.restore(request.modules, driver, header));
    else await this.load();
    this.tellState();
    // A client that attaches sees the prompt at which the guest waits.
    for (const byte of this.session.lastOutput.save()) this.ports.console.push(byte);
  }

  /** @param seed of the modules' random numbers */
  private async makeMachine(request: RunRequest, seed?: number): Promise<void> {
    const { control } = this;
    const recorder = this.recording?.recorder;
    const options = { ...sessionOptions(request, control, readCoreModule()), lateStart: this.lateStart, recorder };
    this.session = await MachineSession.create(options, this.ports);
    this.globals = useGlobalsOf(this.session, request, seed);
    useSourceMaps();
    if (request.realClock !== true) this.promises = new PromiseWatch();
    this.driver = await Driver.create({
      ...(this.promises && { watch: this.promises.follow }),
      source: announced(moduleFiles, (what) => this.post({ kind: 'calling', what })),
      machine: this.session.pc.driverAccess,
      whereabouts: control.handlerWord,
    });
    this.commands = new DriverCommands(this.driver);
  }

  /** Reports a call into the VMM or extensions, and its end, to the watchdog. */
  private async called<T>(method: MachineMethod, call: () => T | Promise<T>): Promise<T> {
    this.post({ kind: 'calling', what: calls[method] });
    try {
      return await call();
    } finally {
      this.post({ kind: 'calling', what: undefined });
    }
  }

  private start(): void {
    this.commands.start();
    this.tellState();
  }

  private tellState(): void {
    this.post({ kind: 'state', state: this.commands.status, handlers: [...this.driver.handlerNames] });
  }

  private async runSlice(untilVirtual: number): Promise<void> {
    const { session } = this;
    this.stopped = session.slice(untilVirtual);
    if (this.stopped === SliceEnd.LateStartDue) await this.called('start', () => this.startLate());
    if (this.stopped === SliceEnd.Ended) await this.tellEnd(session.end!, session.guestEnd!.kind);
  }

  private startLate(): void {
    this.session.lateStarted();
    try {
      this.start();
    } catch (error) {
      for (const byte of Buffer.from(`the late start failed: ${problemOf(error, null).what}\n`))
        this.ports.vmm.push(byte);
    }
  }

  private async tellEnd(end: PcEnd, kind: GuestEnd['kind']): Promise<void> {
    if (this.isEndTold) return;
    this.isEndTold = true;
    this.recording?.recorder.ended(this.session.pc, kind, false);
    // The whole report takes a disassembler. A client that asks meanwhile gets the first line.
    this.post({ kind: 'ended', detail: this.shortEnding!, isWhole: false });
    const { pc, lastOutput } = this.session;
    const { handlerNames: handlers, hasVmm } = this.driver;
    const machine = { processors: pc.processorReports(), handlers, lastOutput: lastOutput.lines() };
    const { detail } = kind === 'dead' ? await deathReport(end, hasVmm, machine) : end;
    this.post({
      kind: 'ended',
      detail: endingLine({ kind, detail }, pc.debugExit),
      isWhole: true,
    });
  }

  /** GDB stops anywhere. What may happen at a moment only, such as a call of the driver, waits until the guest has run on. */
  private refuseHeld(method: MachineMethod): void {
    if (this.session.isAtMoment || looks.has(method)) return;
    throw new CommandError(
      `${method === 'vmcallData' ? 'vmcall' : method}: GDB has stopped the machine in the middle of a turn: let the guest go on, then try again`,
    );
  }

  /** A machine whose guest has ended executes nothing more, not even its VMM's driver. */
  private refuseEnded(method: MachineMethod): void {
    if (this.shortEnding === undefined || !wantsGuest.has(method)) return;
    const name = method === 'vmcallData' ? 'vmcall' : method;
    throw new CommandError(
      `${name}: the guest has ended: ${this.shortEnding}; end its machine with bfm driver_unload, and start another with bfm driver_load`,
    );
  }

  /** How the guest ended, in one line. */
  private get shortEnding(): string | undefined {
    const { guestEnd, pc } = this.session;
    return guestEnd && endingLine(guestEnd, pc.debugExit).split('\n')[0];
  }

  /** Lets requests arrive. Sleeps while there is nothing to do. @param runs whether the guest runs; otherwise GDB holds it */
  private async pause(runs: boolean): Promise<void> {
    const { session, gdb } = this;
    const hasWork = runs ? session.end === undefined && session.hasEvent : gdb?.untilVirtual !== undefined;
    if (this.queue.length > 0 || this.isRemoved || hasWork) return;
    const milliseconds = this.stopped === SliceEnd.Idle ? session.idleMilliseconds : 0;
    // A debugger hears of the end at once.
    const forGood = !runs || (session.end !== undefined && gdb === undefined) || milliseconds === Infinity;
    await new Promise<void>((resolve) => {
      let timer: NodeJS.Timeout | undefined;
      let turn: NodeJS.Immediate | undefined;
      this.wake = () => {
        clearTimeout(timer);
        clearImmediate(turn);
        resolve();
      };
      if (forGood) return;
      if (milliseconds === 0) turn = setImmediate(resolve);
      else timer = setTimeout(resolve, milliseconds);
    });
    this.wake = () => {};
  }

  private async serve({ id, method, params }: WorkerRequest): Promise<void> {
    // The input is in shared memory: this only wakes the machine.
    if (method === TYPE) return;
    // The answer carries the state after it: a client that has the answer finds that state.
    const message = await this.called(method, () => this.answer(id, method, params));
    this.tellState();
    this.post(message);
  }

  private async answer(id: number, method: MachineMethod, params: unknown): Promise<HostedMessage> {
    try {
      return { kind: 'answer', id, result: await this.perform(method, params) };
    } catch (error) {
      // The client may be in any folder.
      return { kind: 'error', id, message: problemOf(error, null).what };
    }
  }

  private async perform(method: MachineMethod, params: unknown): Promise<unknown> {
    const { commands, session } = this;
    this.refuseEnded(method);
    this.refuseHeld(method);
    switch (method) {
      case 'debug':
        await this.serveGdb(false);
        return null;
      case 'dump':
        return { text: commands.dump(BigInt(checkedParameters(method, params).vcpuid)) };
      case 'memoryHash':
        return { sha256: createHash('sha256').update(session.pc.ram).digest('hex') };
      case 'evaluate':
        return this.evaluate(checkedParameters(method, params));
      case 'save':
        return this.save(checkedParameters(method, params).path);
      case 'remove':
        this.remove();
        return null;
      case 'reload':
        return this.reload(checkedParameters(method, params).files ?? commands.moduleFiles);
      default:
        return this.callDriver(method, params);
    }
  }

  private remove(): void {
    const { session, recording } = this;
    this.gdb?.detach();
    // GDB stops anywhere; a recording ends at a moment.
    if (!session.isAtMoment) session.slice(session.pc.virtualTime);
    if (session.end === undefined) recording?.recorder.ended(session.pc, 'removed', true);
    this.commands.remove();
    this.promises?.[Symbol.dispose]();
    this.isRemoved = true;
  }

  private async save(path: string): Promise<HostRequests['save']['result']> {
    const { session, driver, globals, request } = this;
    refuseUnsaved(request);
    // What the machine of a snapshot was made from is read no more.
    const read = filesOf(request).filter((file) => request.isRestored !== true || file !== request.kernel);
    refuseReplacing('save', path, [...read, ...this.commands.moduleFiles, request.virtioConsole?.output]);
    const facts = { ...this.facts, moduleFiles: [...this.commands.moduleFiles] };
    await saveRun({ session, driver, facts, globals }, { path }, request);
    return { instructions: session.pc.instructions };
  }

  /** TypeScript, as GDB's user types it. */
  private async evaluateTyped(text: string): Promise<string | undefined> {
    const { javaScriptOf } = await import('../../driver/node/typescript_expression.js');
    return (await this.evaluate({ code: javaScriptOf(text), session: 'gdb' })).text;
  }

  private async evaluate({ code, session: name }: HostRequests['evaluate']['params']): Promise<{ text?: string }> {
    const { session, driver, recording } = this;
    // Loaded only if needed.
    const { machineEvaluator } = await import('../evaluate/machine_scope.js');
    this.evaluator ??= machineEvaluator({ session, driver, isRecorded: recording !== undefined });
    const text = this.evaluator.evaluate(code, name);
    return text === undefined ? {} : { text };
  }

  private reload(files: readonly string[]): Promise<HostRequests['reload']['result']> {
    const { commands, session, recording } = this;
    const prepare = (names: readonly string[]) => commands.prepareReload(names);
    const reload: ReloadingMachine['reload'] = (names, prepared) => commands.reload(names, prepared);
    return reloadModules({ session, recording, prepare, reload }, files);
  }

  private async callDriver(method: MachineMethod, params: unknown): Promise<unknown> {
    const { commands, session } = this;
    const isWhole = method !== 'load' || (await this.recordModules(checkedParameters(method, params).files));
    // A load of modules that cannot be bundled only unloads those that there are.
    const call = isWhole ? { method, params } : { method: 'unload', params: {} };
    return session.call({ kind: 'call', ...call }, () => performCall(commands, method, params));
  }

  /** @returns false if they are no modules */
  private async recordModules(files: readonly string[]): Promise<boolean> {
    if (this.session.end !== undefined) return true;
    try {
      await this.recording?.loads(files);
      return true;
    } catch {
      // The load says why.
      return false;
    }
  }
}
