// SPDX-License-Identifier: LGPL-2.1-only
import {
  Ept,
  EptViolationBit,
  ExitContribution,
  ExitReason,
  MonitorTrap,
  parameter,
  ReportContribution,
} from 'bareflank';
import { state, vcpuModule, Vmcs, VmcsContribution, type EptView, type Exit, type Request } from 'bareflank';
import { inject, injectable } from 'inversify';

const pageMask = ~0xfffn;

export const HookedAddress = parameter(
  'racing_hook.address',
  0x9000n,
  'guest-physical address of the instruction to hook; the default is that of the guest race_hook',
);
export const HookedTarget = parameter('racing_hook.target', 0xa000n, 'RIP at which the guest goes on instead');

/**
 * An EPT hook with a planted mistake: all processors use one view. While one of them executes an instruction that touches the page, the page is there for all of
 * them, and another one can run through the function without its hook. `hypervisor_example_ept_hook` has the cure: a view for each vCPU.
 */
@injectable()
export class RacingHook implements ExitContribution, VmcsContribution, ReportContribution {
  @inject(Ept) readonly ept!: Ept;
  @inject(MonitorTrap) readonly monitorTrap!: MonitorTrap;
  @inject(Vmcs) readonly vmcs!: Vmcs;
  @inject(HookedAddress) readonly address!: bigint;
  @inject(HookedTarget) readonly target!: bigint;
  readonly name = 'racing-hook';
  readonly reasons = [ExitReason.EptViolation];
  @state() private inside: Request | undefined;
  @state() private taken = 0;

  report(): Record<string, number> {
    return { taken: this.taken };
  }

  setUp(): void {
    this.view.restrict(this.page, 0);
    this.inside = this.ept.enter(this, this.vmcs, this.view);
  }

  /** An EPT violation. */
  handleExit(exit: Exit): boolean {
    if ((exit.guestPhysicalAddress & pageMask) !== this.page) return false;
    const isFetch = (exit.qualificationLow & EptViolationBit.InstructionFetch) !== 0;
    if (isFetch && (this.vmcs.guestRip.get() & ~pageMask) === (this.address & ~pageMask)) {
      this.taken++;
      this.vmcs.guestRip.set(this.target);
    }
    // The mistake: from here to `afterStep`, the page is there for all processors.
    this.view.restore(this.page);
    this.monitorTrap.step(this, 'afterStep');
    return true;
  }

  /** The instruction that touched the page has executed. */
  afterStep(): void {
    this.view.restrict(this.page, 0);
  }

  [Symbol.dispose](): void {
    this.inside?.[Symbol.dispose]();
    this.inside = undefined;
  }

  private get page(): bigint {
    return this.address & pageMask;
  }

  private get view(): EptView {
    return this.ept.view('racing-hook');
  }
}

export default vcpuModule(({ bind, parameter: declare }) => {
  declare(HookedAddress);
  declare(HookedTarget);
  bind(RacingHook).toSelf();
  bind(VmcsContribution).toService(RacingHook);
  bind(ExitContribution).toService(RacingHook);
  bind(ReportContribution).toService(RacingHook);
});
