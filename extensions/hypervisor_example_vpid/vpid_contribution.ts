// SPDX-License-Identifier: LGPL-2.1-only
import { bfdebug, ReportContribution, vcpuModule, VmcsContribution, Vpid } from 'bareflank';
import { inject, injectable } from 'inversify';

/** Tags the translations of each vCPU with its own VPID, so that they stay valid across exits. */
@injectable()
export class VpidContribution implements VmcsContribution, ReportContribution {
  @inject(Vpid) readonly vpid!: Vpid;
  readonly name = 'vpid';

  setUp(): void {
    this.vpid.enable(this);
    bfdebug`enabling vpid: ${this.vpid.value}`;
  }

  /** A count: the reports of several vCPUs are added up, as VPIDs must not be. */
  report(): Record<string, number> {
    return { 'vcpus with a vpid': this.vpid.value === 0 ? 0 : 1 };
  }
}

export default vcpuModule(({ bind }) => {
  bind(VpidContribution).toSelf();
  bind(VmcsContribution).toService(VpidContribution);
  bind(ReportContribution).toService(VpidContribution);
});
