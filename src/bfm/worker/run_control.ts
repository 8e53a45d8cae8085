// SPDX-License-Identifier: LGPL-2.1-only
import { Sizes } from '../../machine/layout/regions.js';
import { EXIT_HISTORY_WORDS } from '../../machine/processor/exit_history.js';
import { RunCounters } from './run_counters.js';

/** Why the main thread wants the machine to stop. */
export enum StopRequest {
  None = 0,
  Timeout = 1,
  Interrupted = 2,
}

const STOP = 0;
const HEARTBEAT = 1;
const EXIT_REASON = 2;
const HANDLER = 3;
const INPUT_HEAD = 4;
const INPUT_TAIL = 5;
const ATTENTION = 6;
const OUTPUT = 7;
const INPUT_OPEN = 8;
const RUNNING = 9;
const RELOAD = 10;
/** An even number: what follows is aligned to 8 bytes. */
const WORDS = 12;
const INPUT_BYTES = 4096;
/** Bytes of output that may be on their way to their reader. */
const MOST_OUTPUT_BYTES = 1 << 18;
/** How long the worker waits for a reader before it shows that it is alive. */
const OUTPUT_WAIT_MILLISECONDS = 50;
const COUNTERS_OFFSET = WORDS * 4;
const HISTORIES_OFFSET = COUNTERS_OFFSET + RunCounters.bytes;
const INPUT_OFFSET = HISTORIES_OFFSET + 4 * EXIT_HISTORY_WORDS * Sizes.MAX_PROCESSORS;

/**
 * The words that the main thread and the machine's worker share. The worker is busy with the guest and reads no messages. It reads
 * these words once a quantum, and the main thread sees from them that it is alive.
 */
export class RunControl {
  private readonly words: Int32Array;
  private readonly input: Uint8Array;
  /** The machine's progress, readable from both sides at any moment. */
  readonly counters: RunCounters;
  /** The last VM exits of each processor: memory of `ExitHistory`. */
  readonly exitHistories: readonly Int32Array[];

  /** @param memory of another `RunControl`; without it, new memory. */
  constructor(readonly memory: SharedArrayBuffer = new SharedArrayBuffer(INPUT_OFFSET + INPUT_BYTES)) {
    this.words = new Int32Array(memory, 0, WORDS);
    this.counters = new RunCounters(memory, COUNTERS_OFFSET);
    this.exitHistories = Array.from(
      { length: Sizes.MAX_PROCESSORS },
      (_, processor) =>
        new Int32Array(memory, HISTORIES_OFFSET + 4 * EXIT_HISTORY_WORDS * processor, EXIT_HISTORY_WORDS),
    );
    this.input = new Uint8Array(memory, INPUT_OFFSET, INPUT_BYTES);
  }

  /** The first request counts: a Ctrl-C during the stop of a time-out does not change why the run ended. */
  requestStop(request: StopRequest): void {
    Atomics.compareExchange(this.words, STOP, StopRequest.None, request);
    this.callForAttention();
    Atomics.notify(this.words, INPUT_HEAD);
  }

  /** Main thread: there is something for the worker to do. Its quantum ends at the next VM exit, even with many slow handlers to come. */
  callForAttention(): void {
    Atomics.store(this.words, ATTENTION, 1);
  }

  /** Worker: it checks now. */
  attend(): void {
    Atomics.store(this.words, ATTENTION, 0);
  }

  get wantsAttention(): boolean {
    return Atomics.load(this.words, ATTENTION) !== 0;
  }

  /** The word by which the main thread asks the machine for attention: not 0 while it does. */
  get attentionWord(): Int32Array {
    return this.words.subarray(ATTENTION, ATTENTION + 1);
  }

  /** Main thread: the modules have new code. */
  requestReload(): void {
    Atomics.store(this.words, RELOAD, 1);
    this.callForAttention();
    Atomics.notify(this.words, INPUT_HEAD);
  }

  get wantsReload(): boolean {
    return Atomics.load(this.words, RELOAD) !== 0;
  }

  /** Worker: it reloads now. What changes from now on is another request. */
  beginReload(): void {
    Atomics.store(this.words, RELOAD, 0);
    this.attend();
  }

  get stopRequest(): StopRequest {
    return Atomics.load(this.words, STOP);
  }

  /** Worker: the guest runs from now on, in quanta. */
  start(): void {
    Atomics.store(this.words, RUNNING, 1);
  }

  /** Whether there are quanta, at whose end the machine can stop. */
  get isRunning(): boolean {
    return Atomics.load(this.words, RUNNING) !== 0;
  }

  /** The worker has finished a quantum. */
  beat(): void {
    Atomics.add(this.words, HEARTBEAT, 1);
  }

  /** Changes with each quantum. */
  get heartbeat(): number {
    return Atomics.load(this.words, HEARTBEAT);
  }

  /** The word in which the machine says which VM exit JavaScript is handling: basic reason + 1; 0 while the guest runs. */
  get exitWord(): Int32Array {
    return this.words.subarray(EXIT_REASON, EXIT_REASON + 1);
  }

  get exitReason(): number {
    return Atomics.load(this.words, EXIT_REASON);
  }

  /** The word in which the VMM says which handler it is in: 1 + index into the names of handlers; 0 in none of them. */
  get handlerWord(): Int32Array {
    return this.words.subarray(HANDLER, HANDLER + 1);
  }

  get handler(): number {
    return Atomics.load(this.words, HANDLER);
  }

  /** Main thread: bytes typed at the console. @returns how many of them found room */
  type(bytes: Uint8Array): number {
    const head = Atomics.load(this.words, INPUT_HEAD);
    const tail = Atomics.load(this.words, INPUT_TAIL);
    const count = Math.min(bytes.length, INPUT_BYTES - ((head - tail) | 0));
    for (let at = 0; at < count; at++) this.input[(head + at) & (INPUT_BYTES - 1)] = bytes[at]!;
    Atomics.store(this.words, INPUT_HEAD, (head + count) | 0);
    Atomics.notify(this.words, INPUT_HEAD);
    return count;
  }

  /** Main thread: from now on input may come. */
  openInput(): void {
    Atomics.store(this.words, INPUT_OPEN, 1);
  }

  /** Main thread: no more input will come. */
  endInput(): void {
    Atomics.store(this.words, INPUT_OPEN, 0);
    Atomics.notify(this.words, INPUT_HEAD);
  }

  /** Worker: whether input may come, or waits. */
  get isInputOpen(): boolean {
    return Atomics.load(this.words, INPUT_OPEN) !== 0 || this.hasInput;
  }

  /** Worker: whether input waits. */
  get hasInput(): boolean {
    return Atomics.load(this.words, INPUT_HEAD) !== Atomics.load(this.words, INPUT_TAIL);
  }

  /** Worker: takes the input since the last call. */
  takeInput(): number[] {
    const head = Atomics.load(this.words, INPUT_HEAD);
    let tail = Atomics.load(this.words, INPUT_TAIL);
    const bytes: number[] = [];
    for (; tail !== head; tail = (tail + 1) | 0) bytes.push(this.input[tail & (INPUT_BYTES - 1)]!);
    Atomics.store(this.words, INPUT_TAIL, tail);
    return bytes;
  }

  /** Worker: bytes of output are on their way. If there are too many, nobody reads them: the worker waits, until it must stop. */
  outputSent(bytes: number): void {
    Atomics.add(this.words, OUTPUT, bytes);
    for (;;) {
      const underWay = Atomics.load(this.words, OUTPUT);
      if (underWay <= MOST_OUTPUT_BYTES || this.stopRequest !== StopRequest.None) return;
      this.beat();
      Atomics.wait(this.words, OUTPUT, underWay, OUTPUT_WAIT_MILLISECONDS);
    }
  }

  /** Main thread: bytes of output have been read. */
  outputTaken(bytes: number): void {
    Atomics.sub(this.words, OUTPUT, bytes);
    Atomics.notify(this.words, OUTPUT);
  }

  /** Worker: sleeps, but wakes for input, for a stop and for new code. */
  sleep(milliseconds: number): void {
    // Earlier input may wait for room at the guest's port: only new input wakes.
    const head = Atomics.load(this.words, INPUT_HEAD);
    if (this.stopRequest === StopRequest.None && !this.wantsReload)
      Atomics.wait(this.words, INPUT_HEAD, head, milliseconds);
  }
}
