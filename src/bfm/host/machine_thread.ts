// SPDX-License-Identifier: LGPL-2.1-only
import { Worker } from 'node:worker_threads';
import type { DriverState } from '../../driver/driver.js';
import { BareflankError } from '../../intrinsics/errors.js';
import { endWorker } from '../worker/end_worker.js';
import { endedFromInside } from '../worker/ended_worker.js';
import { InputQueue } from '../worker/input_queue.js';
import { problemOf } from '../failures/problem.js';
import { RunControl } from '../worker/run_control.js';
import type { RunRequest, RunWorkerData } from '../worker/run_request.js';
import { Watchdog } from '../worker/watchdog.js';
import { Seal } from '../worker/worker_messages.js';
import type { GdbEvent } from '../gdb/gdb_inbox.js';
import { CommandError, MachineLostError } from './host_errors.js';
import { MachineGdb, type WantedPort } from './machine_gdb.js';
import {
  TYPE,
  type HostedMessage,
  type HostRequests,
  type HostStatus,
  type MachineMethod,
  type WorkerRequest,
} from './host_protocol.js';

/** How long a machine may take to stop and unload its VMM when it is removed. */
const REMOVAL_MILLISECONDS = 5000;

/** Bytes of the console that are kept for clients that attach later. */
const BACKLOG_BYTES = 65536;

/** Bytes that may wait for a guest that does not read what is typed. */
const MOST_TYPED_BYTES = 1 << 20;

/** The events for attached consoles. */
export interface HostListener {
  console(bytes: Uint8Array): void;
  vmm(bytes: Uint8Array): void;
  ended(detail: string): void;
}

interface Answer {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

interface Pending extends Answer {
  readonly method: MachineMethod;
}

/**
 * The worker thread of a hosted machine, as the host's main thread uses it: forwards requests one by one, keeps the end of the console, and ends the worker if a
 * handler of the VMM does not return.
 */
export class MachineThread {
  readonly listeners = new Set<HostListener>();
  /** How the guest ended, or why the machine was lost. */
  ending: string | undefined;
  /** How the guest ended, in one line: known before the whole report is written. */
  private endingLine: string | undefined;
  private readonly control = new RunControl();
  private readonly seal = new Seal<HostedMessage>();
  private readonly input = new InputQueue(this.control, () => this.post({ id: 0, method: TYPE, params: undefined }));
  private readonly worker: Worker;
  private readonly pending = new Map<number, Pending>();
  private readonly watchdog: Watchdog;
  private handlers: readonly string[] = [];
  private nextId = 1;
  private lost: string | undefined;
  private isClosing = false;
  private backlogBytes = new Uint8Array();
  private ready: Answer | undefined;
  private state: DriverState = 'VMM_UNLOADED';
  private readonly gdb = new MachineGdb((event) => this.tellGdb(event));

  /** @param killed called when GDB's client wants the end of the machine */
  constructor(
    request: RunRequest,
    private readonly killed: () => void = () => {},
  ) {
    this.control.openInput();
    const workerData: RunWorkerData = { request, control: this.control.memory, seal: this.seal.text };
    this.worker = new Worker(new URL('./hosted_worker.js', import.meta.url), { workerData });
    this.worker.on('message', (received: unknown) => {
      const message = this.seal.open(received);
      if (message !== undefined) this.receive(message);
    });
    this.worker.on('error', (error: unknown) => this.lose(problemOf(error).what));
    this.worker.on('exit', (code) => this.lose(this.endOf(code)));
    this.watchdog = new Watchdog(this.control, {
      handlers: () => this.handlers,
      onHang: (what) => {
        this.lose(what);
        void endWorker(this.worker);
      },
    });
  }

  /** Resolves when the machine runs. @throws MachineLostError if it cannot begin. */
  started(): Promise<void> {
    return new Promise((resolve, reject) => (this.ready = { resolve: () => resolve(), reject }));
  }

  /** The end of the console. */
  get backlog(): Uint8Array {
    return this.backlogBytes;
  }

  /** Types bytes at the console. @returns once they are on their way to the guest. @throws MachineLostError, CommandError if too many wait */
  async type(bytes: Uint8Array): Promise<void> {
    if (this.lost !== undefined) throw new MachineLostError(`the guest cannot read its input: ${this.lost}`);
    if (this.input.length + bytes.length > MOST_TYPED_BYTES)
      throw new CommandError(`the guest does not read its input: ${this.input.length} bytes wait already`);
    await this.input.type(bytes);
  }

  /** The state of the VMM as the machine last reported it, what it is doing, and how the guest ended if it did. Never waits. */
  status(): HostStatus {
    const [busy] = [...this.pending.values()].map(({ method }) => method);
    return {
      state: this.lost === undefined ? this.state : 'VMM_CORRUPT',
      ending: this.ending ?? this.endingLine,
      busy,
    };
  }

  /** Tells attached consoles, among the lines of the VMM. */
  say(text: string): void {
    const bytes = Buffer.from(`bfm: ${text}\n`);
    this.tell((listener) => listener.vmm(bytes));
  }

  /** Asks the machine. @throws MachineLostError, or an error with the machine's own message */
  request<M extends MachineMethod>(method: M, params: HostRequests[M]['params']): Promise<HostRequests[M]['result']> {
    if (this.lost !== undefined) return this.withoutMachine(method, this.lost);
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      this.pending.set(id, { method, resolve: resolve as Pending['resolve'], reject });
      this.post({ id, method, params });
    });
  }

  /** Opens the port for GDB. @returns what GDB's `target remote` takes. @throws FileError, CommandError if another one is open, MachineLostError */
  async openGdb(wanted: WantedPort): Promise<string> {
    await this.request('debug', {});
    return this.gdb.listen(wanted);
  }

  closeGdb(): Promise<void> {
    return this.gdb.close();
  }

  /** Lets the machine stop and unload its VMM. Does not wait for a machine that is stuck, for instance in a module that never ends. */
  async remove(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise((resolve) => (timer = setTimeout(resolve, REMOVAL_MILLISECONDS)));
    // A lost machine can be removed too.
    await Promise.race([this.request('remove', {}).catch(() => {}), patience]);
    clearTimeout(timer);
    // Attached and waiting clients get the reason why no answer will come.
    this.lose('its machine was removed (bfm driver_unload)');
  }

  /** Ends the worker in any state. @returns false if it is blocked in a system call that only the end of the process can end */
  async close(): Promise<boolean> {
    this.isClosing = true;
    this.watchdog.stop();
    await this.gdb.close();
    return endWorker(this.worker);
  }

  /** Removal always works. */
  private withoutMachine<M extends MachineMethod>(method: M, why: string): Promise<HostRequests[M]['result']> {
    if (method === 'remove') return Promise.resolve(null as HostRequests[M]['result']);
    return Promise.reject(new MachineLostError(`vmm is corrupt: ${why}; end its machine with bfm driver_unload`));
  }

  private post(request: WorkerRequest): void {
    this.worker.postMessage(request);
    this.control.callForAttention();
  }

  private tellGdb(event: GdbEvent): void {
    if (this.lost !== undefined) return;
    this.worker.postMessage(event);
    this.control.callForAttention();
  }

  private receive(message: HostedMessage): void {
    switch (message.kind) {
      case 'console':
        this.keep(message.bytes);
        this.control.outputTaken(message.bytes.length);
        return this.tell((listener) => listener.console(message.bytes));
      case 'vmm':
        this.control.outputTaken(message.bytes.length);
        return this.tell((listener) => listener.vmm(message.bytes));
      case 'typed':
        return this.input.feed();
      case 'state':
        this.state = message.state;
        this.handlers = message.handlers;
        return;
      case 'calling':
        return this.watchdog.calling(message.what);
      case 'ready':
        return this.ready?.resolve(undefined);
      case 'ended':
        if (!message.isWhole) return void (this.endingLine = message.detail);
        this.ending = message.detail;
        return this.tell((listener) => listener.ended(message.detail));
      case 'gdb':
        return this.gdb.send(message.text);
      case 'killed':
        return this.killed();
      case 'failed':
        return this.lose(message.message);
      case 'answer':
        return this.settle(message.id, ({ resolve }) => resolve(message.result));
      case 'error':
        return this.settle(message.id, ({ reject }) => reject(new BareflankError(message.message)));
    }
  }

  private settle(id: number, how: (answer: Answer) => void): void {
    const pending = this.pending.get(id);
    this.pending.delete(id);
    if (pending !== undefined) how(pending);
  }

  /** A listener that throws is removed. Neither the other listeners nor the machine notice. */
  private tell(what: (listener: HostListener) => void): void {
    for (const listener of this.listeners) {
      try {
        what(listener);
      } catch {
        this.listeners.delete(listener);
      }
    }
  }

  private keep(bytes: Uint8Array): void {
    this.backlogBytes = Buffer.concat([this.backlogBytes, bytes]).subarray(-BACKLOG_BYTES);
  }

  /** Why the worker has gone that sent no message about it. */
  private endOf(code: number): string {
    return this.isClosing ? 'the machine ended' : problemOf(endedFromInside(code, this.watchdog.underWay)).what;
  }

  /** The first reason counts. */
  private lose(why: string): void {
    if (this.lost !== undefined) return;
    this.lost = why;
    this.watchdog.stop();
    void this.gdb.close();
    this.ready?.reject(new MachineLostError(why));
    this.input.abandon(new MachineLostError(why));
    for (const id of [...this.pending.keys()]) this.settle(id, ({ reject }) => reject(new MachineLostError(why)));
    if (this.ending !== undefined) return;
    this.ending = why;
    this.tell((listener) => listener.ended(why));
  }
}
