// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { derived, isAttachable, markedFields, state } from '../../../src/vmm/state/state.js';

class Base {
  @state() count = 0;
  @derived() cache = 0;
  plain = 0;
}

class Middle extends Base {
  @state() own = 0;
}

class Overriding extends Base {
  @derived() override count = 5;
}

describe('markedFields', () => {
  it('gives the marked fields of a part, those of its bases included', () => {
    expect([...markedFields(new Middle())]).to.deep.equal([
      ['own', 'state'],
      ['count', 'state'],
      ['cache', 'derived'],
    ]);
    expect([...markedFields(new Base())].map(([name]) => name)).to.deep.equal(['count', 'cache']);
  });

  it('takes the mark of the class that is nearest', () => {
    expect(markedFields(new Overriding()).get('count')).to.equal('derived');
  });
});

describe('isAttachable', () => {
  it('is so of parts with attach()', () => {
    expect([{ attach: () => {} }, {}, undefined, null, { attach: 5 }].map(isAttachable)).to.deep.equal([
      true,
      false,
      false,
      false,
      false,
    ]);
  });
});
