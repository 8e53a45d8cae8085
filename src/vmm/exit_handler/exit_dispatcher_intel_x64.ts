// SPDX-License-Identifier: LGPL-2.1-only
import { inject, injectable, multiInject, optional } from 'inversify';
import {
  ExitReasonBit,
  exitReasonDescription,
  exitReasonName,
  PENDING_WORK,
  type ExitReason,
} from '../../intrinsics/vmx/exit_reasons.js';
import { Processor } from '../../intrinsics/instructions/processor.js';
import { isHandled, refusePromise } from '../container/answers.js';
import type { Contribution } from '../container/contribution.js';
import { AskedContributions } from '../contributions/asked_contributions.js';
import { ExitContribution } from '../contributions/exit_contribution.js';
import { Ept } from '../ept/ept.js';
import { UnfinishedExitError, UnimplementedExitError } from '../errors.js';
import { bferror, bffatal } from '../output/output.js';
import { derived, state, type Attachable } from '../state/state.js';
import { ProcessorWork } from '../processor_work/processor_work.js';
import { StateSave } from '../state_save/state_save.js';
import { ignoreExceptions } from '../output/guard_exceptions.js';
import { hex } from '../support/text.js';
import { VmEntryExplainer } from '../vmcs/vm_entry_explainer.js';
import { Vmcs } from '../vmcs/vmcs.js';
import { Exit } from '../exit/exit.js';
import { ExitExplainer } from '../exit/exit_explainer.js';
import { exitReport, registerReport } from '../exit/exit_report.js';
import { ExitOutcome, HandlerTrace, traceNumber, type LeftOver } from '../exit/handler_trace.js';
import { noRepetition, UnfinishedExits } from './unfinished_exits.js';

function titleOf(error: unknown): string {
  if (error instanceof UnimplementedExitError) return 'Unimplemented Exit Handler';
  return error instanceof UnfinishedExitError ? 'The Guest Does Not Go On' : 'Exit Handler Threw';
}

/**
 * Calls the handlers of an exit: contributions by reason, then the base's own. The path from the exit entry to VMRESUME does
 * no container look-up and allocates nothing.
 */
@injectable()
export abstract class ExitDispatcherIntelX64 implements Attachable {
  @inject(Exit) protected readonly exit!: Exit;
  @inject(Vmcs) protected readonly vmcs!: Vmcs;
  @inject(StateSave) protected readonly stateSave!: StateSave;
  @inject(Processor) protected readonly processor!: Processor;
  @inject(ProcessorWork) protected readonly processorWork!: ProcessorWork;
  @inject(Ept) protected readonly ept!: Ept;
  @inject(VmEntryExplainer) protected readonly entryExplainer!: VmEntryExplainer;
  @inject(ExitExplainer) protected readonly exitExplainer!: ExitExplainer;
  @inject(HandlerTrace) protected readonly trace!: HandlerTrace;
  @multiInject(ExitContribution) @optional() protected readonly contributions: readonly ExitContribution[] = [];
  /** By basic reason. */
  @derived() private handlers: (() => unknown)[] = [];
  @derived() private contributed: (AskedContributions<ExitContribution> | undefined)[] = [];
  @state() private readonly repetition = noRepetition();
  @derived() private unfinished!: UnfinishedExits;
  @derived() private ownNumber = 0;
  /** Of one exit: the VMM must not resume the processor, because it was promoted or stopped. */
  @derived() private left = false;

  /** The base's handlers: `on` registers the handler that is called at each exit of a reason. */
  protected abstract bindHandlers(on: (reason: ExitReason, handler: () => void) => void): void;

  attach(): void {
    this.unfinished = new UnfinishedExits(this.repetition);
    this.ownNumber = traceNumber(this.trace, this.constructor.name);
    const unimplemented = (): void => this.handleUnimplemented();
    const asked = new Set(this.contributions.flatMap(({ reasons }) => reasons));
    this.handlers = [];
    this.contributed = [];
    for (let reason = 0; reason < 256; reason++) {
      this.handlers.push(unimplemented);
      this.contributed.push(asked.has(reason) ? this.askedAbout(reason) : undefined);
    }
    this.bindHandlers((reason, handler) => (this.handlers[reason] = handler));
  }

  dispatch(): void {
    this.left = false;
    this.trace.words[0] = this.ownNumber;
    try {
      this.exit.capture();
      this.unfinished.begin(this.exit);
      if ((this.exit.wholeReason & ExitReasonBit.VmEntryFailure) !== 0) this.handleEntryFailure();
      else if (this.exit.wholeReason === PENDING_WORK) this.handlePendingWork();
      else this.handleExit(this.exit.reason);
      if (this.trace.leftOver !== undefined) this.refuse(this.trace.leftOver);
      if (!this.left) {
        this.unfinished.end(this.exit);
        this.exit.completeDelivery();
        this.prepareEntry();
        this.vmcs.resume();
      }
    } catch (error) {
      this.trace.leftOver = undefined;
      this.handleException(error);
    }
    this.trace.outcome[0] = this.outcome();
    this.trace.words[0] = 0;
  }

  handleExit(reason: ExitReason): void {
    const those = this.contributed[reason];
    if (those !== undefined && this.askContributions(those)) return;
    const handler = this.handlers[reason];
    const answer = handler === undefined ? this.handleUnimplemented() : handler();
    // Only an answer that should not be needs the name, which is a look-up.
    if (answer !== undefined) refusePromise(answer, exitReasonName(reason));
  }

  halt(reason: string): void {
    this.left = true;
    // A report that cannot be printed must not keep the processor from being stopped.
    ignoreExceptions(() => bferror`${registerReport(this.exit, this.stateSave)}`);
    bffatal`CPU Halted\nvcpuid: ${hex(this.exit.vcpuid)}`;
    this.processor.stop(reason);
  }

  /** What a VM entry wants besides what the handlers have done. */
  protected prepareEntry(): void {
    // For subclasses.
  }

  /** Another processor has changed an EPT view, or has work for this one. No contribution sees this exit. */
  private handlePendingWork(): void {
    this.ept.catchUp();
    this.processorWork.runPending((name) => (this.trace.words[0] = traceNumber(this.trace, name)));
  }

  /** An exit after which the base cannot go on. */
  protected handleUnimplemented(): void {
    const { reason } = this.exit;
    throw new UnimplementedExitError(
      `unimplemented exit ${exitReasonName(reason)} (${reason}): ${exitReasonDescription(reason)}`,
    );
  }

  /** A VM entry that failed after it had left the VMM: all rules, a dump, halt. SDM 3C "VM-Entry Failures During or After Loading Guest State". */
  protected handleEntryFailure(): void {
    const { text } = this.entryExplainer.explain(false, (field) => this.vmcs.lastWrittenAt(field));
    const head = `VM-entry failure, exit reason ${exitReasonName(this.exit.reason)} (${hex(this.exit.wholeReason >>> 0)}), qualification ${hex(this.exit.qualification)}. ${text}`;
    const what = [head, ...this.explanation()].join('\n');
    bferror`${what}`;
    bferror`${this.entryExplainer.dump()}`;
    this.halt(what);
  }

  /** A handler threw: the report, then halt. */
  protected handleException(error: unknown): void {
    const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    const { reason } = this.exit;
    const where = `vcpu ${this.exit.vcpuid}, exit reason ${exitReasonName(reason)} (${reason}), handler ${this.runningHandler()}`;
    const title = titleOf(error);
    const explanation = this.explanation();
    ignoreExceptions(() => bferror`${[exitReport(this.exit, title), ...explanation].join('\n')}`);
    bferror`${where}: ${error instanceof Error ? (error.stack ?? message) : message}`;
    this.halt([`${where}: ${message}`, ...explanation].join('\n'));
  }

  /** Says that the processor was handed over and must not be resumed. */
  protected leave(): void {
    this.left = true;
  }

  /** Contributions that a handler of this class asks. */
  protected asked<T extends Contribution>(contributions: readonly T[]): AskedContributions<T> {
    return new AskedContributions(this.trace, contributions, this.ownNumber);
  }

  private askedAbout(reason: number): AskedContributions<ExitContribution> {
    return this.asked(this.contributions.filter(({ reasons }) => reasons.includes(reason)));
  }

  private askContributions(those: AskedContributions<ExitContribution>): boolean {
    for (let index = 0; index < those.length; index++) {
      const contribution = those.at(index);
      those.ask(index);
      if (isHandled(contribution.handleExit(this.exit), contribution, 'handleExit')) return true;
    }
    those.pass();
    return false;
  }

  /** @throws LeftOverTaskError; the report names the handler that is to blame, not the last one that was asked */
  private refuse({ handler, error }: LeftOver): never {
    if (handler !== 0) this.trace.words[0] = handler;
    throw error;
  }

  private outcome(): number {
    const { exit } = this;
    return (
      this.trace.words[0]! |
      (exit.hasAdvanced ? ExitOutcome.Advanced : 0) |
      (exit.hasInjected ? ExitOutcome.Injected : 0) |
      (this.left ? 0 : ExitOutcome.Resumed)
    );
  }

  /** The explainer's part of a report. If it fails, the report goes out without it. */
  private explanation(): string[] {
    try {
      return this.exitExplainer.explain(this.exit);
    } catch (error) {
      return [`the exit could not be explained: ${String(error)}`];
    }
  }

  private runningHandler(): string {
    return this.trace.names[this.trace.words[0]! - 1] ?? this.constructor.name;
  }
}
