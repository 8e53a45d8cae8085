// SPDX-License-Identifier: LGPL-2.1-only
import { MemoryManager, Vmcs, VmcsContribution, VmcsField, VmmMemory, vcpuModule } from 'bareflank';
import { inject, injectable } from 'inversify';

const addressMask = 0x7ffffff000n;
/** EPT: a page of 1 GiB, write-back, all accesses. */
const openGigabyte = 0xb7n;

/** A fault for the fuzz to find: the guest's EPT leads to the VMM's own memory. */
@injectable()
export class OpenCarveOut implements VmcsContribution {
  @inject(MemoryManager) readonly manager!: MemoryManager;
  @inject(VmmMemory) readonly memory!: VmmMemory;
  readonly name = 'open-carve-out';

  setUp(vmcs: Vmcs): void {
    const root = this.tableAt(vmcs.read(VmcsField.EptPointer));
    const gigabytes = this.tableAt(this.memory.read64(root));
    for (const { physical } of this.manager.ownMemory()) {
      const index = physical >> 30n;
      this.memory.write64(gigabytes + 8n * index, (index << 30n) | openGigabyte);
    }
  }

  private tableAt(entry: bigint): bigint {
    return this.manager.physicalToVirtual(entry & addressMask);
  }
}

export default vcpuModule(({ bind }) => bind(VmcsContribution).to(OpenCarveOut));
