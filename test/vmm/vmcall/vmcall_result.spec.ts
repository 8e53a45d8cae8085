// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { ErrorCode } from '../../../src/vmm/error_codes.js';
import { extension } from '../../../src/vmm/container/extension.js';
import { OutOfMemoryError } from '../../../src/vmm/errors.js';
import { ExitHandlerIntelX64 } from '../../../src/vmm/exit_handler/exit_handler_intel_x64.js';
import type { VmcallRegisters } from '../../../src/vmm/exit/vmcall_registers.js';
import { failure, vmcallGuest, rebinding } from './vmcall_guest.js';

describe('A VMCALL', () => {
  it('steps over the instruction and answers 0', () => {
    const { call, rip } = vmcallGuest();
    expect(call({ r00: 2n }).r01).to.equal(0n);
    expect(rip()).to.equal(0x1003n);
  });

  it('fails for a wrong magic number, leaving the other registers', () => {
    const { call, output, rip } = vmcallGuest();
    const answer = call({ r00: 2n, r01: 5n, r02: 7n });
    expect([answer.r01, answer.r02]).to.deep.equal([failure, 7n]);
    expect(output()).to.match(/invalid magic 0x5/);
    expect(rip()).to.equal(0x1003n);
  });

  it('fails for an unknown opcode', () => {
    const { call, output } = vmcallGuest();
    expect(call({ r00: 99n }).r01).to.equal(failure);
    expect(output()).to.match(/unknown vmcall opcode 0x63/);
  });

  it('says BF_BAD_ALLOC when memory runs out', () => {
    @extension()
    class Greedy extends ExitHandlerIntelX64 {
      protected override handleVmcallEvent(): void {
        throw new OutOfMemoryError('nothing left');
      }
    }
    expect(vmcallGuest([rebinding(Greedy)]).call({ r00: 4n }).r01).to.equal(ErrorCode.BF_BAD_ALLOC);
  });

  it('treats any thrown value as a failure, and returns the registers as the handler left them', () => {
    @extension()
    class Odd extends ExitHandlerIntelX64 {
      protected override handleVmcallRegisters(registers: VmcallRegisters): void {
        registers.r05 = 55n;
        throw 'a text';
      }
    }
    const { call, output, rip } = vmcallGuest([rebinding(Odd)]);
    const { r01, r05 } = call({ r00: 2n, r05: 1n });
    expect([r01, r05, rip()]).to.deep.equal([failure, 55n, 0x1003n]);
    expect(output()).to.include('vmcall 0x2: a text');
  });
});
