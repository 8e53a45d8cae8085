// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { PageHistory } from '../../../src/machine/state/page_history.js';
import { randomNumbers } from '../random_numbers.js';
import { PAGE_BYTES } from '../../../src/machine/memory/page_contents.js';

const page = (value: number): Uint8Array => new Uint8Array(PAGE_BYTES).fill(value);

/** Page 7 changes at points 0, 2 and 4, page 8 at point 3. */
function history(): PageHistory {
  const made = new PageHistory();
  made.keep(0, 7, page(1));
  made.keep(1, 7, page(1));
  made.keep(2, 7, page(2));
  made.keep(3, 8, page(3));
  made.keep(4, 7, page(4));
  return made;
}

const values = (of: PageHistory, number: number): (number | undefined)[] =>
  [0, 1, 2, 3, 4].map((point) => of.at(point, number)?.[0]);

describe('PageHistory', () => {
  it('has what each page had at each point, and keeps equal contents once', () => {
    const made = history();
    expect(values(made, 7)).to.deep.equal([1, 1, 2, 2, 4]);
    expect(values(made, 8)).to.deep.equal([undefined, undefined, undefined, 3, 3]);
    expect(made.bytes).to.equal(4 * PAGE_BYTES);
  });

  it('has the same of packed pages, and less bytes', () => {
    const made = history();
    made.pack();
    expect(made.bytes).to.be.below(200);
    made.keep(4, 8, page(3));
    made.keep(5, 8, page(5));
    expect(values(made, 7)).to.deep.equal([1, 1, 2, 2, 4]);
    expect([3, 4, 5].map((point) => made.at(point, 8)![PAGE_BYTES - 1])).to.deep.equal([3, 3, 5]);
    expect(made.bytes).to.be.within(PAGE_BYTES, PAGE_BYTES + 200);
    made.pack();
    for (let point = 0; point < 5; point++) made.drop(point, point + 1);
    made.drop(5, undefined);
    expect([made.bytes, made.at(5, 7)]).to.deep.equal([0, undefined]);
  });

  it('keeps what cannot be packed as it is', () => {
    const made = new PageHistory();
    const random = randomNumbers(1);
    const noise = page(0).map(() => random(256));
    made.keep(0, 1, noise);
    made.pack();
    expect([made.bytes, Buffer.compare(made.at(0, 1)!, noise)]).to.deep.equal([PAGE_BYTES, 0]);
  });

  it('copies contents, and sees a difference in the last byte', () => {
    const made = new PageHistory();
    const content = page(1);
    made.keep(0, 0, content);
    content[PAGE_BYTES - 1] = 2;
    made.keep(1, 0, content);
    expect([0, 1].map((point) => made.at(point, 0)![PAGE_BYTES - 1])).to.deep.equal([1, 2]);
  });

  it('says which pages two points do not have in common', () => {
    const made = history();
    expect(made.changedBetween(0, 1)).to.deep.equal([]);
    expect(made.changedBetween(1, 2)).to.deep.equal([7]);
    expect(made.changedBetween(3, 2)).to.deep.equal([8]);
    expect(made.changedBetween(0, 4)).to.deep.equal([7, 8]);
  });

  it('forgets a point, and what only that point had', () => {
    const made = history();
    made.drop(2, 3);
    expect(values(made, 7)).to.deep.equal([1, 1, 1, 2, 4]);
    made.drop(3, 4);
    expect(values(made, 7)).to.deep.equal([1, 1, 1, 1, 4]);
    expect(values(made, 8)).to.deep.equal([undefined, undefined, undefined, undefined, 3]);
    expect(made.bytes).to.equal(3 * PAGE_BYTES);
    made.drop(4, undefined);
    expect(made.bytes).to.equal(PAGE_BYTES);
    expect(made.at(4, 8)).to.equal(undefined);
  });
});
