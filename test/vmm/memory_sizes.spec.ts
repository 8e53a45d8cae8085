// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { inject, injectable } from 'inversify';
import { Msr } from '../../src/intrinsics/registers/msr_definitions.js';
import { VmmMemory } from '../../src/intrinsics/instructions/vmm_memory.js';
import { vcpuModule } from '../../src/vmm/container/part_module.js';
import { VmcsContribution } from '../../src/vmm/vmcs/vmcs_contribution.js';
import { MemoryManager } from '../../src/vmm/memory_manager/memory_manager.js';
import { MsrBitmap } from '../../src/vmm/owners/owners.js';
import type { Vmcs } from '../../src/vmm/vmcs/vmcs.js';
import { runGuest, step, store } from './machine_vmm.js';

/** Saves one MSR at each VM exit and loads it at each VM entry, from the VMM's memory, which is behind the guest's. */
@injectable()
class MsrArea implements VmcsContribution {
  @inject(MemoryManager) readonly manager!: MemoryManager;
  @inject(VmmMemory) readonly memory!: VmmMemory;
  @inject(MsrBitmap) readonly msrBitmap!: MsrBitmap;
  readonly name = 'msr-area';
  static saved: () => bigint;

  setUp(vmcs: Vmcs): void {
    // The guest's accesses to the MSR must not exit: a write of the VMM's would be undone by the VM entry.
    this.msrBitmap.enable(this);
    const area = this.manager.alloc(4096);
    this.memory.write64(area, BigInt(Msr.Ia32KernelGsBase));
    this.memory.write64(area + 8n, 0n);
    MsrArea.saved = () => this.memory.read64(area + 8n);
    const physical = this.manager.virtualToPhysical(area);
    vmcs.vmEntryMsrLoadAddress.set(physical);
    vmcs.vmEntryMsrLoadCount.set(1n);
    vmcs.vmExitMsrStoreAddress.set(physical);
    vmcs.vmExitMsrStoreCount.set(1n);
  }
}

describe('A VMM with memory of each size', () => {
  for (const memoryMiB of [16, 128, 1935, 1936, 2047, 2048, 2049, 3072]) {
    it(`of ${memoryMiB} MiB saves and loads MSRs in its own memory, and its guest reaches the last word`, async () => {
      const last = memoryMiB * 0x100000 - 8;
      let saved = 0n;
      const { word, end } = await runGuest(
        [
          ...[`mov ecx, ${Msr.Ia32KernelGsBase}`, 'mov eax, 0x12345678', 'mov edx, 0x7f', 'wrmsr', ...step(0)],
          ...[`mov ecx, ${Msr.Ia32KernelGsBase}`, 'rdmsr', 'shl rdx, 32', 'or rax, rdx', store(0x300000)],
          ...[`mov ebx, ${last}`, 'mov [rbx], rax', 'xor eax, eax', 'mov rax, [rbx]', store(0x300008)],
        ],
        [() => (saved = MsrArea.saved())],
        [vcpuModule(({ bind }) => bind(VmcsContribution).to(MsrArea))],
        { memoryMiB },
      );
      expect(end.kind).to.equal('powered-off');
      expect([saved, word(0x300000), word(0x300008), word(last)]).to.deep.equal(Array(4).fill(0x7f_12345678n));
    });
  }
});
