// SPDX-License-Identifier: LGPL-2.1-only
import {
  bfdebug,
  Ept,
  ExitContribution,
  ExitReason,
  GuestMemory,
  isCanonical,
  isGuestRip,
  MonitorTrap,
} from 'bareflank';
import { parameter, ParameterError, ProcessorFacts, ReportContribution, VcpuIdentity, vcpuModule } from 'bareflank';
import { Vector, VmcallContribution, VmcallError, VmcallOpcode, Vmcs, VmcsContribution } from 'bareflank';
import { EptViolationBit, state, type EptView, type Exit, type Request, type VmcallRegisters } from 'bareflank';
import { inject, injectable } from 'inversify';

const pageMask = ~0xfffn;

/** The instruction that is hooked from the guest's first instruction on. */
export const HookAddress = parameter(
  'ept_hook.address',
  0n,
  'guest-physical address of an instruction to hook from the start; 0: none',
);
/** The target of that hook. */
export const HookTarget = parameter(
  'ept_hook.target',
  0n,
  'guest-virtual address at which the guest goes on instead; 0: it only counts',
);

function impossibleTarget(target: bigint): ParameterError {
  const [where, found, expected] = ['--set ept_hook.target', `0x${target.toString(16)}`, 'a canonical address'];
  return new ParameterError(`${where}=${found}: no guest can go on there: it must be ${expected}`, [], {
    details: { where, found, expected },
  });
}

/** A hooked instruction of the guest. */
interface Hook {
  /** Guest-physical address of the instruction. */
  readonly address: bigint;
  /** The new RIP; undefined: the guest goes on as if there were no hook. */
  readonly to: bigint | undefined;
}

/**
 * Hooks one function of the guest without a change to its memory. The function's page is missing in the hook's view, so each access to the page
 * exits. At the function itself, RIP becomes the hook. Then, and for every other access, one instruction runs in the base map.
 */
@injectable()
export class EptHook implements ExitContribution, VmcallContribution, VmcsContribution, ReportContribution {
  @inject(Ept) readonly ept!: Ept;
  @inject(MonitorTrap) readonly monitorTrap!: MonitorTrap;
  @inject(GuestMemory) readonly guestMemory!: GuestMemory;
  @inject(Vmcs) readonly vmcs!: Vmcs;
  @inject(ProcessorFacts) readonly facts!: ProcessorFacts;
  @inject(VcpuIdentity) readonly vcpuid!: bigint;
  @inject(HookAddress) readonly hookAddress!: bigint;
  @inject(HookTarget) readonly hookTarget!: bigint;
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

  setUp(): void {
    const { hookAddress: address, hookTarget: target } = this;
    if (!isCanonical(target, this.facts)) throw impossibleTarget(target);
    if (address === 0n) return;
    this.hook({ address, to: target === 0n ? undefined : target });
  }

  /** VMCALL registers: R02 = 1, R03 the function, R04 the hook; any other R02 removes the hook. */
  handleVmcall({ r02, r03, r04 }: VmcallRegisters): boolean {
    const isHook = r02 === 1n;
    if (isHook && !isCanonical(r04, this.facts))
      throw new VmcallError(`no guest can go on at 0x${r04.toString(16)}: R04 must be a canonical address`);
    this.unhook();
    if (isHook) this.hook({ address: this.guestMemory.virtualToPhysical(r03, this.vmcs.guestCr3.get()), to: r04 });
    return true;
  }

  /** An EPT violation. */
  handleExit(exit: Exit): boolean {
    const hook = this.current;
    const page = exit.guestPhysicalAddress & pageMask;
    if (hook === undefined || page !== (hook.address & pageMask)) return false;
    // The address of a fetch may be that of any byte of the instruction. RIP points at the first byte.
    const isAtHook = (exit.qualificationLow & EptViolationBit.InstructionFetch) !== 0;
    if (isAtHook && (this.vmcs.guestRip.get() & ~pageMask) === (hook.address & ~pageMask)) {
      this.taken++;
      if (hook.to !== undefined) this.jump(hook.to, exit);
    }
    this.leave();
    this.monitorTrap.step(this, 'afterStep', page);
    return true;
  }

  /** The instruction that touched the page has executed. */
  afterStep(page: bigint): void {
    if (this.current !== undefined && (this.current.address & pageMask) === page && this.inside === undefined)
      this.enter();
  }

  /** Views outlive a vCPU, and the next vCPU must not find the page missing. */
  [Symbol.dispose](): void {
    this.restore();
  }

  /** As the guest itself would jump: an address that its mode does not take is its general-protection exception, not a failed VM entry. */
  private jump(to: bigint, exit: Exit): void {
    if (isGuestRip(this.vmcs, to, this.facts)) this.vmcs.guestRip.set(to);
    else exit.inject(Vector.GeneralProtection, 0);
  }

  private hook(hook: Hook): void {
    this.view().restrict(hook.address & pageMask, 0);
    this.current = hook;
    this.enter();
    const to = hook.to === undefined ? '' : ` to 0x${hook.to.toString(16)}`;
    bfdebug`hooked physical 0x${hook.address.toString(16)}${to}`;
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
    if (this.current !== undefined) this.view().restore(this.current.address & pageMask);
    this.current = undefined;
  }

  private view(): EptView {
    return this.ept.view(`ept-hook of vcpu ${this.vcpuid}`);
  }
}

export default vcpuModule(({ bind, parameter: declare }) => {
  declare(HookAddress);
  declare(HookTarget);
  bind(EptHook).toSelf();
  bind(VmcsContribution).toService(EptHook);
  bind(ExitContribution).toService(EptHook);
  bind(VmcallContribution).toService(EptHook);
  bind(ReportContribution).toService(EptHook);
});
