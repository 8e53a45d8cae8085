// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { inject, injectable } from 'inversify';
import { MemoryAttribute, PAT_VALUE } from '../../../src/vmm/memory_manager/memory_attributes.js';
import { VMCALL_MAGIC } from '../../../src/vmm/exit/vmcall_interface.js';
import { VmmPageFault } from '../../../src/intrinsics/errors.js';
import { VmcsField } from '../../../src/intrinsics/vmcs/vmcs_fields.js';
import { VmmMemory } from '../../../src/intrinsics/instructions/vmm_memory.js';
import { vcpuModule } from '../../../src/vmm/container/part_module.js';
import { VmcallContribution } from '../../../src/vmm/contributions/vmcall_contribution.js';
import { MemoryManagerError } from '../../../src/vmm/errors.js';
import { GuestMemory } from '../../../src/vmm/memory_manager/guest_memory.js';
import { MemoryManager } from '../../../src/vmm/memory_manager/memory_manager.js';
import { RootPageTable } from '../../../src/vmm/memory_manager/root_page_table.js';
import { Vmcs } from '../../../src/vmm/vmcs/vmcs.js';
import { runGuest, store } from '../machine_vmm.js';

const opcode = 98;

/** What the VMM does when the guest calls, in VMX root operation on the machine. */
@injectable()
class Visitor implements VmcallContribution {
  @inject(RootPageTable) readonly table!: RootPageTable;
  @inject(GuestMemory) readonly guest!: GuestMemory;
  @inject(MemoryManager) readonly manager!: MemoryManager;
  @inject(VmmMemory) readonly memory!: VmmMemory;
  @inject(Vmcs) readonly vmcs!: Vmcs;
  readonly name = 'visitor';
  readonly opcodes = [opcode];
  static visit: (visitor: Visitor) => void = () => {};
  static failure: unknown;

  handleVmcall(): boolean {
    try {
      Visitor.visit(this);
    } catch (error) {
      Visitor.failure = error;
    }
    return true;
  }
}

/** Runs a guest that has 0x1122334455667788 at 4 MiB, calls, and stores what it then finds at 4 MiB + 8 at 6 MiB. */
async function whenCalled(visit: (visitor: Visitor) => void): Promise<bigint> {
  Visitor.visit = visit;
  Visitor.failure = undefined;
  const { word } = await runGuest(
    [
      'movabs rax, 0x1122334455667788',
      store(0x400000),
      `mov eax, ${opcode}`,
      `movabs rdx, ${VMCALL_MAGIC}`,
      'vmcall',
      'mov rax, [0x400008]',
      store(0x600000),
    ],
    [],
    [vcpuModule(({ bind }) => bind(VmcallContribution).to(Visitor))],
  );
  if (Visitor.failure !== undefined) throw Visitor.failure;
  return word(0x600000);
}

describe("The VMM's page table on the simulated PC", () => {
  const maps = [
    ['map4k', 0x7f_0000_0000n, 0x400000n],
    ['map2m', 0x7e_0000_0000n, 0x400000n],
    ['map1g', 0x7d_0000_0000n, 0n],
  ] as const;
  for (const [method, virtual, physical] of maps) {
    it(`is what translates: ${method} shows the guest's memory to the VMM and back`, async () => {
      const address = virtual + 0x400000n - physical;
      const found = await whenCalled(({ table, memory, manager }) => {
        expect(() => memory.read64(address)).to.throw(VmmPageFault);
        table[method](virtual, physical, MemoryAttribute.rwWb);
        expect(memory.read64(address)).to.equal(0x1122334455667788n);
        memory.write64(address + 8n, 77n);
        if (physical !== 0n) expect(manager.virtualToPhysical(address)).to.equal(0x400000n);
        table.unmap(virtual);
        expect(() => memory.read64(address)).to.throw(VmmPageFault);
      });
      expect(found).to.equal(77n);
    });
  }

  it('keeps a read-only page from being written, also one that became it', async () => {
    const found = await whenCalled(({ table, memory }) => {
      table.map4k(0x7f_0000_0000n, 0x400000n, MemoryAttribute.reWb);
      expect(() => memory.write64(0x7f_0000_0008n, 1n)).to.throw(VmmPageFault, /write/);
      const pte = table.virtualToPte(0x7f_0000_0000n);
      pte.rw = true;
      memory.write64(0x7f_0000_0008n, 5n);
      pte.rw = false;
      expect(() => memory.write64(0x7f_0000_0008n, 6n)).to.throw(VmmPageFault, /write/);
      pte.present = false;
      expect(() => memory.read64(0x7f_0000_0000n)).to.throw(VmmPageFault, /read/);
    });
    expect(found).to.equal(5n);
  });

  it('maps what a guest-virtual address means to the guest, and nothing of the VMM', async () => {
    const found = await whenCalled(({ guest, memory, vmcs }) => {
      const cr3 = vmcs.read(VmcsField.GuestCr3);
      const map = guest.mapVirtual(0x400000n, cr3, 16, PAT_VALUE);
      expect(map.read64()).to.equal(0x1122334455667788n);
      map.write64(9n, 8);
      map.release();
      expect(() => guest.mapPage(memory.regions[0]!.physical)).to.throw(MemoryManagerError, /VMM's own/);
      expect(() => guest.mapVirtual(0x1_0000_0000_0000n, cr3, 1, PAT_VALUE)).to.throw(MemoryManagerError, /canonical/);
    });
    expect(found).to.equal(9n);
  });
});
