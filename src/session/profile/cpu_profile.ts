// SPDX-License-Identifier: LGPL-2.1-only
// The JSON format of V8's CPU profiles, which Chrome's developer tools and VS Code open: "Profiler.Profile" of the Chrome DevTools Protocol.
import type { ProfileRecorder } from './profile_recorder.js';
import { profiledCode, profiledExits, type ProfileNames } from './profile_rows.js';

interface ProfileNode {
  readonly id: number;
  readonly callFrame: {
    readonly functionName: string;
    readonly scriptId: string;
    readonly url: string;
    readonly lineNumber: number;
    readonly columnNumber: number;
  };
  readonly hitCount: number;
  readonly children: number[];
}

/** A profile as the file has it. Times are microseconds. */
export interface CpuProfile {
  readonly nodes: readonly ProfileNode[];
  readonly startTime: number;
  readonly endTime: number;
  /** Node by node. */
  readonly samples: readonly number[];
  /** Microseconds that each sample is worth. */
  readonly timeDeltas: readonly number[];
}

/** The tree of a profile: below the root the processors, below each what it did. */
class Tree {
  readonly nodes: ProfileNode[] = [];
  readonly samples: number[] = [];
  readonly timeDeltas: number[] = [];

  add(parent: ProfileNode | undefined, functionName: string, url = '', hitCount = 0): ProfileNode {
    const callFrame = { functionName, scriptId: '0', url, lineNumber: -1, columnNumber: -1 };
    const node = { id: this.nodes.length + 1, callFrame, hitCount, children: [] };
    this.nodes.push(node);
    parent?.children.push(node.id);
    return node;
  }

  /** The time of a node as one sample: the samples of one piece of code are worth the same wherever they were taken. */
  spend({ id }: ProfileNode, microseconds: number): void {
    if (microseconds === 0) return;
    this.samples.push(id);
    this.timeDeltas.push(microseconds);
  }
}

/** Makes the file of a profile. */
export function cpuProfile(recorder: ProfileRecorder, names: ProfileNames): CpuProfile {
  const tree = new Tree();
  const root = tree.add(undefined, '(root)');
  const code = profiledCode(recorder, names);
  const exits = profiledExits(recorder, names);
  recorder.slept.forEach((slept, processor) => {
    const node = tree.add(root, `processor ${processor}`);
    for (const { name, module, samples } of code.filter((each) => each.processor === processor))
      tree.spend(tree.add(node, name, module, samples), (samples * recorder.interval) / 1000);
    const own = exits.filter((each) => each.processor === processor);
    const handled = own.length === 0 ? undefined : tree.add(node, '(VM exits)');
    for (const { reason, handler, count } of own) tree.add(handled, `${reason}: ${handler}`, '', count);
    tree.spend(tree.add(node, '(idle)'), slept / 1000);
  });
  const { nodes, samples, timeDeltas } = tree;
  return { nodes, startTime: 0, endTime: timeDeltas.reduce((sum, each) => sum + each, 0), samples, timeDeltas };
}
