// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { inject, injectable, multiInject, optional } from 'inversify';
import { component, contribution } from '../../../src/intrinsics/component.js';
import type { Contribution } from '../../../src/vmm/container/contribution.js';
import { extension } from '../../../src/vmm/container/extension.js';
import { vcpuModule, vmmModule, type PartModule } from '../../../src/vmm/container/part_module.js';
import { VcpuContainers } from '../../../src/vmm/container/vcpu_containers.js';
import { VmmContainer } from '../../../src/vmm/container/vmm_container.js';
import * as errors from '../../../src/vmm/container/load_errors.js';

interface Named {
  readonly label: string;
}
const Clock = component<Named>('test.container.Clock', 'vmm');
const Journal = component<Named>('test.container.Journal', 'vmm');
const Ring = component<Named>('test.container.Ring', 'vcpu');
const Handler = component<Named>('test.container.Handler', 'vcpu');
const Wish = contribution<Contribution>('test.container.Wish', 'vmm');
const Hook = contribution<Contribution>('test.container.Hook', 'vcpu');

@injectable()
class BaseClock implements Named {
  readonly label: string = 'clock';
}

@injectable()
class BaseJournal implements Named {
  @inject(Clock) readonly clock!: Named;
  readonly label = 'journal';
}

@injectable()
class BaseRing implements Named {
  @inject(Journal) readonly journal!: Named;
  readonly label = 'ring';
}

@injectable()
class BaseHandler implements Named {
  @inject(Ring) readonly ring!: BaseRing;
  @inject(Clock) readonly clock!: Named;
  @multiInject(Hook) @optional() readonly hooks: readonly Contribution[] = [];
  label = 'handler';
}

const vmmBase = vmmModule(({ bind }) => {
  bind(Clock).to(BaseClock);
  bind(Journal).to(BaseJournal);
});
const vcpuBase = vcpuModule(({ bind }) => {
  bind(Ring).to(BaseRing);
  bind(Handler).to(BaseHandler);
});

function load(...modules: readonly (readonly [string, PartModule])[]): VmmContainer {
  const base = [['vmm.ts', vmmBase] as const, ['vcpu.ts', vcpuBase] as const];
  return VmmContainer.create([...base, ...modules].flatMap(([file, module]) => module.record(file)));
}

const makeVcpu = (vmm: VmmContainer) => {
  const containers = vmm.get(VcpuContainers);
  return containers.create((binder) => containers.bindModules(binder), 'test');
};

describe('VmmContainer', () => {
  describe('two vcpus', () => {
    it('have their own parts, and share those of the VMM', () => {
      const vmm = load();
      const [first, second] = [makeVcpu(vmm), makeVcpu(vmm)];
      const [a, b] = [first.get(Handler) as BaseHandler, second.get(Handler) as BaseHandler];
      expect(a).to.not.equal(b);
      expect(a.ring).to.equal(first.get(Ring));
      expect(b.ring).to.equal(second.get(Ring));
      expect(a.ring).to.not.equal(b.ring);
      for (const part of [a.clock, b.clock, (vmm.get(Journal) as BaseJournal).clock])
        expect(part).to.equal(vmm.get(Clock));
      expect(a.ring.journal).to.equal(vmm.get(Journal));
      expect(b.ring.journal).to.equal(vmm.get(Journal));
    });

    it('get one instance a container from a rebind, too', () => {
      @extension()
      class LoudHandler extends BaseHandler {
        override label = 'loud';
      }
      const vmm = load(['loud.ts', vcpuModule(({ rebind }) => rebind(Handler).to(LoudHandler))]);
      const vcpu = makeVcpu(vmm);
      expect(vcpu.get(Handler)).to.be.instanceOf(LoudHandler).and.to.equal(vcpu.get(Handler));
      expect((vcpu.get(Handler) as BaseHandler).ring, 'the injection of the base').to.equal(vcpu.get(Ring));
    });
  });

  it('makes all parts of the VMM before there is a vcpu', () => {
    let made = 0;
    class Eager implements Named {
      readonly label = 'eager';
      constructor() {
        made++;
      }
    }
    load(['eager.ts', vmmModule(({ rebind }) => rebind(Clock).to(Eager))]);
    expect(made).to.equal(1);
  });

  it('binds a class to itself and serves one instance at several points', () => {
    class Own implements Contribution {
      readonly name = 'own';
    }
    const vmm = load([
      'own.ts',
      vcpuModule(({ bind }) => {
        bind(Own).toSelf();
        bind(Hook).toService(Own);
      }),
    ]);
    const vcpu = makeVcpu(vmm);
    expect((vcpu.get(Handler) as BaseHandler).hooks).to.deep.equal([vcpu.getAll(Hook)[0]]);
    expect(vcpu.getAll(Hook)).to.have.length(1);
  });

  describe('disposal', () => {
    it('runs in the reverse order of making, children first', () => {
      const log: string[] = [];
      const disposable = (label: string, Base: typeof BaseClock | typeof BaseRing | typeof BaseHandler) => {
        @extension()
        class Traced extends (Base as typeof BaseHandler) {
          [Symbol.dispose](): void {
            log.push(label);
          }
        }
        return Traced;
      };
      const vmm = load(
        ['a.ts', vmmModule(({ rebind }) => rebind(Clock).to(disposable('clock', BaseClock)))],
        [
          'b.ts',
          vcpuModule(({ rebind }) => {
            rebind(Ring).to(disposable('ring', BaseRing));
            rebind(Handler).to(disposable('handler', BaseHandler));
          }),
        ],
      );
      makeVcpu(vmm);
      vmm[Symbol.dispose]();
      expect(log).to.deep.equal(['handler', 'ring', 'clock']);
    });

    it('goes on when a part throws, and says so', () => {
      let later = false;
      class Bad implements Named {
        readonly label = 'bad';
        [Symbol.dispose](): void {
          throw new Error('stuck');
        }
      }
      class Good implements Named {
        readonly label = 'good';
        [Symbol.dispose](): void {
          later = true;
        }
      }
      const vmm = load([
        'c.ts',
        vmmModule(({ rebind }) => {
          rebind(Clock).to(Good);
          rebind(Journal).to(Bad);
        }),
      ]);
      expect(() => vmm[Symbol.dispose]()).to.throw(/stuck/);
      expect(later).to.equal(true);
    });
  });

  describe('load errors', () => {
    const cases: [string, () => VmmContainer, new (...all: never[]) => Error, RegExp][] = [
      [
        'two binds of one symbol',
        () => load(['a.ts', vmmModule(({ bind }) => bind(Clock).to(BaseClock))]),
        errors.DuplicateBindError,
        /test\.container\.Clock.*a\.ts and vmm\.ts/,
      ],
      [
        'two rebinds of one symbol',
        () =>
          load(
            ['b.ts', vmmModule(({ rebind }) => rebind(Clock).to(BaseClock))],
            ['a.ts', vmmModule(({ rebind }) => rebind(Clock).to(BaseClock))],
          ),
        errors.DuplicateRebindError,
        /test\.container\.Clock.*a\.ts and b\.ts.*exclude each other/,
      ],
      [
        'a rebind of an unbound symbol',
        () =>
          load([
            'a.ts',
            vcpuModule(({ rebind }) => rebind(component<Named>('test.container.Nobody', 'vcpu')).to(BaseClock)),
          ]),
        errors.RebindUnboundError,
        /a\.ts.*test\.container\.Nobody/,
      ],
      [
        'a rebind of a contribution point',
        () => load(['a.ts', vcpuModule(({ rebind }) => rebind(Hook).toConstantValue({ name: 'x' }))]),
        errors.RebindContributionError,
        /a\.ts.*test\.container\.Hook/,
      ],
      [
        'a symbol that nobody declared',
        () => load(['a.ts', vmmModule(({ bind }) => bind(Symbol('loose')).toConstantValue(1))]),
        errors.UndeclaredSymbolError,
        /a\.ts.*loose/,
      ],
      [
        'a vcpu module that touches a symbol of the VMM',
        () => load(['a.ts', vcpuModule(({ rebind }) => rebind(Clock).to(BaseClock))]),
        errors.ScopeError,
        /a\.ts.*vcpuModule.*test\.container\.Clock.*vmmModule/,
      ],
      [
        'a vmm module that touches a symbol of the vcpu',
        () => load(['a.ts', vmmModule(({ rebind }) => rebind(Ring).to(BaseRing))]),
        errors.ScopeError,
        /a\.ts.*test\.container\.Ring/,
      ],
      [
        'a class of the VMM that injects a part of a vcpu',
        () => {
          class Greedy extends BaseClock {
            readonly ring!: Named;
          }
          inject(Ring)(Greedy.prototype, 'ring');
          injectable()(Greedy);
          return load(['a.ts', vmmModule(({ rebind }) => rebind(Clock).to(Greedy))]);
        },
        errors.ScopeError,
        /a\.ts.*Greedy\.ring.*test\.container\.Ring/,
      ],
      [
        'an injected symbol that nobody binds',
        () => {
          class Hungry extends BaseClock {
            readonly food!: Named;
          }
          inject(component<Named>('test.container.Food', 'vmm'))(Hungry.prototype, 'food');
          injectable()(Hungry);
          return load(['a.ts', vmmModule(({ rebind }) => rebind(Clock).to(Hungry))]);
        },
        errors.UnresolvedSymbolError,
        /a\.ts.*Hungry\.food.*test\.container\.Food/,
      ],
      [
        'a service that nobody binds',
        () =>
          load([
            'a.ts',
            vcpuModule(({ bind }) =>
              bind(Hook).toService(
                class Missing implements Contribution {
                  readonly name = 'missing';
                },
              ),
            ),
          ]),
        errors.UnresolvedSymbolError,
        /a\.ts.*test\.container\.Hook.*Missing/,
      ],
      [
        'a @multiInject of what is one component',
        () => {
          class Many extends BaseClock {
            readonly journals!: readonly Named[];
          }
          multiInject(Journal)(Many.prototype, 'journals');
          optional()(Many.prototype, 'journals');
          injectable()(Many);
          return load(['a.ts', vmmModule(({ rebind }) => rebind(Clock).to(Many))]);
        },
        errors.ArityError,
        /a\.ts.*Many\.journals.*test\.container\.Journal.*one component: use @inject/,
      ],
      [
        'parts that need each other',
        () => {
          class Ouroboros extends BaseClock {
            readonly journal!: Named;
          }
          inject(Journal)(Ouroboros.prototype, 'journal');
          injectable()(Ouroboros);
          return load(['a.ts', vmmModule(({ rebind }) => rebind(Clock).to(Ouroboros))]);
        },
        errors.CircularDependencyError,
        /test\.container\.Clock → test\.container\.Journal → test\.container\.Clock \(in a\.ts, vmm\.ts\)/,
      ],
      [
        'a subclass without any decorator',
        () => {
          class Forgotten extends BaseHandler {}
          return load(['a.ts', vcpuModule(({ rebind }) => rebind(Handler).to(Forgotten))]);
        },
        errors.MissingDecoratorError,
        /a\.ts.*class Forgotten.*'hooks'|'ring'|'clock'.*BaseHandler injects.*@extension\(\)/,
      ],
      [
        'a subclass with @injectable() only',
        () => {
          @injectable()
          class Half extends BaseHandler {}
          return load(['a.ts', vcpuModule(({ rebind }) => rebind(Handler).to(Half))]);
        },
        errors.MissingDecoratorError,
        /class Half.*@extension\(\)/,
      ],
      [
        'a decorated subclass of an undecorated one',
        () => {
          class Between extends BaseHandler {}
          @extension()
          class Last extends Between {}
          return load(['a.ts', vcpuModule(({ rebind }) => rebind(Handler).to(Last))]);
        },
        errors.MissingDecoratorError,
        /class Last.*each class between/,
      ],
      [
        'a constructor with parameters',
        () => {
          class Wanting implements Named {
            constructor(readonly label: string) {}
          }
          return load(['a.ts', vmmModule(({ rebind }) => rebind(Clock).to(Wanting))]);
        },
        errors.ConstructorError,
        /a\.ts.*Wanting/,
      ],
      [
        'an @inject of a contribution point',
        () => {
          class One extends BaseClock {
            readonly hook!: Contribution;
          }
          inject(Hook)(One.prototype, 'hook');
          injectable()(One);
          return load(['a.ts', vcpuModule(({ bind }) => bind(One).toSelf())]);
        },
        errors.ArityError,
        /One\.hook.*@multiInject/,
      ],
      [
        'an injection of what nobody declared',
        () => {
          class Loose extends BaseClock {
            readonly thing!: unknown;
          }
          inject('a string')(Loose.prototype, 'thing');
          injectable()(Loose);
          return load(['a.ts', vmmModule(({ rebind }) => rebind(Clock).to(Loose))]);
        },
        errors.UndeclaredSymbolError,
        /a\.ts: Loose\.thing injects a string, which neither/,
      ],
      [
        'a @multiInject without @optional',
        () => {
          class Strict extends BaseClock {
            readonly hooks!: readonly Contribution[];
          }
          multiInject(Hook)(Strict.prototype, 'hooks');
          injectable()(Strict);
          return load(['a.ts', vcpuModule(({ bind }) => bind(Strict).toSelf())]);
        },
        errors.ArityError,
        /Strict\.hooks.*@optional\(\)/,
      ],
      [
        'a contribution whose constructor throws',
        () => {
          class Acting implements Contribution {
            readonly name = 'acting';
            constructor() {
              throw new Error('too early');
            }
          }
          return load(['a.ts', vcpuModule(({ bind }) => bind(Hook).to(Acting))]);
        },
        errors.ConstructorError,
        /a\.ts: the constructor of Acting threw \(Error: too early\)/,
      ],
      [
        'a binding of a value that is not a symbol',
        () => load(['a.ts', vmmModule(({ bind }) => bind('Clock' as never).toConstantValue(1 as never))]),
        errors.ModuleFunctionError,
        /a\.ts: bind\(Clock\) wants a symbol/,
      ],
      [
        'a binding to a value that is not a class',
        () => load(['a.ts', vmmModule(({ rebind }) => rebind(Clock).to({} as never))]),
        errors.ModuleFunctionError,
        /a\.ts: test\.container\.Clock is bound to .*not a class/,
      ],
      [
        'a binding without an end',
        () => load(['a.ts', vmmModule(({ bind }) => void bind(Clock))]),
        errors.ModuleFunctionError,
        /a\.ts.*test\.container\.Clock.*toSelf/,
      ],
      [
        'a module function that throws',
        () =>
          load([
            'a.ts',
            vmmModule(() => {
              throw new Error('no luck');
            }),
          ]),
        errors.ModuleFunctionError,
        /a\.ts.*no luck/,
      ],
      [
        'a module function that throws no error',
        () =>
          load([
            'a.ts',
            vmmModule(() => {
              throw 'just a text';
            }),
          ]),
        errors.ModuleFunctionError,
        /a\.ts: its module function threw: just a text/,
      ],
      [
        'a symbol without a name',
        () => load(['a.ts', vmmModule(({ bind }) => bind(Symbol()).toConstantValue(1))]),
        errors.UndeclaredSymbolError,
        /a\.ts.*Symbol\(\)/,
      ],
      [
        'an unknown name in before',
        () => load(['a.ts', vcpuModule(({ bind }) => bind(Hook).toConstantValue({ name: 'x', before: ['y'] }))]),
        errors.ContributionOrderError,
        /a\.ts.*'x'.*'y'.*test\.container\.Hook/,
      ],
    ];
    for (const [what, act, type, message] of cases) {
      it(`names file and symbol: ${what}`, () => {
        expect(act).to.throw(type as never, message);
      });
    }
  });

  it('disposes what was made when a part cannot be made', () => {
    let disposed = false;
    class First implements Named {
      readonly label = 'first';
      [Symbol.dispose](): void {
        disposed = true;
      }
    }
    class Failing implements Named {
      readonly label = 'failing';
      constructor() {
        throw new Error('cannot be made');
      }
    }
    const failing = vmmModule(({ rebind }) => {
      rebind(Clock).to(First);
      rebind(Journal).to(Failing);
    });
    expect(() => load(['f.ts', failing])).to.throw('cannot be made');
    expect(disposed).to.equal(true);
  });

  it('gives all contributions of the VMM, and none for a point without any', () => {
    const vmm = load(['a.ts', vmmModule(({ bind }) => bind(Wish).toConstantValue({ name: 'one' }))]);
    expect(vmm.getAll(Wish)).to.deep.equal([{ name: 'one' }]);
    expect(load().getAll(Wish)).to.deep.equal([]);
  });

  it('validates what a factory binds like a module, naming the factory', () => {
    const containers = load().get(VcpuContainers);
    const bind = (): unknown =>
      containers.create((binder) => {
        containers.bindModules(binder);
        binder.bind(Ring).to(BaseRing);
      }, 'MyFactory.bindParts');
    expect(bind).to.throw(errors.DuplicateBindError, /MyFactory\.bindParts and vcpu\.ts/);
  });
});
