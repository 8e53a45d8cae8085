// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { cpuProfile } from '../../../src/session/profile/cpu_profile.js';
import { madeProfile } from './made_profile.js';

const { recorder, names } = madeProfile();
const profile = cpuProfile(recorder, names);
const nameOf = (id: number): string => profile.nodes.find((node) => node.id === id)!.callFrame.functionName;

describe('cpuProfile', () => {
  it('is a tree: each node but the root is the child of one node', () => {
    const children = profile.nodes.flatMap((node) => node.children);
    expect([...children].sort((a, b) => a - b)).to.deep.equal(profile.nodes.slice(1).map(({ id }) => id));
    expect(profile.nodes[0]!.callFrame.functionName).to.equal('(root)');
    for (const { callFrame } of profile.nodes)
      expect(Object.keys(callFrame)).to.deep.equal(['functionName', 'scriptId', 'url', 'lineNumber', 'columnNumber']);
  });

  it('has the time of each function and of sleep, below its processor', () => {
    const spent = profile.samples.map((id, index) => [nameOf(id), profile.timeDeltas[index]]);
    expect(spent).to.deep.equal([
      ['schedule', 20],
      ['(user code)', 10],
      ['probe', 10],
      ['(idle)', 5],
      ['(kernel code)', 10],
    ]);
    expect(profile.endTime - profile.startTime).to.equal(55);
  });

  it('counts VM exits, which take no time of the guest', () => {
    const parent = profile.nodes.find(({ callFrame }) => callFrame.functionName === '(VM exits)')!;
    const exits = profile.nodes.filter(({ id }) => parent.children.includes(id));
    expect(exits.filter(({ id }) => profile.samples.includes(id))).to.deep.equal([]);
    expect(exits.map(({ callFrame, hitCount }) => [callFrame.functionName, hitCount])).to.deep.equal([
      ['rdmsr: -', 4],
      ['cpuid: counter', 3],
    ]);
  });
});
