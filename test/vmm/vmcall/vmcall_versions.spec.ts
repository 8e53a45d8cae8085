// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { vmmModule } from '../../../src/vmm/container/part_module.js';
import { UserVersion } from '../../../src/vmm/vmcall/user_version.js';
import { failure, vmcallGuest } from './vmcall_guest.js';

describe('VMCALLs', () => {
  describe('versions', () => {
    const cases: [string, bigint, bigint[]][] = [
      ['protocol', 0n, [1n, 0n, 0n]],
      ['Bareflank', 1n, [1n, 1n, 0n]],
      ['user', 10n, [0n, 0n, 0n]],
      ['user-defined', 1n << 63n, [0n, 0n, 0n]],
    ];
    for (const [name, index, version] of cases) {
      it(`answers the ${name} version`, () => {
        const { r01, r03, r04, r05 } = vmcallGuest().call({ r00: 1n, r02: index });
        expect([r01, r03, r04, r05]).to.deep.equal([0n, ...version]);
      });
    }

    it('takes the user’s own version from its binding', () => {
      const { call } = vmcallGuest([vmmModule(({ rebind }) => rebind(UserVersion).toConstantValue([3, 2, 1]))]);
      const { r03, r04, r05 } = call({ r00: 1n, r02: 10n });
      expect([r03, r04, r05]).to.deep.equal([3n, 2n, 1n]);
    });

    it('fails for an unknown index', () => {
      expect(vmcallGuest().call({ r00: 1n, r02: 2n }).r01).to.equal(failure);
    });
  });
});
