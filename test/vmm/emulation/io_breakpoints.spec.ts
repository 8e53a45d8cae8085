// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { ExitReason } from '../../../src/intrinsics/vmx/exit_reasons.js';
import { VmcsField } from '../../../src/intrinsics/vmcs/vmcs_fields.js';
import { startedVmm } from '../started_vmm.js';

const debuggingExtensions = 8n;
const enabledBreakpoint = 0x1000n;

describe('.pendIoBreakpoints', () => {
  /** DR7, the address of the breakpoint whose number is given, port and bytes of an OUT, the breakpoints that it meets. */
  const cases: [string, bigint, 0 | 1 | 2 | 3, bigint, number, number, bigint][] = [
    ['a byte', 0x20001n, 0, 0x80n, 0x80, 1, 1n],
    ['a global breakpoint', 0x20002n, 0, 0x80n, 0x80, 1, 1n],
    ['the end of an access', 0x20001n, 0, 0x83n, 0x80, 4, 1n],
    ['the port behind an access', 0x20001n, 0, 0x84n, 0x80, 4, 0n],
    ['a word, from its aligned address', (0x60000n << 4n) | 4n, 1, 0x81n, 0x80, 1, 2n],
    ['four bytes', (0xe0000n << 8n) | 0x10n, 2, 0x84n, 0x87, 1, 4n],
    ['eight bytes', (0xa0000n << 12n) | 0x40n, 3, 0x80n, 0x87, 1, 8n],
    ['one that is not enabled', 0x20004n, 0, 0x80n, 0x80, 1, 0n],
    ['an instruction breakpoint', 0x00001n, 0, 0x80n, 0x80, 1, 0n],
    ['a data breakpoint', 0x30001n, 0, 0x80n, 0x80, 1, 0n],
  ];
  for (const [what, dr7, register, address, port, bytes, met] of cases) {
    it(what, () => {
      for (const cr4 of [debuggingExtensions, 0n]) {
        const { machine } = startedVmm();
        machine.fields.set(VmcsField.GuestCr4, cr4);
        machine.fields.set(VmcsField.GuestDr7, dr7);
        machine.registers.debugAddresses[register] = address;
        machine.exit(ExitReason.IoInstruction, { qualification: BigInt((port << 16) | (bytes - 1)) });
        const pending = cr4 === 0n || met === 0n ? 0n : met | enabledBreakpoint;
        expect(machine.fields.get(VmcsField.GuestPendingDebugExceptions)).to.equal(pending);
      }
    });
  }
});
