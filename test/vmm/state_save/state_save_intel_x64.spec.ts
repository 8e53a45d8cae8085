// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { MemoryManagerX64 } from '../../../src/vmm/memory_manager/memory_manager_x64.js';
import { StateSaveIntelX64 } from '../../../src/vmm/state_save/state_save_intel_x64.js';
import { FakeMachine } from '../../support/fake_machine.js';
import { make } from '../../support/make.js';

describe('StateSaveIntelX64', () => {
  it('is a page that names its vcpu and keeps three words for extensions', () => {
    const { memory, generalRegisters } = new FakeMachine();
    const manager = make(MemoryManagerX64, { memory });
    manager.init();
    const it = make(StateSaveIntelX64, { registers: generalRegisters, manager, memory, vcpuid: 5n });
    it.init();
    expect(manager.size(it.address)).to.equal(4096);
    expect(memory.read64(it.address + 0x88n)).to.equal(5n);
    it.user1 = 1n;
    it.user2 = 2n;
    it.user3 = 0xffffffffffffffffn;
    expect([it.user1, it.user2, it.user3]).to.deep.equal([1n, 2n, 0xffffffffffffffffn]);
    expect(memory.read64(it.address + 0xb8n)).to.equal(0xffffffffffffffffn);
    expect(it.registers).to.equal(generalRegisters);
    const { address } = it;
    it.fini();
    expect(manager.size(address)).to.equal(0);
  });
});
