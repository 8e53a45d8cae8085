// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { effectiveBindings } from '../../../src/vmm/container/binding_rules.js';
import { ContributionOrderError, MissingMemberError } from '../../../src/vmm/container/load_errors.js';
import { vcpuModule } from '../../../src/vmm/container/part_module.js';
import { ExitContribution } from '../../../src/vmm/contributions/exit_contribution.js';
import { MsrContribution } from '../../../src/vmm/contributions/msr_contribution.js';

const load = (point: symbol, contribution: object): unknown =>
  effectiveBindings(vcpuModule(({ bind }) => bind(point).toConstantValue(contribution)).record('mine.ts'));

describe('The name of a contribution', () => {
  const both = (one: ExitContribution, other: MsrContribution): unknown =>
    effectiveBindings(
      vcpuModule(({ bind }) => {
        bind(ExitContribution).toConstantValue(one);
        bind(MsrContribution).toConstantValue(other);
      }).record('mine.ts'),
    );
  const exits = { name: 'mine', reasons: [10], handleExit: () => false };
  const msrs = { msrs: [1], handleMsrRead: () => 1n };

  it('belongs to one contribution across all points: two are refused, naming points and files', () => {
    expect(() => both(exits, { name: 'mine', ...msrs })).to.throw(
      ContributionOrderError,
      /named 'mine': to bareflank\.ExitContribution in mine\.ts, to bareflank\.MsrContribution in mine\.ts.*toService/,
    );
    const one = { ...exits, ...msrs };
    both(one, one);
  });

  it('is refused for a class of which each point would make its own instance', () => {
    class Mine {
      readonly name = 'mine';
      readonly reasons = [10];
      readonly msrs = [1];
      handleExit = (): boolean => false;
      handleMsrRead = (): bigint => 1n;
    }
    const record = (bindAll: Parameters<typeof vcpuModule>[0]) => effectiveBindings(vcpuModule(bindAll).record('m.ts'));
    expect(() =>
      record(({ bind }) => {
        bind(ExitContribution).to(Mine);
        bind(MsrContribution).to(Mine);
      }),
    ).to.throw(ContributionOrderError, /Bind a class for several points once/);
    record(({ bind }) => {
      bind(Mine).toSelf();
      bind(ExitContribution).toService(Mine);
      bind(MsrContribution).toService(Mine);
    });
  });
});

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
