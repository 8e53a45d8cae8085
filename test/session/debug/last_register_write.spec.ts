// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { Msr } from '../../../src/intrinsics/registers/msr_definitions.js';
import { VmcsField } from '../../../src/intrinsics/vmcs/vmcs_fields.js';
import { lastRegisterWrite } from '../../../src/session/debug/last_register_write.js';
import { FLAT_IMAGE_ADDRESS } from '../../../src/machine/boot/flat_image.js';
import type { Debugger } from '../../../src/session/debug/debugger.js';
import { booted, runFor } from '../../machine/state/marked_guests.js';
import { assemble } from '../../support/assembler.js';
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

  it('leaves out the write of the instruction that comes next', async () => {
    const guest = ['mov ecx, 0xc0000082', 'mov eax, 1', 'xor edx, edx', 'wrmsr', 'mov eax, 2', 'cli', 'hlt'];
    const pc = await booted(assemble(guest, 64, FLAT_IMAGE_ADDRESS), 1);
    // The way back runs each stretch one instruction too far.
    const debug = { runAgain: () => Promise.resolve(runFor(pc, 1)) } as unknown as Debugger;
    const lstar = { processor: 0, msr: Msr.Ia32Lstar };
    runFor(pc, 3);
    expect(await lastRegisterWrite(debug, pc, lstar)).to.equal(undefined);
    expect(pc.core.block.get('LSTAR'), 'it has run on').to.equal(1n);
  });

  it('finds nothing where software has written nothing', async () => {
    const { debug, pc } = await debuggerOf(runOf(20));
    await debug.resume();
    expect(await lastRegisterWrite(debug, pc, { processor: 0, field: VmcsField.ExitReason })).to.equal(undefined);
  });
});
