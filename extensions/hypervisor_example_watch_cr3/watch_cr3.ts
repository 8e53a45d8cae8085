// SPDX-License-Identifier: LGPL-2.1-only
import { ControlRegisterAccess, ExitContribution, ExitReason, ReportContribution } from 'bareflank';
import { state, vcpuModule, VmcsContribution, type Exit, type Vmcs } from 'bareflank';
import { injectable } from 'inversify';

/** CR3, as an exit qualification numbers control registers. */
const CR3 = 3;

/** Address spaces that are told apart. A guest makes as many as it likes. */
const MOST = 4096;

/** Counts how often the guest changes to another address space, and how many address spaces it has left so far. */
@injectable()
export class WatchCr3 implements ExitContribution, VmcsContribution, ReportContribution {
  readonly name = 'watch-cr3';
  readonly reasons = [ExitReason.ControlRegisterAccesses];
  @state() private loads = 0;
  @state() private readonly left = new Set<bigint>();

  setUp(vmcs: Vmcs): void {
    vmcs.primaryProcessorBasedVmExecutionControls.cr3LoadExiting.enable();
  }

  /** Only looks: the base carries the access out. */
  handleExit(exit: Exit): boolean {
    if ((exit.qualificationLow & ControlRegisterAccess.ControlRegisterNumber) !== CR3) return false;
    this.loads++;
    if (this.left.size < MOST) this.left.add(exit.vmcs.guestCr3.get());
    return false;
  }

  report(): Record<string, number> {
    return { loads: this.loads, 'address spaces': this.left.size };
  }
}

export default vcpuModule(({ bind }) => {
  bind(WatchCr3).toSelf();
  bind(ExitContribution).toService(WatchCr3);
  bind(VmcsContribution).toService(WatchCr3);
  bind(ReportContribution).toService(WatchCr3);
});
