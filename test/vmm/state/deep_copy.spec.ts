// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { deepCopy } from '../../../src/vmm/state/deep_copy.js';
import { equalData } from '../../../src/vmm/state/equal_data.js';

class Node {
  next: Node | undefined;
  constructor(public value: unknown) {}
}

const none = (): boolean => false;

describe('deepCopy', () => {
  it('copies a value with all that it leads to, its cycles too', () => {
    const node = new Node(new Map([[{ key: 1 }, new Set([Uint8Array.of(1)])]]));
    node.next = new Node([new Date(5), Uint8Array.of(2).buffer, Object.create(null)]);
    node.next.next = node;
    const copy = deepCopy(node, none) as Node;
    expect(copy).to.be.instanceOf(Node);
    expect(copy.next!.next).to.equal(copy);
    expect(equalData(copy, node)).to.equal(true);
    (node.next.value as unknown[]).push(1);
    expect(equalData(copy, node)).to.equal(false);
    expect((copy.next!.value as unknown[]).length).to.equal(3);
  });

  it('leaves functions, atoms and what cannot be seen as they are', () => {
    const atom = new Node(1);
    const value = { call: (): void => {}, atom, hidden: new WeakMap() };
    const copy = deepCopy(value, (each) => each === atom) as typeof value;
    expect(copy).to.not.equal(value);
    expect(copy).to.include(value);
  });

  it('runs no accessor of the class', () => {
    class Loud {
      declare value: number;
      get loud(): never {
        throw new Error('it ran');
      }
      set loud(_value: number) {
        throw new Error('it ran');
      }
    }
    const object = new Loud();
    Object.defineProperty(object, 'loud', { value: 3, enumerable: true });
    expect(Object.entries(deepCopy(object, none) as object)).to.deep.equal([['loud', 3]]);
  });
});
