// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import type { BlockEnd, RegionBlock } from '../../../src/machine/compiled/region_graph.js';
import { RegionStructure } from '../../../src/machine/compiled/region_structure.js';

/** Blocks by offset, from the offsets that each goes to: none, one or two. */
function graph(edges: Readonly<Record<number, readonly number[]>>): RegionBlock {
  const blocks = new Map(
    Object.keys(edges).map((offset): [number, RegionBlock] => [
      Number(offset),
      { offset: Number(offset), returns: [], instructions: [], end: { kind: 'leave', offset: 0 } },
    ]),
  );
  const ends = (to: readonly number[]): BlockEnd => {
    const [first, second] = to.map((offset) => blocks.get(offset)!);
    if (first === undefined) return { kind: 'computed' };
    return second === undefined ? { kind: 'goto', to: first } : { kind: 'branch', taken: first, next: second };
  };
  for (const [offset, to] of Object.entries(edges)) blocks.get(Number(offset))!.end = ends(to);
  return blocks.get(1)!;
}

/** Of each block: its parent in the tree of dominators, forward edges, and whether it begins a loop. */
function shape(
  root: RegionBlock,
): Record<number, readonly [parent: number | undefined, forward: number, loop: boolean]> {
  return Object.fromEntries(
    new RegionStructure(root).nodes.map(({ block, parent, forward, isLoop }) => [
      block.offset,
      [parent?.block.offset, forward, isLoop],
    ]),
  );
}

describe('RegionStructure', () => {
  it('joins two ways below the block that they part at', () => {
    expect(shape(graph({ 1: [2, 3], 2: [4], 3: [4], 4: [] }))).to.deep.equal({
      1: [undefined, 0, false],
      2: [1, 1, false],
      3: [1, 1, false],
      4: [1, 2, false],
    });
  });

  it('finds loops, one in the other', () => {
    expect(shape(graph({ 1: [2], 2: [3], 3: [3, 4], 4: [2, 5], 5: [] }))).to.deep.equal({
      1: [undefined, 0, false],
      2: [1, 1, true],
      3: [2, 1, true],
      4: [3, 1, false],
      5: [4, 1, false],
    });
  });

  it('takes no block for a loop that is entered in its middle', () => {
    const found = shape(graph({ 1: [2, 3], 2: [3], 3: [2, 4], 4: [] }));
    expect(Object.values(found).filter(([, , isLoop]) => isLoop)).to.deep.equal([]);
    expect(found[2]![0]).to.equal(1);
    expect(found[3]![0]).to.equal(1);
  });

  it('knows which block dominates which', () => {
    const structure = new RegionStructure(graph({ 1: [2, 3], 2: [4], 3: [4], 4: [] }));
    const [root, ...others] = structure.nodes;
    for (const other of others) expect(structure.dominates(root!, other)).to.equal(true);
    const two = structure.nodes.find(({ block }) => block.offset === 2)!;
    const four = structure.nodes.find(({ block }) => block.offset === 4)!;
    expect(structure.dominates(two, four)).to.equal(false);
  });
});
