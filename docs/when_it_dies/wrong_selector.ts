// SPDX-License-Identifier: LGPL-2.1-only
import { vcpuModule, Vmcs, VmcsContribution } from 'bareflank';
import { inject, injectable } from 'inversify';

/** The stack segment of programs under Linux. */
const stackSegment = 0x2bn;

/** Gives the VMM a stack segment. */
@injectable()
class HostStack implements VmcsContribution {
  @inject(Vmcs) readonly vmcs!: Vmcs;
  readonly name = 'host-stack';

  setUp(): void {
    this.vmcs.hostSsSelector.set(stackSegment);
  }
}

export default vcpuModule(({ bind }) => bind(VmcsContribution).to(HostStack));
