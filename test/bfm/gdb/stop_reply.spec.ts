// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import type { DebuggerStop } from '../../../src/machine/debug/debugger_stop.js';
import { endOfRecording, PointType, replyOf, threadOf } from '../../../src/bfm/gdb/stop_reply.js';
import { SliceEnd } from '../../../src/session/session_ports.js';

const access = (name: 'read' | 'write' | 'any'): DebuggerStop => ({
  kind: 'access',
  processor: 3,
  rip: 0n,
  watchpoint: { space: 'linear', address: 0xffff_8000_0000_1000n, bytes: 8, access: name },
  address: 0xffff_8000_0000_1004n,
  bytes: 4,
  isWrite: true,
});

describe('replyOf', () => {
  it('names thread and reason', () => {
    const breakpoint = { kind: 'breakpoint', processor: 1, address: 0x1000n, rip: 0x1000n } as const;
    const hardware = { type: PointType.Hardware, address: 0x1000n, bytes: 1 };
    expect(replyOf({ kind: 'met', stop: breakpoint }, 0, [])).to.equal('T05thread:02;swbreak:;');
    expect(replyOf({ kind: 'met', stop: breakpoint }, 0, [hardware])).to.equal('T05thread:02;hwbreak:;');
    for (const [name, reason] of [
      ['write', 'watch'],
      ['read', 'rwatch'],
      ['any', 'awatch'],
    ] as const)
      expect(replyOf({ kind: 'met', stop: access(name) }, 0, [])).to.equal(`T05thread:04;${reason}:ffff800000001000;`);
    expect(replyOf({ kind: 'met', stop: { kind: 'exit', processor: 0, reason: 10 } }, 2, [])).to.equal('T05thread:01;');
    expect(replyOf({ kind: 'stepped', processor: 2, exits: [] }, 0, [])).to.equal('T05thread:03;');
    expect(replyOf({ kind: 'interrupted' }, 2, [])).to.equal('T02thread:03;');
    expect(replyOf({ kind: 'arrived' }, 0, [])).to.equal('T05thread:01;');
    expect(replyOf({ kind: 'begin' }, 0, [])).to.equal('T05thread:01;replaylog:begin;');
    expect(replyOf({ kind: 'end', end: SliceEnd.Ended }, 0, [])).to.equal('T06thread:01;');
    expect(endOfRecording(0)).to.equal('T05thread:01;replaylog:end;');
    expect(threadOf(15)).to.equal('10');
  });
});
