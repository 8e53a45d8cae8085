// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { VmcsField } from '../../../src/intrinsics/vmcs/vmcs_fields.js';
import { lastRegisterWrite } from '../../../src/session/debug/last_register_write.js';
import { runOf } from '../random_run.js';
import { debuggerOf } from './debugger_of.js';

const NONE = { breakpoints: [], watchpoints: [], exits: [] };

describe('lastRegisterWrite', () => {
  it('finds the last VMWRITE before a point, wherever the checkpoints are', async () => {
    const { debug, pc } = await debuggerOf(runOf(20));
    // Each CPUID exit of the base's handler writes GUEST_RIP: the truth, by the way forward.
    debug.stops = { ...NONE, exits: [10] };
    const points: { readonly instructions: number; readonly rip: bigint }[] = [];
    while (points.length < 3 && (await debug.resume()).kind === 'met') {
      const { history } = pc.processors[0]!;
      const last = history.last().at(-1);
      if (last !== undefined) points.push({ instructions: pc.instructions, rip: last.rip });
    }
    expect(points.length, 'VM exits').to.be.greaterThan(1);
    for (const { instructions, rip } of [...points].reverse()) {
      await debug.goTo(instructions);
      const write = await lastRegisterWrite(debug, pc, { processor: 0, field: VmcsField.GuestRip });
      expect(write).to.deep.include({ before: rip, value: rip + 2n });
    }
  });

  it('finds nothing where software has written nothing', async () => {
    const { debug, pc } = await debuggerOf(runOf(20));
    await debug.resume();
    expect(await lastRegisterWrite(debug, pc, { processor: 0, field: VmcsField.ExitReason })).to.equal(undefined);
  });
});
