// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { inject, injectable } from 'inversify';
import { loadExports } from '../../../src/driver/node/load_module.js';
import { component, contribution } from '../../../src/intrinsics/component.js';
import type { Contribution } from '../../../src/vmm/container/contribution.js';
import { vmmModule } from '../../../src/vmm/container/part_module.js';
import { UnmarkedFields } from '../../../src/vmm/container/unmarked_fields.js';
import { VmmContainer } from '../../../src/vmm/container/vmm_container.js';
import { derived, state } from '../../../src/vmm/state/state.js';
import { temporaryFolder } from '../../driver/node/temporary_folder.js';

const folder = temporaryFolder();

class Counter {
  count = 0;
  constructor(readonly user: object) {}
}

@injectable()
class Device {
  registers = [1, 2];
}
const DevicePart = component<Device>('test.unmarked.Device', 'vmm');

@injectable()
class Base {
  static made = 0;
  @inject(DevicePart) device!: Device;
  @state() saved = 0;
  @derived() cache: unknown;
  inherited = 1n;
}

@injectable()
class Part extends Base {
  @inject(DevicePart) declare device: Device;
  number = 0;
  readonly table = new Map([[1, { hits: 0 }]]);
  readonly bytes = new Uint8Array(4);
  helper = new Counter(this);
  handler = (): number => this.number;
  hidden: unknown;
  constant = 'same';
}
const PartSymbol = component<Part>('test.unmarked.Part', 'vmm');
const Hook = contribution<Contribution>('test.unmarked.Hook', 'vmm');

/** A container with a part and a contribution that is a value; `act` changes something. */
function changes(act: (part: Part, value: Contribution & { calls: number }) => void): string[] {
  const value = { name: 'a value', calls: 0 };
  const module = vmmModule(({ bind }) => {
    bind(DevicePart).to(Device);
    bind(PartSymbol).to(Part);
    bind(Hook).toConstantValue(value);
  });
  const container = VmmContainer.create(module.record('unmarked.ts'));
  act(container.get(PartSymbol), value);
  return container
    .vmmParts()
    .unmarkedFields()
    .map(({ owner, field, why }) => `${owner}.${field} ${why}`);
}

describe('UnmarkedFields', () => {
  it('finds nothing where only marked and injected fields have changed', () => {
    const before = Part.made;
    expect(
      changes((part) => {
        part.saved = 7;
        part.cache = new WeakMap();
        part.device = new Device();
        part.number = 5;
        part.number = 0;
      }),
    ).to.deep.equal([]);
    expect(Part.made).to.equal(before);
  });

  for (const [what, act, found] of [
    ['a number', (part) => (part.number = 3), 'Part.number changed from 0 to 3'],
    ['a field of the base', (part) => (part.inherited = 2n), 'Part.inherited changed from 1n to 2n'],
    ['what a map holds', (part) => part.table.get(1)!.hits++, 'Part.table has another content (a Map of 1)'],
    ['an entry more', (part) => part.table.set(2, { hits: 0 }), 'Part.table changed from a Map of 1 to a Map of 2'],
    ['bytes', (part) => (part.bytes[3] = 1), 'Part.bytes has another content (an instance of Uint8Array)'],
    ['a field of a helper', (part) => part.helper.count++, 'Part.helper has another content (an instance of Counter)'],
    ['a helper that belongs to somebody else', (part) => (part.helper = new Counter(part.device)), 'Part.helper has'],
    ['a function', (part) => (part.handler = () => 1), 'Part.handler has another content (a function)'],
    [
      'a field that nobody declared',
      (part) => Object.assign(part, { more: 'x' }),
      'Part.more changed from undefined to "x"',
    ],
    [
      'another part',
      (part) => part.device.registers.push(3),
      'Device.registers changed from a list of 2 to a list of 3',
    ],
    [
      'a contribution that is a value',
      (_part, value) => value.calls++,
      "the contribution 'a value'.calls changed from 0 to 1",
    ],
    [
      'a weak map',
      (part) => (part.hidden = new WeakMap()),
      'Part.hidden changed from undefined to an instance of WeakMap',
    ],
  ] as [string, Parameters<typeof changes>[0], string][])
    it(`finds ${what}`, () => {
      const all = changes(act);
      expect(all).to.have.length(1);
      expect(all[0]).to.match(new RegExp(`^${found.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}`));
    });

  it('finds a static field', () => {
    try {
      expect(changes(() => Base.made++)).to.deep.equal(['class Base, static.made changed from 0 to 1']);
    } finally {
      Base.made = 0;
    }
  });

  it('finds what cannot be compared, whether it has changed or not', () => {
    const made = (type: new () => object): string[] => {
      const module = vmmModule(({ bind }) => bind(component<object>(`test.unmarked.${type.name}`, 'vmm')).to(type));
      const container = VmmContainer.create(module.record('unmarked.ts'));
      return container
        .vmmParts()
        .unmarkedFields()
        .map(({ owner, field, why }) => `${owner}.${field} ${why}`);
    };
    class Hidden {
      readonly map = new WeakMap();
    }
    class Private {
      #count = 0;
      add(): number {
        return ++this.#count;
      }
    }
    class PrivateMethod {
      #add(): number {
        return 1;
      }
      add(): number {
        return this.#add();
      }
    }
    expect(made(Hidden)).to.deep.equal(['Hidden.map holds an instance of WeakMap, whose content cannot be compared']);
    expect(made(Private)).to.deep.equal(['Private.#count is private to its class, so that nobody can save it']);
    expect(made(PrivateMethod)).to.deep.equal([]);
  });

  for (const [what, decorator] of [
    ['with decorators, where it is a WeakMap', '@decorated'],
    ['without them', ''],
  ])
    it(`finds a private field in a bundle of classes ${what}, and takes private methods and accessors`, async () => {
      const file = folder.write(
        `private${decorator}.ts`,
        `const decorated = (_type: unknown): void => {};
         ${decorator} class Private { #count = 0; add() { return ++this.#count; } }
         ${decorator} class Read { #limit; get limit() { return this.#limit; } }
         ${decorator} class Write { #last; set last(to) { this.#last = to; } }
         ${decorator} class Static { static #made = 0; add() { return Static.#made++; } }
         ${decorator} class Methods {
           #add() { return 1; } get #one() { return 1; } static #two() { return 2; }
           add() { return this.#add() + this.#one + Methods.#two(); }
         }
         class Part { readonly helpers = new Map([[1, [new Private()]]]); }
         export const types = [Private, Read, Write, Static, Methods, Part];`,
      );
      const { types } = (await loadExports(file)) as { types: (new () => object)[] };
      const found = types.map((type) => new UnmarkedFields([new type()], [], []).changed().map(({ field }) => field));
      expect(found).to.deep.equal([['#count'], ['#limit'], ['#last'], ['#made'], [], ['helpers']]);
    });
});
