// SPDX-License-Identifier: LGPL-2.1-only
import { PinBasedControl } from '../../intrinsics/vmx/control_bits.js';
import { ActivityState } from '../../intrinsics/registers/registers.js';
import type { ExitEntry } from '../../intrinsics/instructions/host_entry.js';
import { exitReasonName, PENDING_WORK } from '../../intrinsics/vmx/exit_reasons.js';
import { VmcsField } from '../../intrinsics/vmcs/vmcs_fields.js';
import { Constants } from '../layout/core_constants.js';
import { Layout } from '../layout/layout.js';
import { StopReason } from '../layout/stop_reason.js';
import { performCodeInstruction } from '../vmx/instructions/code_instructions.js';
import { processorState } from './processor_state.js';
import { slotOf } from '../vmx/vmcs/field_slots.js';
import { vmxState } from '../vmx/hashed_vmx_state.js';
import { untilDeadline } from '../vmx/preemption_timer.js';
import { ExitHistory } from './exit_history.js';
import type { ExitSink, ExitTimer } from './exit_sink.js';
import type { ProcessorCore } from './processor_core.js';
import { exitReasons, type ProcessorCounters } from './processor_counters.js';
import { ProcessorDeadError, type ProcessorDeath } from './processor_death.js';
import { VmxAbort } from '../vmx/exit/vm_exit.js';
import { VmxMode } from '../vmx/vmx_mode.js';
import { Owner } from '../vmx/vmx_state.js';
import { VmxEngine, type VmxEngineOptions } from '../vmx/vmx_engine.js';
import { Word } from '../vmx/words.js';
import { restoreCore, saveCore, type ProcessorState } from '../state/processor_snapshot.js';

const exitReason = slotOf(VmcsField.ExitReason);

const { instructions: instructionsWord, exitReason: reasonWord, mode: modeWord } = Word;
const { exitPending: exitPendingWord, workPending: workPendingWord, faultPending: faultPendingWord } = Word;

const hitWord = Layout.HIT / 4;
const interruptFlag = 0x200;
/** The upper half of the word MONITOR_ADDRESS while no line is armed. */
const unarmed = 0xffffffff;
const scale = 0x1_0000_0000;

/** How many VM exits the delivery of one event may cause before it counts as hopeless. */
const maximumTurns = 1000;

/** Options of a processor. */
export interface LogicalProcessorOptions extends VmxEngineOptions {
  readonly counters?: ProcessorCounters | undefined;
  /** Virtual nanoseconds that each VM exit takes. The default is 0. */
  readonly exitCost?: number | undefined;
  /** Memory for the last VM exits: EXIT_HISTORY_WORDS words. */
  readonly exitHistory?: Int32Array | undefined;
}

/**
 * A logical processor: the core, its VMX engine, and the path of a VM exit into JavaScript. The scheduler calls `run`. No WebAssembly frame is on
 * the stack while the exit entry runs.
 */
export class LogicalProcessor {
  readonly engine: VmxEngine;
  /** VM exits by basic reason. */
  readonly exits: Uint32Array;
  /** Set once the processor has stopped for good: a handler threw, or the VMM stopped it. */
  end: ProcessorDeath | undefined;
  /** Where VM exits arrive; `HostEntry.attach` sets it. */
  exitEntry: ExitEntry | undefined;
  /** A word of shared memory that says which exit entry is running, for a watchdog in another thread: basic reason + 1, 0 for none. */
  exitMark: Int32Array | undefined;
  /** A word that another thread sets to end the current `run` at the next VM exit: there may be many slow handlers. */
  attention: Int32Array | undefined;
  /** By basic reason, 1 = `run` ends behind a VM exit of it, for a debugger. */
  stopsAtExit: Uint8Array | undefined;
  /** The last `run` ended at a VM exit because another thread wants attention. */
  isCutAtExit = false;
  /** How many VM exits the exit entry has handled, modulo 2^32. */
  exitsHandled = 0;
  /** A word in which the VMM says what its handlers did with the exit. */
  exitOutcome: Int32Array | undefined;
  /** Virtual nanoseconds that each VM exit takes, its handling and the VM entry included. */
  readonly exitCost: number;
  /** Virtual nanoseconds of VM exits that the scheduler has not counted yet. */
  exitTime = 0;
  /** The last VM exits. */
  readonly history: ExitHistory;
  /** Take all VM exits, for traces and profiles. */
  readonly exitSinks: ExitSink[] = [];
  /** Hears when the handling of an exit begins. */
  exitTimer: ExitTimer | undefined;
  /** The number of instructions retired at the last VM exit, in two words, for the watchdog's report. */
  private readonly exitInstructions: Uint32Array;
  /** `HostEntry.returnTo` was called: the exit entry left VMX non-root operation for good. */
  private hasReturned = false;

  constructor(
    readonly id: number,
    readonly core: ProcessorCore,
    options: LogicalProcessorOptions,
  ) {
    this.engine = new VmxEngine(core, options);
    this.history = new ExitHistory(options.exitHistory);
    this.exitCost = options.exitCost ?? 0;
    this.exits = options.counters?.exits ?? new Uint32Array(exitReasons);
    this.exitInstructions = options.counters?.instructions ?? new Uint32Array(2);
  }

  /** Registers, MSRs, other state, and VMX, in canonical form: equal processors have equal lines. */
  architecturalState(): string[] {
    const { block, plainMsrs } = this.core;
    const msrs = plainMsrs.map(([address, value]) => `${address.toString(16)}=${value.toString(16)}`);
    return [...processorState(block), ...msrs, ...vmxState(block, this.engine.vmcs)];
  }

  /** Precondition: the processor is loaded. */
  save(): Omit<ProcessorState, 'hasDriverPages'> {
    return {
      ...saveCore(this.core),
      vmx: this.engine.save(),
      exits: this.exits.slice(),
      exitsHandled: this.exitsHandled,
      isCutAtExit: this.isCutAtExit,
      history: this.history.save(),
      death: this.death ?? null,
    };
  }

  /** Takes a saved state, except the counts of exits, which processors may share. Precondition: the processor is loaded. */
  restore(state: ProcessorState): void {
    restoreCore(this.core, state);
    this.engine.restore(state.vmx);
    this.restoreRest(state);
  }

  /** The same, of which the memory has been written already. */
  memoryRestored(state: ProcessorState): void {
    this.engine.memoryRestored();
    this.restoreRest(state);
  }

  private restoreRest(state: ProcessorState): void {
    this.history.restore(state.history);
    this.exitsHandled = state.exitsHandled;
    this.isCutAtExit = state.isCutAtExit;
    this.end = state.death === null ? undefined : { reason: state.death };
  }

  /** Why the processor has stopped for good, for reports. */
  get death(): string | undefined {
    return this.end?.reason;
  }

  /** Instructions retired since reset. */
  get instructionCount(): number {
    return this.core.instructionCount;
  }

  /** Halted so that no maskable interrupt can wake it, or waiting for a start-up IPI. */
  get isHaltedForGood(): boolean {
    const { block, u32 } = this.core;
    const { place } = block;
    const activity = u32[Word.activity + place];
    if (activity !== ActivityState.Hlt) return activity === ActivityState.WaitForSipi;
    const isGuest = u32[modeWord + place] === VmxMode.NonRoot;
    const exits = isGuest && (u32[Word.pin + place]! & PinBasedControl.ExternalInterruptExiting) !== 0;
    return (u32[Word.rflags + place]! & interruptFlag) === 0 && !exits;
  }

  /**
   * Nanoseconds until the processor goes on by itself, infinite if it does not. An armed VMX-preemption timer counts down in every activity
   * state but wait-for-SIPI. A write to the monitored line ends a wait of MWAIT at once.
   */
  get wakesIn(): number {
    const { state } = this.engine;
    const { u32, block } = this.core;
    const { place } = block;
    const activity = u32[Word.activity + place]!;
    const isMonitoring = u32[Word.monitorAddress + place + 1] !== unarmed;
    if (activity >= Constants.ACTIVITY_MWAIT && !isMonitoring) return 0;
    const isGuest = u32[modeWord + place] === VmxMode.NonRoot;
    const counts = isGuest && state.usesTimer && activity !== ActivityState.WaitForSipi;
    return counts ? untilDeadline(u32, place) : Infinity;
  }

  /** Ends the current `run` at the next boundary at which the core checks for it. */
  requestStop(): void {
    this.core.requestStop();
  }

  /** Advances the TSC by nanoseconds in which the processor executed nothing. */
  skipTime(nanoseconds: number): void {
    const { u32, block } = this.core;
    const at = Word.tscOffset + block.place;
    const low = u32[at]! + (nanoseconds % scale);
    u32[at] = low;
    u32[at + 1] = u32[at + 1]! + Math.floor(nanoseconds / scale) + (low >= scale ? 1 : 0);
  }

  /** Runs at most `instructions`, VM exits and their handling included. @returns why it stopped; never `VmExit` or `VmxInstruction`. */
  run(instructions: number): StopReason {
    const { core, attention } = this;
    const { u32 } = core;
    core.load();
    this.isCutAtExit = false;
    let left = instructions;
    // Differences of the low halves are small integers, which cost no allocation at each exit.
    let count = u32[instructionsWord]!;
    for (;;) {
      if (u32[exitPendingWord] !== 0) {
        this.deliverExit();
        if (attention !== undefined && attention[0] !== 0) {
          left = 0;
          this.isCutAtExit = true;
        }
        // The handlers, or the exit itself, met what a debugger stops at.
        if (u32[hitWord] !== 0) return StopReason.Requested;
      }
      if (this.end !== undefined) return StopReason.Shutdown;
      // Work is done at once. The delivery of an event before it retires no instruction, and may cause VM exits without an end: it uses up the quantum.
      if (u32[workPendingWord] !== 0 && (left > 0 || u32[faultPendingWord] === 0)) {
        this.leaveForWork();
        left--;
        continue;
      }
      left -= (u32[instructionsWord]! - count) | 0;
      if (left <= 0) return StopReason.Quantum;
      count = u32[instructionsWord]!;
      const reason = core.run(left);
      // An exit at which no instruction retires (an interrupt window that is always open) uses up the quantum too, so that the scheduler gets its turn.
      left -= Math.max((u32[instructionsWord]! - count) | 0, 1);
      count = u32[instructionsWord]!;
      if (reason === StopReason.VmExit) {
        this.leaveGuest();
        // Virtual time uses up the turn, whatever it passed with.
        left -= this.exitCost;
      } else if (reason === StopReason.VmxInstruction) performCodeInstruction(this.engine);
      else return reason;
    }
  }

  /** Has the VMM called before the guest's next instruction, if one holds this processor. */
  callVmm(): void {
    const { u32, block } = this.core;
    if (this.exitEntry !== undefined) u32[workPendingWord + block.place] = 1;
  }

  /** A VM exit between two instructions. An event that VM entry injected is delivered first, as a part of the entry. */
  private leaveForWork(): void {
    const { core, engine } = this;
    const isGuest = engine.nonRoot && engine.state.owner === Owner.JavaScript;
    if (!isGuest) core.u32[workPendingWord] = 0;
    else if (core.u32[faultPendingWord] !== 0) this.deliverEvent();
    else {
      core.u32[workPendingWord] = 0;
      core.exitBetweenInstructions(PENDING_WORK);
      engine.leave();
    }
  }

  /**
   * Finishes what is under way at a boundary between two instructions: the exit that waits, and the event that its VM entry injects, whose delivery is
   * a part of the entry. @throws ProcessorDeadError if the processor has stopped for good.
   */
  settle(): void {
    for (let turns = 0; turns < maximumTurns; turns++) {
      this.deliverExit();
      if (this.end !== undefined) throw new ProcessorDeadError(this.id, this.end);
      if (this.core.u32[faultPendingWord] === 0) return;
      this.deliverEvent();
    }
    this.die(`the delivery of an event caused ${maximumTurns} VM exits in a row`);
    throw new ProcessorDeadError(this.id, this.end!);
  }

  /** Delivers the event that waits, and executes nothing. Its delivery may cause a VM exit. */
  private deliverEvent(): void {
    this.handle(this.core.run(0));
  }

  /** Handles the core's stop reason, for callers with their own loop. @returns whether the processor can go on at once. */
  handle(reason: StopReason): boolean {
    if (reason === StopReason.VmExit) this.leaveGuest();
    else if (reason === StopReason.VmxInstruction) performCodeInstruction(this.engine);
    else return false;
    return true;
  }

  private leaveGuest(): void {
    const basic = this.core.u32[reasonWord]! & (exitReasons - 1);
    this.exits[basic] = this.exits[basic]! + 1;
    if (this.stopsAtExit?.[basic] === 1) this.stopAtExit();
    const abort = this.engine.leave();
    if (this.exitCost > 0) this.spendExitCost();
    if (this.core.u32[exitPendingWord] === 0) {
      this.remember();
      if (this.exitSinks.length > 0) this.tellSinks();
    }
    if (abort !== VmxAbort.None) this.die(`VMX abort ${abort} in a VM exit for ${exitReasonName(basic)}`);
  }

  /** An exit to TypeScript ends `run` by itself, one to x86 code at the next boundary. */
  private stopAtExit(): void {
    this.core.u32[hitWord] = Constants.HIT_EXIT;
    this.core.requestStop();
  }

  /** Calls the exit entry if a VM exit waits for it. Catches an exception of the entry, which ends the processor. */
  deliverExit(): void {
    // An entry that fails late is an exit of its own, so the handler may be called again and again.
    const { u32 } = this.core;
    for (let calls = 0; u32[exitPendingWord] !== 0 && this.end === undefined; calls++) {
      if (calls === maximumTurns)
        return this.die(`${maximumTurns} VM entries failed in a row, each after VM exit ${this.exitName()}`);
      u32[exitPendingWord] = 0;
      this.hasReturned = false;
      this.callExitEntry();
    }
  }

  /** The end of `promote`: the processor goes on natively in root operation, with the state that the caller loaded. */
  returned(): void {
    this.hasReturned = true;
  }

  /** Stops the processor for good. The first reason counts. */
  die(reason: string, error?: unknown): void {
    this.end ??= error === undefined ? { reason } : { reason, error };
  }

  private callExitEntry(): void {
    const { exitEntry, exitMark, exitOutcome, engine, exitInstructions } = this;
    const { u32 } = this.core;
    if (exitEntry === undefined) {
      this.die(`a VM exit (${this.exitName()}) found no exit entry: HostEntry.attach was not called`);
      return;
    }
    exitInstructions[0] = u32[instructionsWord]!;
    exitInstructions[1] = u32[instructionsWord + 1]!;
    this.remember();
    if (this.exitTimer !== undefined) this.exitTimer.begin();
    if (exitMark !== undefined) exitMark[0] = (engine.vmcs.bits(exitReason) & 0xffff) + 1;
    try {
      exitEntry();
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      this.die(`the handler of VM exit ${this.exitName()} threw: ${message}`, error);
    }
    this.exitsHandled = (this.exitsHandled + 1) | 0;
    if (exitMark !== undefined) exitMark[0] = 0;
    if (exitOutcome !== undefined) this.history.end(exitOutcome[0]!);
    if (this.exitSinks.length > 0) this.tellSinks();
    if (u32[modeWord] !== VmxMode.NonRoot && u32[exitPendingWord] === 0 && !this.hasReturned) {
      this.die(`the handler of VM exit ${this.exitName()} returned without resuming the guest`);
    }
  }

  /** The processor's clocks go on while the VMX-preemption timer, which the exit has saved, is still. */
  private spendExitCost(): void {
    this.skipTime(this.exitCost);
    this.exitTime += this.exitCost;
  }

  private tellSinks(): void {
    for (const sink of this.exitSinks) sink.add(this.history);
  }

  private remember(): void {
    this.history.begin(this.engine.vmcs.signed, this.core.u32, instructionsWord);
  }

  private exitName(): string {
    return exitReasonName(this.engine.vmcs.low(exitReason));
  }
}
