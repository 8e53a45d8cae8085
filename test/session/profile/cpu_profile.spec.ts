// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { cpuProfile } from '../../../src/session/profile/cpu_profile.js';
import { madeProfile, madeProfileWithCallers } from './made_profile.js';
import { protocolFlaws } from './protocol_type.js';

const { recorder, names } = madeProfile();
const profile = cpuProfile(recorder, names);

/** A node by the names on the way to it. */
function pathOf(id: number): string {
  const parent = profile.nodes.find(({ children }) => children.includes(id));
  const { functionName } = profile.nodes.find((node) => node.id === id)!.callFrame;
  return parent === undefined ? '' : `${pathOf(parent.id)}/${functionName}`;
}

describe('cpuProfile', () => {
  it('is a Profiler.Profile of the Chrome DevTools Protocol', () => {
    expect(protocolFlaws('Profiler.Profile', profile)).to.deep.equal([]);
    const { endTime: _, ...incomplete } = profile;
    expect(protocolFlaws('Profiler.Profile', { ...incomplete, extra: 1, samples: [1.5] })).to.deep.equal([
      'Profiler.Profile.extra is not in the protocol',
      'Profiler.Profile.endTime is missing',
      'Profiler.Profile.samples[0] is no integer: 1.5',
    ]);
  });

  it('is a tree: each node but the root is the child of one node', () => {
    const children = profile.nodes.flatMap((node) => node.children);
    expect([...children].sort((a, b) => a - b)).to.deep.equal(profile.nodes.slice(1).map(({ id }) => id));
    expect(profile.nodes[0]!.callFrame.functionName).to.equal('(root)');
  });

  it('has virtual time by processor, address space and side, and the time of handlers, which is the host’s', () => {
    // A sample lasts until the next one; the last one ends the one before it.
    const spent = profile.samples.slice(0, -1).map((id, index) => [pathOf(id), profile.timeDeltas[index + 1]]);
    expect(spent).to.deep.equal([
      ['/processor 0/CR3 0x5000/kernel/schedule', 20],
      ['/processor 0/CR3 0x6000/user/(user code)', 10],
      ['/processor 0/CR3 0x5000/kernel/probe', 10],
      ['/processor 0/(idle)', 5],
      ['/processor 1/no paging/kernel/(kernel code)', 10],
      ['/handlers of VM exits (host time)/on processor 0/rdmsr: -, exits: 4', 5],
      ['/handlers of VM exits (host time)/on processor 0/cpuid: counter, exits: 3', 20],
    ]);
    expect([profile.timeDeltas[0], pathOf(profile.samples.at(-1)!)]).to.deep.equal([0, '']);
    expect(profile.endTime - profile.startTime).to.equal(80);
  });

  it('has callers above what they called', () => {
    const called = madeProfileWithCallers();
    const { nodes } = cpuProfile(called.recorder, called.names);
    const lines = (id: number, depth: number): string[] => {
      const node = nodes.find((each) => each.id === id)!;
      const own = `${' '.repeat(depth)}${node.callFrame.functionName} ${node.hitCount}`;
      return [own, ...node.children.flatMap((child) => lines(child, depth + 1))];
    };
    const kernel = nodes.find(({ callFrame }) => callFrame.functionName === 'kernel')!;
    expect(lines(kernel.id, 0)).to.deep.equal(['kernel 0', ' main 0', '  schedule 1', '   probe 1', '   schedule 1']);
  });

  it('has as many hits of a node as its time has intervals: DevTools makes the time of them', () => {
    const hits = profile.nodes.filter(({ hitCount }) => hitCount > 0).map(({ id, hitCount }) => [pathOf(id), hitCount]);
    expect(hits).to.deep.equal([
      ['/processor 0/CR3 0x5000/kernel/schedule', 2],
      ['/processor 0/CR3 0x6000/user/(user code)', 1],
      ['/processor 0/CR3 0x5000/kernel/probe', 1],
      ['/processor 0/(idle)', 1],
      ['/processor 1/no paging/kernel/(kernel code)', 1],
      ['/handlers of VM exits (host time)/on processor 0/rdmsr: -, exits: 4', 1],
      ['/handlers of VM exits (host time)/on processor 0/cpuid: counter, exits: 3', 2],
    ]);
  });
});
