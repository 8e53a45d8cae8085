// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { extension } from '../../../src/vmm/container/extension.js';
import { vcpuModule } from '../../../src/vmm/container/part_module.js';
import { ExitHandler } from '../../../src/vmm/exit_handler/exit_handler.js';
import { ExitHandlerIntelX64 } from '../../../src/vmm/exit_handler/exit_handler_intel_x64.js';
import { VmcallOpcode } from '../../../src/vmm/exit/vmcall_interface.js';
import { loadVmcallRegisters } from '../../../src/vmm/exit/vmcall_registers.js';
import { failure, vmcallGuest, rebinding } from '../vmcall/vmcall_guest.js';

describe('VmcallHandlerIntelX64', () => {
  it("start and stop are the driver's: a guest's fail", () => {
    const handled: string[] = [];
    @extension()
    class Noting extends ExitHandlerIntelX64 {
      protected override handleVmcallStart(): void {
        handled.push('start');
      }
      protected override handleVmcallStop(): void {
        handled.push('stop');
      }
    }
    const { machine, call, output } = vmcallGuest([vcpuModule(({ rebind }) => rebind(ExitHandler).to(Noting))]);
    for (const [isDriver, result] of [
      [true, 0n],
      [false, failure],
    ] as const) {
      machine.driverContext = isDriver;
      for (const opcode of [VmcallOpcode.VMCALL_START, VmcallOpcode.VMCALL_STOP])
        expect(call({ r00: BigInt(opcode) }).r01).to.equal(result);
    }
    expect(handled).to.deep.equal(['start', 'stop']);
    expect(output()).to.match(/VMCALL stop is the driver's/);
  });

  it('logs registers and echoes them', () => {
    const { call, output } = vmcallGuest();
    const registers = {
      r02: 2n,
      r03: 3n,
      r04: 4n,
      r05: 5n,
      r06: 6n,
      r07: 7n,
      r08: 8n,
      r09: 9n,
      r10: 10n,
      r11: 11n,
      r12: 12n,
    };
    expect(call({ r00: 2n, ...registers })).to.deep.equal({ r00: 2n, r01: 0n, ...registers });
    expect(output()).to.match(/r02: 0x2\n.*r12: 0xc/s);
  });

  it('logs an event', () => {
    const { call, output } = vmcallGuest();
    expect(call({ r00: 4n, r02: 0x55n }).r01).to.equal(0n);
    expect(output()).to.match(/vmcall event: 0x55/);
  });

  it('does nothing at start and stop', () => {
    const { call } = vmcallGuest();
    expect([call({ r00: 5n }).r01, call({ r00: 6n }).r01]).to.deep.equal([0n, 0n]);
  });

  it('may be completed later', () => {
    let complete: (() => void) | undefined;
    @extension()
    class Patient extends ExitHandlerIntelX64 {
      protected override handleVmcall(): void {
        const registers = loadVmcallRegisters(this.exit.registers.values);
        complete = () => this.completeVmcall(0n, { ...registers, r03: 5n });
      }
    }
    const { call, machine, rip } = vmcallGuest([rebinding(Patient)]);
    call({ r00: 2n });
    expect(rip()).to.equal(0x1000n);
    complete!();
    expect(rip()).to.equal(0x1003n);
    expect(loadVmcallRegisters(machine.generalRegisters.values).r03).to.equal(5n);
  });
});
