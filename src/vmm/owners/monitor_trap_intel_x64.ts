// SPDX-License-Identifier: LGPL-2.1-only
import { inject, injectable } from 'inversify';
import { PrimaryControl } from '../../intrinsics/vmx/control_bits.js';
import type { Contribution } from '../container/contribution.js';
import { callMethod, refuseMissingMethod, type NamedMethod } from '../container/named_method.js';
import { ContributionError } from '../errors.js';
import { warnOnce } from '../output/warning_once.js';
import { derived, state } from '../state/state.js';
import { HandlerTrace, traceNumber } from '../exit/handler_trace.js';
import { Vmcs } from '../vmcs/vmcs.js';
import type { MonitorTrap } from './owners.js';
import type { Request } from '../requests/request.js';
import { RequestOwner } from '../requests/request_owner.js';

/** A call that waits for a step. */
interface Step {
  readonly method: string;
  readonly argument: unknown;
}

/** The guest goes on: the exit is behind an instruction, and nothing of the guest's is lost. */
const unasked =
  'a monitor trap exit that nobody asked MonitorTrap for: the control "monitor trap flag" is 0 from now on. ' +
  "Ask for a step with MonitorTrap.step(this, 'method'). An extension that sets the control itself handles these exits too: " +
  'its ExitContribution for ExitReason.MonitorTrapFlag returns true';

/** The monitor trap flag is 1 while a call waits. */
@injectable()
export class MonitorTrapIntelX64 extends RequestOwner<Step> implements MonitorTrap {
  @inject(Vmcs) protected readonly vmcs!: Vmcs;
  @inject(HandlerTrace) protected readonly trace!: HandlerTrace;
  readonly owner = 'MonitorTrap';
  /** By name; the vCPU's `attach` gives them. */
  @derived() private contributions: ReadonlyMap<string, Contribution> = new Map();

  /** Warnings that have been given. */
  @state() private readonly warned = { unasked: false };

  attachContributions(contributions: ReadonlyMap<string, Contribution>): void {
    this.contributions = contributions;
    // Another code of the same contribution may have other methods.
    for (const { contribution, key } of this.records.values()) {
      const waiting = contributions.get(contribution);
      if (waiting !== undefined) refuseMissingMethod(waiting, key.method, 'a step');
    }
    // A watchdog gets the names when the vCPU has been made.
    for (const name of contributions.keys()) traceNumber(this.trace, name);
  }

  step<M extends string, A = undefined>(by: Contribution & NamedMethod<M, A>, method: M, argument?: A): Request {
    if (this.contributions.get(by.name) !== by)
      throw new ContributionError(
        `'${by.name}' asks for a step, but it is not a contribution of this vcpu: bind it at a contribution point, so that the step can find it`,
      );
    refuseMissingMethod(by, method, 'a step');
    return this.ask(by, { method, argument });
  }

  handleExit(): void {
    const due = [...this.records.values()];
    this.records.clear();
    this.write();
    if (due.length === 0) warnOnce(this.warned, 'unasked', unasked);
    // A step may ask for the next one.
    for (const { contribution, key } of due) {
      this.trace.words[0] = traceNumber(this.trace, contribution);
      callMethod(this.contributions.get(contribution)!, key.method, key.argument);
    }
  }

  apply(): void {
    if (this.records.size > 0) this.write();
  }

  protected requested(): void {
    this.write();
  }

  protected released(): void {
    this.write();
  }

  private write(): void {
    const { vmcs } = this;
    vmcs.asOwner(this.owner, () => {
      if (this.records.size > 0) vmcs.enable('primary', PrimaryControl.MonitorTrapFlag);
      else vmcs.disable('primary', PrimaryControl.MonitorTrapFlag);
    });
  }
}
