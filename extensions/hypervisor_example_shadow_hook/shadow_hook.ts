// SPDX-License-Identifier: LGPL-2.1-only
import { Ept, EptAccess, ExceptionBitmap, ExitContribution, ExitReason, GuestMemory, InterruptionBit } from 'bareflank';
import { isCanonical, isGuestRip, MemoryManager, MemoryManagerError, MonitorTrap, parameter } from 'bareflank';
import { ParameterError } from 'bareflank';
import { ProcessorFacts, ReportContribution, state, vcpuModule, Vector, Vmcs, VmcsContribution } from 'bareflank';
import { VmmMemory, vmmModule, type EptView, type Exit, type Request } from 'bareflank';
import { inject, injectable } from 'inversify';

const pageBytes = 4096;
const pageMask = ~0xfffn;
/** One byte, so that it fits wherever an instruction begins. */
const INT3 = 0xcc;

export const HookAddress = parameter(
  'shadow_hook.address',
  0n,
  'guest-physical address of the first byte of an instruction; 0: no hook',
);
export const HookTarget = parameter(
  'shadow_hook.target',
  0n,
  'guest-virtual address at which the guest goes on instead; 0: it only counts',
);

/**
 * What the guest executes in the page of the hooked instruction: a copy of the page with INT3 at the instruction. All processors share the copy and the
 * view that leads to it. Each enters the view, and leaves it, for itself.
 */
@injectable()
export class ShadowPage {
  @inject(Ept) readonly ept!: Ept;
  @inject(MemoryManager) readonly manager!: MemoryManager;
  @inject(VmmMemory) readonly memory!: VmmMemory;
  @inject(GuestMemory) readonly guestMemory!: GuestMemory;
  @inject(HookAddress) readonly address!: bigint;
  readonly name = 'shadow-hook';
  /** The page that was released to guests. */
  @state() private shared: { readonly page: bigint; readonly request: Request } | undefined;

  get view(): EptView {
    return this.ept.view(this.name);
  }

  covers(guestPhysical: bigint): boolean {
    return (guestPhysical & pageMask) === (this.address & pageMask);
  }

  /** The guest's page leads to the copy, for execution only. */
  prepare(): void {
    if (this.shared === undefined) {
      const page = this.manager.alloc(pageBytes);
      this.shared = { page, request: this.ept.share(this, page) };
      this.view.redirect(this.address, this.manager.virtualToPhysical(page));
      this.view.restrict(this.address, EptAccess.Execute);
    }
    this.copy();
  }

  /** Takes over what the guest has written into its page. */
  copy(): void {
    const bytes = this.guestMemory.readAsGuest(this.address & pageMask, pageBytes);
    bytes[Number(this.address & ~pageMask)] = INT3;
    this.memory.writeBytes(this.shared!.page, bytes);
  }
}

/**
 * Hooks one instruction of the guest by a shadow page. The guest executes the copy. Reads and writes reach the guest's own page: the access exits, and one
 * instruction runs in the base map, on the processor that made the access.
 */
@injectable()
export class ShadowHook implements ExitContribution, VmcsContribution, ReportContribution {
  @inject(ShadowPage) readonly shadow!: ShadowPage;
  @inject(Ept) readonly ept!: Ept;
  @inject(ExceptionBitmap) readonly exceptionBitmap!: ExceptionBitmap;
  @inject(MonitorTrap) readonly monitorTrap!: MonitorTrap;
  @inject(GuestMemory) readonly guestMemory!: GuestMemory;
  @inject(Vmcs) readonly vmcs!: Vmcs;
  @inject(ProcessorFacts) readonly facts!: ProcessorFacts;
  @inject(HookTarget) readonly target!: bigint;
  readonly name = 'shadow-hook';
  readonly reasons = [ExitReason.EptViolation, ExitReason.ExceptionOrNonMaskableInterrupt];
  /** While this processor executes the copy. */
  @state() private inside: Request | undefined;
  @state() private breakpoints: Request | undefined;
  @state() private taken = 0;
  @state() private accesses = 0;

  setUp(): void {
    if (!isCanonical(this.target, this.facts)) throw impossibleTarget(this.target);
    if (this.shadow.address === 0n) return;
    this.shadow.prepare();
    this.breakpoints ??= this.exceptionBitmap.trap(this, Vector.Breakpoint);
    this.enter();
  }

  handleExit(exit: Exit): boolean {
    if (this.inside === undefined) return false;
    return exit.reason === ExitReason.EptViolation ? this.access(exit) : this.reach(exit);
  }

  /** The instruction has executed in the base map, and may have changed the guest's page. */
  afterStep(): void {
    this.shadow.copy();
    this.enter();
  }

  report(): Record<string, number> {
    return { taken: this.taken, 'data accesses': this.accesses };
  }

  /** A read or a write: the view permits execution only. */
  private access(exit: Exit): boolean {
    if (!this.shadow.covers(exit.guestPhysicalAddress)) return false;
    this.accesses++;
    this.stepInBaseMap();
    return true;
  }

  /** A breakpoint. That of the copy is at the hooked address. All others are the guest's own. */
  private reach(exit: Exit): boolean {
    const isBreakpoint = (exit.interruptionInformation & InterruptionBit.Vector) === Vector.Breakpoint;
    if (!isBreakpoint || this.physicalRip() !== this.shadow.address) return false;
    this.taken++;
    if (this.target === 0n) this.stepInBaseMap();
    else if (isGuestRip(this.vmcs, this.target, this.facts)) this.vmcs.guestRip.set(this.target);
    else exit.inject(Vector.GeneralProtection, 0);
    return true;
  }

  /** Where the guest's instruction is; undefined if it cannot be the hooked one. */
  private physicalRip(): bigint | undefined {
    const { vmcs, shadow } = this;
    const linear = vmcs.guestCsBase.get() + vmcs.guestRip.get();
    if ((linear & ~pageMask) !== (shadow.address & ~pageMask)) return undefined;
    if (!vmcs.guestCr0.paging.isEnabled()) return linear;
    try {
      return this.guestMemory.virtualToPhysical(linear, vmcs.guestCr3.get());
    } catch (error) {
      // A guest may execute what its page table does not map any more, by a translation that it has not flushed.
      if (error instanceof MemoryManagerError) return undefined;
      throw error;
    }
  }

  private stepInBaseMap(): void {
    this.inside?.[Symbol.dispose]();
    this.inside = undefined;
    this.monitorTrap.step(this, 'afterStep');
  }

  private enter(): void {
    this.inside ??= this.ept.enter(this, this.vmcs, this.shadow.view);
  }
}

function impossibleTarget(target: bigint): ParameterError {
  const [where, found, expected] = ['--set shadow_hook.target', `0x${target.toString(16)}`, 'a canonical address'];
  return new ParameterError(`${where}=${found}: no guest can go on there: it must be ${expected}`, [], {
    details: { where, found, expected },
  });
}

export const shadowPage = vmmModule(({ bind, parameter: declare }) => {
  declare(HookAddress);
  declare(HookTarget);
  bind(ShadowPage).toSelf();
});

export default vcpuModule(({ bind }) => {
  bind(ShadowHook).toSelf();
  for (const point of [ExitContribution, VmcsContribution, ReportContribution])
    bind<unknown>(point).toService(ShadowHook);
});
