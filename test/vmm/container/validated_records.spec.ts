// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { inject, injectable } from 'inversify';
import { component, contribution } from '../../../src/intrinsics/component.js';
import type { BindingRecord } from '../../../src/vmm/container/binding_record.js';
import type { Contribution } from '../../../src/vmm/container/contribution.js';
import { DuplicateBindError } from '../../../src/vmm/container/load_errors.js';
import { vcpuModule } from '../../../src/vmm/container/part_module.js';
import { validated } from '../../../src/vmm/container/validated_records.js';

const Identity = component<bigint>('test.validated.Identity', 'vcpu');
const Part = component<object>('test.validated.Part', 'vcpu');
const Point = contribution<Contribution>('test.validated.Point', 'vcpu');

let made = 0;
@injectable()
class APart {
  @inject(Identity) readonly identity!: bigint;
  readonly name = `part ${++made}`;
}

const records = (id: bigint, ...more: readonly BindingRecord[]): BindingRecord[] => [
  ...vcpuModule(({ bind }) => {
    bind(Identity).toConstantValue(id);
    bind(Part).to(APart);
    bind(Point).to(APart);
  }).record('test.ts'),
  ...more,
];
const one = (identifier: symbol, value: unknown): readonly BindingRecord[] =>
  vcpuModule(({ bind }) => void bind(identifier as never).toConstantValue(value as never)).record('more.ts');

describe('validated', () => {
  it('takes over what came of records that differ in the value of a component only', () => {
    const first = validated(records(0n), undefined);
    const before = made;
    const second = validated(records(1n), first);
    expect(made, 'no contribution was made for its name').to.equal(before);
    expect(second.bindings.get(Identity)![0]!.target).to.deep.equal({ kind: 'value', value: 1n });
    expect(first.bindings.get(Identity)![0]!.target).to.deep.equal({ kind: 'value', value: 0n });
    expect([...second.bindings.keys()]).to.deep.equal([...first.bindings.keys()]);
  });

  it('validates others', () => {
    const first = validated(records(0n), undefined);
    expect(() => validated(records(1n, ...one(Identity, 2n)), first)).to.throw(DuplicateBindError);
    const [named, another] = ['one', 'another'].map((name) => one(Point, { name }));
    const second = validated(records(0n, ...named!), first);
    const before = made;
    validated(records(0n, ...another!), second);
    expect(made, 'a contribution that was bound as a value has another name').to.be.greaterThan(before);
    const after = made;
    validated(records(0n, ...named!), second);
    expect(made, 'the same one').to.equal(after);
  });
});
