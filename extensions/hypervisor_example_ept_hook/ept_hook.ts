// SPDX-License-Identifier: LGPL-2.1-only
import { bfdebug, Ept, ExitContribution, ExitReason, GuestMemory, MonitorTrap, ReportContribution } from 'bareflank';
import { VcpuIdentity, vcpuModule, VmcallContribution, VmcallOpcode, Vmcs } from 'bareflank';
import { state, type EptView, type Exit, type Request, type VmcallRegisters } from 'bareflank';
import { inject, injectable } from 'inversify';

const pageMask = ~0xfffn;

/** A function of the guest's that leads to another one. */
interface Hook {
  /** Guest-physical page of the function. */
  readonly page: bigint;
  readonly from: bigint;
  readonly to: bigint;
}

/**
 * Hooks one function of the guest without touching its memory. In the view `hooked` the function's page is gone: whatever reaches for it exits.
 * At the function itself RIP becomes the hook; then, and for every other access, one instruction runs in the base map.
 */
@injectable()
export class EptHook implements ExitContribution, VmcallContribution, ReportContribution {
  @inject(Ept) readonly ept!: Ept;
  @inject(MonitorTrap) readonly monitorTrap!: MonitorTrap;
  @inject(GuestMemory) readonly guestMemory!: GuestMemory;
  @inject(Vmcs) readonly vmcs!: Vmcs;
  @inject(VcpuIdentity) readonly vcpuid!: bigint;
  readonly name = 'ept-hook';
  readonly reasons = [ExitReason.EptViolation];
  readonly opcodes = [VmcallOpcode.VMCALL_REGISTERS];
  @state() private current: Hook | undefined;
  /** While the vCPU uses the hooked view. */
  @state() private inside: Request | undefined;
  @state() private taken = 0;

  report(): Record<string, number> {
    return { taken: this.taken };
  }

  /** VMCALL registers: R02 = 1, R03 the function, R04 the hook; any other R02 undoes it. */
  handleVmcall({ r02, r03, r04 }: VmcallRegisters): boolean {
    this.unhook();
    if (r02 === 1n) this.hook(r03, r04);
    return true;
  }

  /** An EPT violation. */
  handleExit(exit: Exit): boolean {
    const hook = this.current;
    if (hook === undefined || (exit.guestPhysicalAddress & pageMask) !== hook.page) return false;
    if (this.vmcs.guestRip.get() === hook.from) {
      this.taken++;
      this.vmcs.guestRip.set(hook.to);
    }
    this.leave();
    this.monitorTrap.step(this, 'afterStep', hook.page);
    return true;
  }

  /** The instruction that touched the page was executed. */
  afterStep(page: bigint): void {
    if (this.current?.page === page && this.inside === undefined) this.enter();
  }

  /** Views outlive a vCPU: the next one must not find the page gone. */
  [Symbol.dispose](): void {
    this.restore();
  }

  private hook(from: bigint, to: bigint): void {
    const page = this.guestMemory.virtualToPhysical(from, this.vmcs.guestCr3.get()) & pageMask;
    this.view().restrict(page, 0);
    this.current = { page, from, to };
    this.enter();
    bfdebug`hooked 0x${from.toString(16)} to 0x${to.toString(16)}`;
  }

  private unhook(): void {
    if (this.current === undefined) return;
    this.leave();
    this.restore();
    bfdebug`unhooked`;
  }

  private enter(): void {
    this.inside = this.ept.enter(this, this.vmcs, this.view());
  }

  private leave(): void {
    this.inside?.[Symbol.dispose]();
    this.inside = undefined;
  }

  private restore(): void {
    if (this.current !== undefined) this.view().restore(this.current.page);
    this.current = undefined;
  }

  private view(): EptView {
    return this.ept.view(`ept-hook of vcpu ${this.vcpuid}`);
  }
}

export default vcpuModule(({ bind }) => {
  bind(EptHook).toSelf();
  bind(ExitContribution).toService(EptHook);
  bind(VmcallContribution).toService(EptHook);
  bind(ReportContribution).toService(EptHook);
});
