// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { Msr } from '../../../src/intrinsics/msr_definitions.js';
import { EptIntelX64 } from '../../../src/vmm/ept/ept_intel_x64.js';
import { MemoryManagerX64 } from '../../../src/vmm/memory_manager/memory_manager_x64.js';
import { FakeMachine } from '../../support/fake_machine.js';
import { make } from '../../support/make.js';

function ept() {
  const machine = new FakeMachine();
  const { memory, msrs } = machine;
  const manager = make(MemoryManagerX64, { memory });
  manager.init();
  return { machine, memory, manager, it: make(EptIntelX64, { manager, memory, msrs, vmx: machine.vmx }) };
}

/** Walks the tables as the processor does. */
function translate(memory: FakeMachine['memory'], eptp: bigint, address: bigint): bigint | undefined {
  let table = eptp & 0x000ffffffffff000n;
  for (const shift of [39n, 30n, 21n, 12n]) {
    const entry = memory.readPhysical64(table + ((address >> shift) & 0x1ffn) * 8n);
    if ((entry & 7n) === 0n) return undefined;
    const mask = (1n << shift) - 1n;
    if (shift === 12n || (entry & 0x80n) !== 0n) return (entry & 0x000ffffffffff000n & ~mask) | (address & mask);
    table = entry & 0x000ffffffffff000n;
  }
  return undefined;
}

describe('EptIntelX64', () => {
  it('maps 512 GiB to themselves', () => {
    const { it, memory } = ept();
    const eptp = it.pointer();
    for (const address of [0n, 0xfee00000n, 0xffff_ffffn, 0x1_4000_0000n, 0x7f_ffff_ffffn]) {
      expect(translate(memory, eptp, address)).to.equal(address);
    }
    expect(translate(memory, eptp, 0x80_0000_0000n)).to.equal(undefined);
  });

  it("leaves the VMM's own memory out, and what lies beside it in", () => {
    const { it, memory, manager } = ept();
    const eptp = it.pointer();
    const [own] = manager.ownMemory();
    const end = own!.physical + BigInt(own!.bytes);
    expect(translate(memory, eptp, own!.physical)).to.equal(undefined);
    expect(translate(memory, eptp, end - 1n)).to.equal(undefined);
    expect(translate(memory, eptp, own!.physical - 1n)).to.equal(own!.physical - 1n);
    expect(translate(memory, eptp, end)).to.equal(end);
  });

  it('points with write-back and a walk of four levels, and is built once', () => {
    const { it } = ept();
    expect(it.pointer() & 0xfffn).to.equal(0x1en);
    expect(it.pointer()).to.equal(it.pointer());
  });

  it('is supported only with 4 levels, write-back, and pages of 2 MiB and 1 GiB', () => {
    const { it, machine } = ept();
    expect(it.isSupported()).to.equal(true);
    for (const bit of [6n, 14n, 16n, 17n]) {
      machine.msr.set(Msr.Ia32VmxEptVpidCap, 0x00000f01_06734141n & ~(1n << bit));
      expect(it.isSupported(), `without bit ${bit}`).to.equal(false);
    }
  });
});
