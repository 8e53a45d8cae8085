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
  hitCount: number;
  readonly children: number[];
}

/** A profile as the file has it. Times are microseconds. */
export interface CpuProfile {
  readonly nodes: readonly ProfileNode[];
  readonly startTime: number;
  readonly endTime: number;
  /** Node by node. A sample lasts until the next one begins. */
  readonly samples: readonly number[];
  /** Microseconds between a sample and the one before it. */
  readonly timeDeltas: readonly number[];
}

/**
 * The tree of a profile. Viewers take the time of a node from its samples or from its hits, which are therefore as many as the intervals in its time.
 */
class Tree {
  readonly nodes: ProfileNode[] = [];
  readonly samples: number[] = [];
  readonly timeDeltas: number[] = [];
  readonly root = this.add(undefined, '(root)');
  private readonly inner = new Map<string, ProfileNode>();
  /** Microseconds of the sample that was added last. */
  private last = 0;

  /** @param interval microseconds */
  constructor(private readonly interval: number) {}

  /** The node of a group below another one; it is made when it is first needed. */
  group(parent: ProfileNode, name: string, url = ''): ProfileNode {
    const key = `${parent.id} ${url} ${name}`;
    const known = this.inner.get(key);
    if (known !== undefined) return known;
    const node = this.add(parent, name, url);
    this.inner.set(key, node);
    return node;
  }

  /** A node with its own time. */
  spend(parent: ProfileNode, name: string, microseconds: number, url = ''): void {
    const node = this.group(parent, name, url);
    node.hitCount += Math.round(microseconds / this.interval);
    if (microseconds > 0) this.sample(node, microseconds);
  }

  /** The end of the last sample. */
  end(): void {
    this.sample(this.root, 0);
  }

  private sample({ id }: ProfileNode, microseconds: number): void {
    this.samples.push(id);
    this.timeDeltas.push(this.last);
    this.last = microseconds;
  }

  private add(parent: ProfileNode | undefined, functionName: string, url = ''): ProfileNode {
    const callFrame = { functionName, scriptId: '0', url, lineNumber: -1, columnNumber: -1 };
    const node = { id: this.nodes.length + 1, callFrame, hitCount: 0, children: [] };
    this.nodes.push(node);
    parent?.children.push(node.id);
    return node;
  }
}

/** Makes the file of a profile: below the root the processors with the guest's virtual time, and the handlers of VM exits with the host's time. */
export function cpuProfile(recorder: ProfileRecorder, names: ProfileNames): CpuProfile {
  const tree = new Tree(recorder.interval / 1000);
  const code = profiledCode(recorder, names);
  recorder.slept.forEach((slept, processor) => {
    const node = tree.group(tree.root, `processor ${processor}`);
    for (const row of code.filter((each) => each.processor === processor)) {
      const side = tree.group(tree.group(node, row.space), row.side);
      const caller = row.callers.reduce((parent, { name, module }) => tree.group(parent, name, module), side);
      tree.spend(caller, row.name, (row.samples * recorder.interval) / 1000, row.module);
    }
    tree.spend(node, '(idle)', slept / 1000);
  });
  for (const { processor, reason, handler, count, hostTime } of profiledExits(recorder, names)) {
    const node = tree.group(tree.group(tree.root, 'handlers of VM exits (host time)'), `on processor ${processor}`);
    tree.spend(node, `${reason}: ${handler}, exits: ${count}`, hostTime * 1000);
  }
  tree.end();
  const { nodes, samples, timeDeltas } = tree;
  return { nodes, startTime: 0, endTime: timeDeltas.reduce((sum, each) => sum + each, 0), samples, timeDeltas };
}
