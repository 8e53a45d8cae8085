// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { createMachine, moduleFileOf, ownGuest } from 'bareflank/machine';
import { listOf } from './session/vmm_guests.js';

describe('bareflank/machine', () => {
  it('makes a machine with a VMM from module files, which goes back to a marked moment', async () => {
    const machine = await createMachine({ memoryMiB: 16, modules: [listOf('example_cpuidcount')] });
    try {
      machine.boot({ kernel: ownGuest('cpuid'), append: '100' });
      machine.driver.start();
      const moment = machine.mark();
      const hash = machine.pc.stateHash();
      expect(machine.run(1e9)).to.include({ kind: 'powered-off' });
      expect(machine.driver.reports()).to.have.nested.property('cpuidcount.count');
      machine.reset(moment);
      expect(machine.pc.stateHash()).to.equal(hash);
    } finally {
      machine[Symbol.dispose]();
    }
  });

  it('takes the name of an extension, for which moduleFileOf gives its file', async () => {
    const machine = await createMachine({ memoryMiB: 16, modules: ['cpuidcount'] });
    try {
      expect(machine.driver.status).to.equal('VMM_LOADED');
    } finally {
      machine[Symbol.dispose]();
    }
    expect(moduleFileOf('cpuidcount')).to.equal(listOf('example_cpuidcount'));
  });

  it('has no guest of another name', () => {
    expect(() => ownGuest('nobody')).to.throw('nobody.bin');
  });
});
