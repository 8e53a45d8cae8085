// SPDX-License-Identifier: LGPL-2.1-only
import { ExitContribution, ExitReason, parameter, ReportContribution, state, TscOffset, vcpuModule } from 'bareflank';
import type { Request } from 'bareflank';
import { inject, injectable } from 'inversify';

/** What an exit costs. */
export const ExitTicks = parameter(
  'hide_exit_time.ticks',
  0n,
  'how far the TSC goes on during a VM exit: the value of --exit-cost, since the TSC counts nanoseconds',
);

/**
 * Hides from the TSC how long VM exits take. Each exit sets the guest's TSC back by as much, so that two RDTSCs around a CPUID are no further apart than without a
 * hypervisor. Other clocks, such as the HPET, still tell.
 */
@injectable()
export class HideExitTime implements ExitContribution, ReportContribution {
  @inject(TscOffset) readonly tscOffset!: TscOffset;
  @inject(ExitTicks) readonly ticks!: bigint;
  readonly name = 'hide-exit-time';
  readonly reasons = Object.values(ExitReason);
  @state() private hidden = 0n;
  @state() private request: Request | undefined;

  /** Only sets the clock back: the next contribution, or the base, handles the exit. */
  handleExit(): boolean {
    if (this.ticks === 0n) return false;
    this.hidden += this.ticks;
    // One request for the whole run: a new one at each exit would be garbage at each exit.
    if (this.request === undefined) this.request = this.tscOffset.add(this, -this.hidden);
    else this.tscOffset.change(this.request, -this.hidden);
    return false;
  }

  report(): Record<string, number> {
    return { 'hidden ticks': Number(this.hidden) };
  }
}

export default vcpuModule(({ bind, parameter: declare }) => {
  declare(ExitTicks);
  bind(HideExitTime).toSelf();
  bind(ExitContribution).toService(HideExitTime);
  bind(ReportContribution).toService(HideExitTime);
});
