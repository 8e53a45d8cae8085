// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { inject, injectable } from 'inversify';
import { component } from '../../../src/intrinsics/component.js';
import { effectiveBindings } from '../../../src/vmm/container/binding_rules.js';
import {
  CircularDependencyError,
  ContributionOrderError,
  MemberTypeError,
  MissingMemberError,
} from '../../../src/vmm/container/load_errors.js';
import { PartContainer } from '../../../src/vmm/container/part_container.js';
import { vcpuModule, vmmModule } from '../../../src/vmm/container/part_module.js';
import { CpuidContribution } from '../../../src/vmm/contributions/cpuid_contribution.js';
import { ExitContribution } from '../../../src/vmm/contributions/exit_contribution.js';
import { MsrContribution } from '../../../src/vmm/contributions/msr_contribution.js';
import { PortContribution } from '../../../src/vmm/contributions/port_contribution.js';
import { VmcallContribution } from '../../../src/vmm/contributions/vmcall_contribution.js';
import { ReportContribution } from '../../../src/vmm/vcpu/report_contribution.js';
import { VcpuContribution } from '../../../src/vmm/vcpu/vcpu_contribution.js';
import { VmcsContribution } from '../../../src/vmm/vmcs/vmcs_contribution.js';

const load = (point: symbol, contribution: unknown): unknown =>
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

describe('checkPlace', () => {
  const good = { reasons: [10], handleExit: () => false };
  class Mine {
    readonly reasons = [10];
    constructor(members: object) {
      Object.assign(this, members);
    }
    handleExit(): boolean {
      return false;
    }
  }

  for (const [what, members, message] of [
    ['no name', {}, /has no name/],
    ['a name that is a method', { name: () => 'x' }, /has a function for its member 'name': it must be a text/],
    ['a name that is a number', { name: 5 }, /has 5 for its member 'name'/],
    ['a method before', { name: 'x', before: () => {} }, /has a function for its member 'before': it must be a list/],
    ['a method after', { name: 'x', after() {} }, /has a function for its member 'after': it must be a list of/],
    ['a text after', { name: 'x', after: 'other' }, /has 'other' for its member 'after'/],
    ['null before', { name: 'x', before: null }, /has null for its member 'before'/],
    ['a number in after', { name: 'x', after: ['y', 7] }, /has a list with 7 for its member 'after'/],
    ['undefined in after', { name: 'x', after: [undefined] }, /has a list with undefined for its member 'after'/],
  ] as const)
    it(`refuses ${what}, naming file, point, class and member`, () => {
      const refused = expect(() => load(ExitContribution, new Mine(members))).to.throw(ContributionOrderError, message);
      refused.with
        .property('message')
        .that.includes('mine.ts: a contribution to bareflank.ExitContribution (class Mine)');
      expect(() => load(ExitContribution, { ...good, ...members })).to.throw(ContributionOrderError, message);
    });

  it('is not reached for services that lead to each other: they are a circle, with its names', () => {
    const [one, other] = ['One', 'Other'].map((name) => component<object>(`test.contribution_members.${name}`, 'vcpu'));
    const module = vcpuModule(({ bind }) => {
      bind(one!).toService(other!);
      bind(other!).toService(one!);
      bind(ExitContribution).toService(one!);
    });
    expect(() => effectiveBindings(module.record('mine.ts'))).to.throw(CircularDependencyError, /One → .*Other → /);
  });

  it('refuses a getter that throws', () => {
    class Throws extends Mine {
      get name(): string {
        throw new Error('not yet');
      }
    }
    expect(() => load(ExitContribution, new Throws({}))).to.throw(ContributionOrderError, /'name'.*not yet/);
  });

  for (const [what, value] of [
    ['null', null],
    ['undefined', undefined],
    ['5', 5],
    ['a function', () => {}],
  ] as const)
    it(`refuses ${what} instead of an object`, () => {
      expect(() => load(ExitContribution, value)).to.throw(ContributionOrderError, `is ${what}, not an object`);
    });
});

describe('What every part may have', () => {
  for (const [name, member] of [
    ['attach', { attach: 5 }],
    ['[Symbol.dispose]', { [Symbol.dispose]: 'later' }],
  ] as const)
    it(`is refused if ${name} is no method, naming file and class`, () => {
      class Mine {
        constructor() {
          Object.assign(this, member);
        }
      }
      const bindings = effectiveBindings(vmmModule(({ bind }) => bind(Mine).toSelf()).record('mine.ts'));
      expect(() => PartContainer.create('vmm', bindings))
        .to.throw(MemberTypeError, `'${name}': it must be a method`)
        .with.property('message')
        .that.includes('mine.ts: a part (class Mine)');
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

  const methods = { handleVmcall: () => false };
  for (const [what, point, contribution, message] of [
    [
      'a number instead of a list',
      ExitContribution,
      { reasons: 10, handleExit: () => false },
      /10 for its member 'reasons'/,
    ],
    ['a set instead of a list', ExitContribution, { reasons: new Set([10]), handleExit: () => false }, /an object for/],
    ['a bigint in a list', MsrContribution, { msrs: [16n], handleMsrRead: () => 1n }, /16n in its member 'msrs'/],
    ['undefined in a list', MsrContribution, { msrs: [undefined], handleMsrRead: () => 1n }, /undefined in its/],
    ['a negative number', PortContribution, { ports: [-1], handlePortRead: () => 1 }, /-1 in its member 'ports'/],
    ['a fraction', CpuidContribution, { leaves: [0.5], handleCpuid: () => true }, /0\.5 in its member 'leaves'/],
    ['a value for a method', ExitContribution, { reasons: [], handleExit: false }, /false for its member 'handleExit'/],
    ['a value for one of several', VcpuContribution, { onInit: 1, onRun: () => {} }, /1 for its member 'onInit'/],
    [
      'a value for a report',
      ReportContribution,
      { report: {} },
      /an object for its member 'report': it must be a method/,
    ],
    ['a value for set-up', VmcsContribution, { setUp: 'x' }, /'x' for its member 'setUp'/],
    ['an optional method', VmcallContribution, { ...methods, opcodes: [1], handleVmcallJson: 1 }, /'handleVmcallJson'/],
    ['a switch', VmcallContribution, { ...methods, opcodes: [1], allowsUserMode: 'no' }, /'allowsUserMode'.*true or/],
  ] as const)
    it(`refuses a wrong type: ${what}`, () => {
      expect(() => load(point, { name: 'mine', ...contribution }))
        .to.throw(MemberTypeError, message)
        .with.property('message')
        .that.matches(/^mine\.ts: the contribution 'mine' to bareflank\.\w+ has /);
    });

  it('names the class too', () => {
    class Mine {
      readonly name = 'mine';
      readonly reasons = 10;
      handleExit(): void {}
    }
    expect(() => load(ExitContribution, new Mine())).to.throw(MemberTypeError, "'mine' (class Mine) to bareflank.Exit");
  });

  it('reads getters, which may use what is injected, once it is injected', () => {
    const Port = component<number>('test.contribution_members.Port', 'vcpu');
    @injectable()
    class Mine {
      @inject(Port) readonly port!: number;
      readonly name = 'mine';
      get ports(): unknown {
        return [this.port * 2];
      }
      handlePortRead(): number {
        return 1;
      }
    }
    const make = (port: unknown): unknown =>
      PartContainer.create(
        'vcpu',
        effectiveBindings(
          vcpuModule(({ bind }) => {
            bind(Port as symbol).toConstantValue(port);
            bind(PortContribution as symbol).to(Mine);
          }).record('mine.ts'),
        ),
      );
    make(1);
    expect(() => make('x')).to.throw(MemberTypeError, "'mine' (class Mine) to bareflank.PortContribution has NaN in");
    expect(() => make(1n)).to.throw(MemberTypeError, /a getter 'ports' that threw \(TypeError/);
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
