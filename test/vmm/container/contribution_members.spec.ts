// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { effectiveBindings } from '../../../src/vmm/container/binding_rules.js';
import { MissingMemberError } from '../../../src/vmm/container/load_errors.js';
import { vcpuModule } from '../../../src/vmm/container/part_module.js';
import { ExitContribution } from '../../../src/vmm/contributions/exit_contribution.js';
import { MsrContribution } from '../../../src/vmm/contributions/msr_contribution.js';

const load = (point: symbol, contribution: object): unknown =>
  effectiveBindings(vcpuModule(({ bind }) => bind(point).toConstantValue(contribution)).record('mine.ts'));

describe('checkMembers', () => {
  it('refuses a contribution without the method that its point calls, naming file, contribution and method', () => {
    expect(() => load(ExitContribution, { name: 'old', reasons: [10], handle: () => false })).to.throw(
      MissingMemberError,
      "mine.ts: the contribution 'old' to bareflank.ExitContribution has no handleExit",
    );
  });

  it('refuses a contribution that has none of the methods of which its point wants one', () => {
    expect(() => load(MsrContribution, { name: 'old', msrs: [1], read: () => 1n })).to.throw(
      MissingMemberError,
      "the contribution 'old' to bareflank.MsrContribution has none of handleMsrRead, handleMsrWrite",
    );
    load(MsrContribution, { name: 'reads', msrs: [1], handleMsrRead: () => 1n });
    load(MsrContribution, { name: 'writes', msrs: [1], handleMsrWrite: () => true });
  });

  it('takes methods from the class as well as from the object', () => {
    class Base {
      readonly reasons = [10];
      handleExit(): boolean {
        return false;
      }
    }
    class Mine extends Base {
      readonly name = 'mine';
    }
    load(ExitContribution, new Mine());
  });
});
