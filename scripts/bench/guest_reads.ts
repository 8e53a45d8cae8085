// SPDX-License-Identifier: LGPL-2.1-only
import { ExitContribution, ExitReason, GuestMemory, ReportContribution, vcpuModule, Vmcs } from 'bareflank';
import { inject, injectable } from 'inversify';

const reads = 200_000;
const address = 0x201000n;
/** The engine's clock: VMMs in general have none. */
const now = (globalThis as unknown as { performance: { now(): number } }).performance;

/** Measures reads of the guest's memory in a handler, at the first CPUID. */
@injectable()
class GuestReads implements ExitContribution, ReportContribution {
  @inject(GuestMemory) readonly memory!: GuestMemory;
  @inject(Vmcs) readonly vmcs!: Vmcs;
  readonly name = 'guest-reads';
  readonly reasons = [ExitReason.Cpuid];
  private readonly results = { physicalNs: 0, virtualNs: 0 };

  report(): Record<string, number> {
    return this.results;
  }

  handleExit(): boolean {
    if (this.results.physicalNs !== 0) return false;
    const cr3 = this.vmcs.guestCr3.get();
    this.results.physicalNs = this.measure(() => this.memory.readPhysical64(address));
    this.results.virtualNs = this.measure(() => this.memory.readVirtual64(address, cr3));
    return false;
  }

  private measure(read: () => bigint): number {
    let sum = 0n;
    const start = now.now();
    for (let each = 0; each < reads; each++) sum ^= read();
    const nanoseconds = ((now.now() - start) * 1e6) / reads;
    if (sum !== 0n) throw new Error('an even number of equal values has the sum 0');
    return nanoseconds;
  }
}

export default vcpuModule(({ bind }) => {
  bind(GuestReads).toSelf();
  bind(ExitContribution).toService(GuestReads);
  bind(ReportContribution).toService(GuestReads);
});
