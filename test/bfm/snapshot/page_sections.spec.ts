// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { deflateSync } from 'node:zlib';
import { inPieces, joined, pack, packPages, unpack, unpackPages } from '../../../src/bfm/snapshot/page_sections.js';

const page = 4096;
const pages = (numbers: number[]) => ({
  numbers: Uint32Array.from(numbers),
  bytes: Uint8Array.from({ length: numbers.length * page }, (_, i) => numbers[i >> 12]! + (i >> 5)),
});

const messageOf = async (act: () => Promise<unknown>): Promise<string> =>
  act().then(
    () => expect.fail('it was unpacked'),
    (error: unknown) => (error as Error).message,
  );

describe('page_sections', () => {
  it('gives back what was packed', async () => {
    const pieces = [pages([0, 3, 4]), pages([5, 99])];
    const back = await unpackPages(await packPages(pieces), 100);
    expect(back.map(({ numbers, bytes }) => [[...numbers], Buffer.from(bytes).equals(Buffer.from([]))])).to.deep.equal([
      [[0, 3, 4], false],
      [[5, 99], false],
    ]);
    back.forEach(({ bytes }, i) => expect(Buffer.from(bytes).equals(pieces[i]!.bytes)).to.equal(true));
    expect(await unpackPages([], 100)).to.deep.equal([]);
  });

  it('refuses numbers that do not grow, or are too large, and too many pages', async () => {
    const refused = async (...numbers: number[][]): Promise<string> =>
      messageOf(async () => unpackPages(await packPages(numbers.map(pages)), 100));
    expect(await refused([5, 4])).to.match(/page number 4 is out of order/);
    expect(await refused([5], [5])).to.match(/page number 5 is out of order/);
    expect(await refused([100])).to.match(/page number 100 is out of order, or not below 100/);
    const many = (await packPages([pages([1])])).map((each) => ({ ...each, count: 101 }));
    expect(await messageOf(() => unpackPages(many, 100))).to.match(/101 pages of at most 100/);
  });

  it('stops at the size that was announced, so that a small stream cannot fill the memory', async () => {
    const bomb = deflateSync(new Uint8Array(1 << 24));
    expect(bomb.length).to.be.lessThan(1 << 15);
    expect(await messageOf(() => unpack(bomb, 4096))).to.match(/larger than/);
    expect(await messageOf(async () => unpack(await pack(new Uint8Array(10)), 11))).to.match(/10 bytes instead of 11/);
    expect(await messageOf(() => unpack(Uint8Array.of(1, 2, 3), 10))).to.match(/incorrect header/);
    expect(await unpack(await pack(new Uint8Array(0)), 0)).to.have.length(0);
  });

  it('cuts the blocks of a disk into pieces, and joins them', () => {
    const blocks = pages(Array.from({ length: 2500 }, (_, i) => 2 * i));
    const pieces = inPieces(blocks);
    expect(pieces.map(({ numbers }) => numbers.length)).to.deep.equal([1024, 1024, 452]);
    const all = joined(pieces);
    expect(all.numbers).to.deep.equal(blocks.numbers);
    expect(Buffer.from(all.bytes).equals(blocks.bytes)).to.equal(true);
    expect([inPieces(joined([])), joined([]).bytes.length]).to.deep.equal([[], 0]);
  });
});
