// SPDX-License-Identifier: LGPL-2.1-only
import type { EptVmcs } from '../../../src/vmm/ept/ept.js';
import { EptIntelX64 } from '../../../src/vmm/ept/ept_intel_x64.js';
import { MemoryManagerX64 } from '../../../src/vmm/memory_manager/memory_manager_x64.js';
import { FakeMachine } from '../../support/fake_machine.js';
import { make } from '../../support/make.js';

/** Who asks. */
export const asker = { name: 'asker' };

/** The owner `Ept` over a fake machine, with what it does to the processor. */
export function ept() {
  const machine = new FakeMachine();
  const { memory, msrs } = machine;
  const manager = make(MemoryManagerX64, { memory });
  manager.init();
  const invepts: (readonly [number, bigint])[] = [];
  Object.assign(machine.vmx, { invept: (type: number, pointer: bigint) => invepts.push([type, pointer]) > 0 });
  const { vmx, processor, processors } = machine;
  const it = make(EptIntelX64, { manager, memory, msrs, vmx, processor, processors });
  /** Leaf entry, and the size of its page. */
  const leaf = (pointer: bigint, address: bigint): { entry: bigint; shift: bigint } => {
    let table = pointer & 0x000ffffffffff000n;
    for (const shift of [39n, 30n, 21n]) {
      const entry = memory.readPhysical64(table + ((address >> shift) & 0x1ffn) * 8n);
      if ((entry & 7n) === 0n || (entry & 0x80n) !== 0n) return { entry, shift };
      table = entry & 0x000ffffffffff000n;
    }
    return { entry: memory.readPhysical64(table + ((address >> 12n) & 0x1ffn) * 8n), shift: 12n };
  };
  return { machine, manager, it, leaf, invepts, own: memory.regions[0]!.physical };
}

/** As much of a VMCS as EPT needs; `secondary` are the controls that are 1. */
export function fakeVmcs(machine: FakeMachine, enabled = 0, vcpuid = 0n) {
  let secondary = enabled;
  const vmcs: EptVmcs = {
    vcpuid,
    write: (field, value) => void machine.vmx.vmwrite(field, value),
    enable: (_word, mask) => void (secondary |= mask),
    disable: (_word, mask) => void (secondary &= ~mask),
    isEnabled: (_word, mask) => (secondary & mask) === mask,
    asOwner: (_owner, body) => body(),
  };
  return { vmcs, secondary: () => secondary };
}
