// SPDX-License-Identifier: LGPL-2.1-only
// The order and nesting in which a region's blocks become structured control flow: N. Ramsey, "Beyond Relooper: Recursive Translation of
// Unstructured Control Flow to Structured Control Flow", 2022.
import { isExit, type RegionBlock, type RegionEdge } from './region_graph.js';

/** A block in the tree of dominators. */
export interface RegionNode {
  readonly block: RegionBlock;
  /** Its place in reverse postorder. */
  readonly order: number;
  /** Edges that come from earlier blocks. */
  forward: number;
  /** A later block that it dominates comes back to it. */
  isLoop: boolean;
  /** A later block that it does not dominate comes back to it: that edge leaves the region. */
  readonly children: RegionNode[];
  parent: RegionNode | undefined;
}

function successors({ end }: RegionBlock): RegionEdge[] {
  switch (end.kind) {
    case 'goto':
      return [end.to];
    case 'branch':
      return [end.taken, end.next];
    case 'computed':
      return end.expected === undefined ? [] : [end.expected.to];
    case 'leave':
      return [];
  }
}

const blocksAfter = (block: RegionBlock): RegionBlock[] =>
  successors(block).filter((edge): edge is RegionBlock => !isExit(edge));

function reversePostorder(root: RegionBlock): RegionBlock[] {
  const seen = new Set<RegionBlock>();
  const order: RegionBlock[] = [];
  const visit = (block: RegionBlock): void => {
    seen.add(block);
    for (const next of blocksAfter(block)) if (!seen.has(next)) visit(next);
    order.push(block);
  };
  visit(root);
  return order.reverse();
}

/** The nearest node that dominates both. */
function common(first: RegionNode, second: RegionNode): RegionNode {
  let [a, b] = [first, second];
  while (a !== b) {
    while (a.order > b.order) a = a.parent!;
    while (b.order > a.order) b = b.parent!;
  }
  return a;
}

/** The nodes of a region by block, in reverse postorder; the root is the first. */
export class RegionStructure {
  readonly nodes: readonly RegionNode[];
  private readonly byBlock = new Map<RegionBlock, RegionNode>();

  constructor(root: RegionBlock) {
    this.nodes = reversePostorder(root).map((block, order) => ({
      block,
      order,
      forward: 0,
      isLoop: false,
      children: [],
      parent: undefined,
    }));
    for (const node of this.nodes) this.byBlock.set(node.block, node);
    const predecessors = this.predecessors();
    this.findDominators(predecessors);
    for (const node of this.nodes) {
      node.parent?.children.push(node);
      for (const before of predecessors[node.order]!)
        if (before.order < node.order) node.forward++;
        else if (this.dominates(node, before)) node.isLoop = true;
    }
  }

  get root(): RegionNode {
    return this.nodes[0]!;
  }

  nodeOf(block: RegionBlock): RegionNode {
    return this.byBlock.get(block)!;
  }

  dominates(node: RegionNode, other: RegionNode): boolean {
    let at: RegionNode | undefined = other;
    while (at !== undefined && at.order > node.order) at = at.parent;
    return at === node;
  }

  private predecessors(): RegionNode[][] {
    const result: RegionNode[][] = this.nodes.map(() => []);
    for (const node of this.nodes)
      for (const next of blocksAfter(node.block)) result[this.nodeOf(next).order]!.push(node);
    return result;
  }

  private findDominators(predecessors: readonly (readonly RegionNode[])[]): void {
    for (let changed = true; changed;) {
      changed = false;
      for (const node of this.nodes.slice(1)) {
        const known = predecessors[node.order]!.filter((each) => each.order === 0 || each.parent !== undefined);
        const parent = known.reduce<RegionNode | undefined>(
          (found, each) => (found ? common(found, each) : each),
          undefined,
        );
        if (parent === node.parent) continue;
        node.parent = parent;
        changed = true;
      }
    }
  }
}
