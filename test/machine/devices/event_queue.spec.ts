// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { FakePlatform } from './fake_platform.js';

describe('EventQueue', () => {
  it('fires in order of time, and of creation at the same time', () => {
    const platform = new FakePlatform();
    const fired: string[] = [];
    const a = platform.events.timer('a', () => fired.push('a'));
    const b = platform.events.timer('b', () => fired.push('b'));
    const c = platform.events.timer('c', () => fired.push('c'));
    c.arm(10);
    b.arm(20);
    a.arm(20);
    platform.time = 20;
    platform.events.runDue();
    expect(fired).to.deep.equal(['c', 'a', 'b']);
  });

  it('lets a timer arm itself again from its own deadline', () => {
    const platform = new FakePlatform();
    const at: number[] = [];
    const timer = platform.events.timer('t', (deadline) => {
      at.push(deadline);
      if (at.length < 3) timer.arm(deadline + 7);
    });
    timer.arm(5);
    platform.time = 100;
    platform.events.runDue();
    expect(at).to.deep.equal([5, 12, 19]);
    expect(platform.events.next()).to.equal(Infinity);
  });

  it('comes to an end with a timer that arms itself for the past, as one of a damaged snapshot may', () => {
    const platform = new FakePlatform();
    const at: number[] = [];
    const timer = platform.events.timer('t', (deadline) => {
      at.push(deadline);
      if (at.length < 10) timer.arm(deadline - 100);
    });
    timer.arm(5);
    platform.time = 7;
    platform.events.runDue();
    expect(at).to.deep.equal([5, 6, 7]);
    expect(platform.events.next()).to.equal(8);
  });

  it('gives back the deadlines that it saved', () => {
    const platform = new FakePlatform();
    const timer = platform.events.timer('t', () => {});
    timer.arm(77);
    const saved = platform.events.save();
    timer.cancel();
    platform.events.restore(saved);
    expect(timer.deadline).to.equal(77);
  });
});
