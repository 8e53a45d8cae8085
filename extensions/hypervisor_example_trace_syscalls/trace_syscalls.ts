// SPDX-License-Identifier: LGPL-2.1-only
import { bfinfo, ExceptionBitmap, ExitContribution, ExitReason, InterruptionBit, isCanonical, Msr } from 'bareflank';
import { MsrContribution, Msrs, parameter, ParameterError, ProcessorFacts, ReportContribution } from 'bareflank';
import { Rflags, state, VcpuContribution, vcpuModule, Vector, Vmcs, VmcsContribution, VmcsField } from 'bareflank';
import type { Exit, Request } from 'bareflank';
import { inject, injectable } from 'inversify';

/** Linux leaves this part of its address space to hypervisors. */
const TRAP_ADDRESS = 0xffff_8000_0000_0000n;

export const TrapAddress = parameter(
  'trace_syscalls.trap_address',
  TRAP_ADDRESS,
  'canonical guest-virtual address that the guest never maps; SYSCALL leads there',
);
export const Logged = parameter('trace_syscalls.log', 0n, 'how many system calls of each processor the log shows');

/** Numbers of system calls that are counted apart. User mode may put anything into RAX. */
const MOST = 512;

const [rax, rdi, rsi, rdx, rcx] = [0, 7, 6, 2, 1];
const hex = (value: bigint): string => `0x${value.toString(16)}`;

/**
 * Sees each SYSCALL of the guest. IA32_LSTAR has an address that the guest does not map, so that the fetch after SYSCALL is a page fault, which
 * exits. The handler puts the guest's own entry into RIP. RDMSR and WRMSR give the guest its own entry too.
 */
@injectable()
export class TraceSyscalls
  implements ExitContribution, MsrContribution, VmcsContribution, VcpuContribution, ReportContribution
{
  @inject(ExceptionBitmap) readonly exceptionBitmap!: ExceptionBitmap;
  @inject(Msrs) readonly processorMsrs!: Msrs;
  @inject(Vmcs) readonly vmcs!: Vmcs;
  @inject(ProcessorFacts) readonly facts!: ProcessorFacts;
  @inject(TrapAddress) readonly trapAddress!: bigint;
  @inject(Logged) readonly logged!: bigint;
  readonly name = 'trace-syscalls';
  readonly reasons = [ExitReason.ExceptionOrNonMaskableInterrupt];
  readonly msrs = [Msr.Ia32Lstar];
  /** The guest's IA32_LSTAR; undefined: the processor has it. */
  @state() private entry: bigint | undefined;
  @state() private pageFaults: Request | undefined;
  @state() private calls = 0;
  @state() private readonly counts = new Map<number, number>();

  /** Under a running guest, the entry is there already. */
  setUp(): void {
    if (!isCanonical(this.trapAddress, this.facts)) throw impossible(this.trapAddress);
    this.pageFaults ??= this.exceptionBitmap.trap(this, Vector.PageFault);
    this.entry ??= this.processorMsrs.rdmsr(Msr.Ia32Lstar);
    this.processorMsrs.wrmsr(Msr.Ia32Lstar, this.trapAddress);
  }

  /** The guest goes on without this VMM. */
  onHlt(): void {
    this.giveBack();
  }

  /** The launch may have failed after `setUp`. */
  onFini(): void {
    this.giveBack();
  }

  handleMsrRead(): bigint | undefined {
    return this.entry;
  }

  handleMsrWrite(_msr: number, value: bigint, exit: Exit): boolean {
    if (isCanonical(value, this.facts)) this.entry = value;
    else exit.inject(Vector.GeneralProtection, 0);
    return true;
  }

  handleExit(exit: Exit): boolean {
    if (this.entry === undefined || !this.isSyscall(exit)) return false;
    this.vmcs.guestRip.set(this.entry);
    // A fault sets RF in the saved RFLAGS. SYSCALL has cleared it.
    this.vmcs.write(VmcsField.GuestRflags, this.vmcs.read(VmcsField.GuestRflags) & ~BigInt(Rflags.ResumeFlag));
    this.count(exit.registers.values);
    return true;
  }

  report(): Record<string, number> {
    const numbers = [...this.counts].sort(([one], [other]) => one - other);
    return { calls: this.calls, ...Object.fromEntries(numbers.map(([number, count]) => [`number ${number}`, count])) };
  }

  /** The fetch at the trap address in supervisor mode. User mode that jumps there gets its page fault. */
  private isSyscall(exit: Exit): boolean {
    const { PageFault } = Vector;
    return (
      (exit.interruptionInformation & InterruptionBit.Vector) === PageFault &&
      exit.privilegeLevel() === 0 &&
      exit.qualification === this.trapAddress &&
      this.vmcs.guestRip.get() === this.trapAddress
    );
  }

  /** The ABI of Linux: the number is in RAX, the first arguments in RDI, RSI, RDX. SYSCALL leaves the return address in RCX. */
  private count(registers: BigUint64Array): void {
    const number = Number(registers[rax]! & 0xffffffffn);
    if (this.counts.has(number) || this.counts.size < MOST) this.counts.set(number, (this.counts.get(number) ?? 0) + 1);
    this.calls++;
    if (this.calls > this.logged) return;
    const [first, second, third] = [rdi, rsi, rdx].map((each) => hex(registers[each]!));
    bfinfo`system call ${number} (${first}, ${second}, ${third}) returns to ${hex(registers[rcx]!)}`;
  }

  private giveBack(): void {
    if (this.entry === undefined) return;
    this.processorMsrs.wrmsr(Msr.Ia32Lstar, this.entry);
    this.entry = undefined;
  }
}

function impossible(address: bigint): ParameterError {
  const [where, found, expected] = ['--set trace_syscalls.trap_address', hex(address), 'a canonical address'];
  return new ParameterError(`${where}=${found}: IA32_LSTAR cannot have this value: it must be ${expected}`, [], {
    details: { where, found, expected },
  });
}

export default vcpuModule(({ bind, parameter: declare }) => {
  declare(TrapAddress);
  declare(Logged);
  bind(TraceSyscalls).toSelf();
  for (const point of [ExitContribution, MsrContribution, VmcsContribution, VcpuContribution, ReportContribution])
    bind<unknown>(point).toService(TraceSyscalls);
});
