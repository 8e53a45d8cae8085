// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { FeatureInformationEcx } from '../../../../src/intrinsics/registers/cpuid_leaves.js';
import { PrimaryControl } from '../../../../src/intrinsics/vmx/control_bits.js';
import { ExitReason } from '../../../../src/intrinsics/vmx/exit_reasons.js';
import { MiscEnable } from '../../../../src/intrinsics/registers/msr_definitions.js';
import { ActivityState } from '../../../../src/intrinsics/registers/registers.js';
import { Constants } from '../../../../src/machine/layout/core_constants.js';
import { Layout } from '../../../../src/machine/layout/layout.js';
import { StopReason } from '../../../../src/machine/layout/stop_reason.js';
import { At, SystemMachine } from '../../../support/system_machine.js';

const GP = 13;
const UD = 6;
const PF = 14;
const vector = 0x33;
const machine = await SystemMachine.make({
  acknowledgeInterrupt: () => {
    machine.cpu.setInterruptPending(false);
    return vector;
  },
});

const monitor = '.byte 0x0f, 0x01, 0xc8';
const mwait = '.byte 0x0f, 0x01, 0xc9';
const line = At.pages + 0x140;
const interruptsOn = 0x202;

/** Starts with RAX at the line and no extensions or hints. */
function start(options: Parameters<SystemMachine['start']>[0] = {}): void {
  machine.start(options);
  machine.set('RAX', line);
}
/** Runs code until the processor waits or halts. @returns its activity state. */
function activityAfter(...code: string[]): number {
  machine.write(At.kernelCode, code);
  return goOn();
}
function goOn(): number {
  expect(StopReason[machine.run(1000)]).to.equal('Idle');
  return machine.word('ACTIVITY');
}
/** A device or the host writes a byte. */
function writeFromOutside(address: number): void {
  machine.cpu.writer.write(Layout.RAM + address, Uint8Array.of(1));
}

const waits = Constants.ACTIVITY_MWAIT;
const halts = ActivityState.Hlt;

describe('MONITOR and MWAIT', () => {
  it('wait at the instruction after MWAIT', () => {
    start();
    expect(activityAfter(monitor, mwait)).to.equal(waits);
    expect(Number(machine.get('RIP'))).to.equal(At.kernelCode + 6);
  });
  it('do not wait without an armed line', () => {
    start();
    expect(activityAfter(mwait)).to.equal(halts);
  });
  it('do not wait for memory that is a device', () => {
    start();
    machine.map(0x90000, 0xfee00000, 3n);
    machine.set('RAX', 0x90000);
    expect(activityAfter(monitor, mwait)).to.equal(halts);
  });

  describe('a write to the line', () => {
    for (const [name, offset] of [
      ['its first byte', 0],
      ['its last byte', 63],
    ] as const) {
      it(`by a device ends the wait: ${name}`, () => {
        start();
        activityAfter(monitor, mwait);
        writeFromOutside(line + offset);
        expect(goOn()).to.equal(halts);
      });
    }
    it('does not end the wait when it is next to the line', () => {
      start();
      activityAfter(monitor, mwait);
      for (const at of [line - 1, line + 64]) {
        writeFromOutside(at);
        expect(goOn()).to.equal(waits);
      }
    });
    for (const [name, store, wanted] of [
      ['of software prevents the wait', `mov byte ptr [${line + 63}], 1`, halts],
      ['of software that begins before the line', `mov qword ptr [${line - 7}], 1`, halts],
      ['of software that ends before the line does not', `mov qword ptr [${line - 8}], 1`, waits],
      ['of software behind the line does not', `mov qword ptr [${line + 64}], 1`, waits],
      ['by a locked instruction', `lock inc dword ptr [${line}]`, halts],
      ['by a string instruction', `mov edi, ${line - 64}\nmov ecx, 16\nrep stosq\nxor ecx, ecx`, halts],
      ['which is only a load', `mov bl, byte ptr [${line}]`, waits],
    ] as const) {
      it(name, () => {
        start();
        // The page has been written before: a later write would hit the TLB.
        const touch = `mov byte ptr [${line + 0x200}], 1`;
        expect(activityAfter(touch, monitor, ...store.split('\n'), mwait)).to.equal(wanted);
      });
    }
    it('that crosses into the page of the line prevents the wait', () => {
      start();
      machine.set('RAX', At.pages);
      expect(activityAfter(monitor, `mov qword ptr [${At.pages - 4}], 1`, mwait)).to.equal(halts);
    });
    it('by the processor that marks a page accessed prevents the wait', () => {
      start();
      machine.map(0x9e000, At.pages, 3n);
      const entry = machine.entryAddress(0x9e000);
      machine.set('RAX', entry);
      expect(activityAfter(monitor, 'mov bl, byte ptr [0x9e000]', mwait)).to.equal(halts);
    });
    it('in a page with decoded code prevents the wait', () => {
      start();
      machine.set('RAX', At.kernelCode + 0x400);
      expect(activityAfter(monitor, `mov byte ptr [${At.kernelCode + 0x410}], 1`, mwait)).to.equal(halts);
    });
    it('comes at full speed again when no line is armed', () => {
      start();
      expect(activityAfter(monitor, `mov byte ptr [${line}], 1`, `mov byte ptr [${line}], 2`)).to.equal(halts);
      expect(machine.u8[Layout.RAM + line]).to.equal(2);
      const tags = machine.u64.subarray(Layout.TLBS / 8, Layout.TLBS / 8 + 4096);
      const entry = (line >> 12) * 4;
      expect([tags[entry + 1], tags[entry + 2]]).to.deep.equal([BigInt(At.pages), 0xffffffffffffffffn]);
    });
  });

  describe('an interrupt', () => {
    it('ends the wait; its handler returns behind MWAIT', () => {
      start({ rflags: interruptsOn });
      expect(activityAfter(monitor, mwait)).to.equal(waits);
      machine.cpu.setInterruptPending(true);
      expect(goOn()).to.equal(halts);
      expect(machine.ending()).to.include({ vector, rip: At.kernelCode + 6 });
    });
    it('that is masked does not end the wait', () => {
      start();
      activityAfter(monitor, mwait);
      machine.cpu.setInterruptPending(true);
      expect(goOn()).to.equal(waits);
    });
    it('that is masked ends the wait with ECX[0] = 1, and stays pending', () => {
      start();
      activityAfter(monitor, 'mov ecx, 1', mwait);
      machine.cpu.setInterruptPending(true);
      expect(goOn()).to.equal(halts);
      expect(machine.ending().vector).to.equal(undefined);
      expect(machine.word('ATTENTION') & Constants.ATTENTION_INTERRUPT).to.equal(Constants.ATTENTION_INTERRUPT);
    });
    it('waits for the end of MWAIT in the shadow of STI', () => {
      start();
      machine.cpu.setInterruptPending(true);
      expect(activityAfter(monitor, 'sti', mwait)).to.equal(halts);
      expect(machine.ending()).to.include({ vector, rip: At.kernelCode + 7 });
    });
    it('that is an NMI ends the wait', () => {
      start();
      activityAfter(monitor, mwait);
      machine.cpu.nmi();
      expect(goOn()).to.equal(halts);
      expect(machine.ending().vector).to.equal(2);
    });
    it('ends the monitoring too', () => {
      start({ rflags: interruptsOn });
      activityAfter(monitor, mwait);
      machine.cpu.setInterruptPending(true);
      goOn();
      expect(machine.get('MONITOR_ADDRESS')).to.equal(0xffffffffffffffffn);
    });
  });

  describe('faults', () => {
    for (const instruction of [monitor, mwait]) {
      it(`#UD outside CPL 0: ${instruction}`, () => {
        start({ cpl: 3 });
        machine.write(At.userCode, [instruction]);
        expect(machine.go()).to.include({ vector: UD, rip: At.userCode });
      });
      it(`#UD while IA32_MISC_ENABLE[18] is 0, and CPUID says so: ${instruction}`, () => {
        start();
        const value = machine.get('MISC_ENABLE');
        machine.set('MISC_ENABLE', value & ~BigInt(MiscEnable.EnableMonitorFsm));
        expect(machine.run64(instruction)).to.include({ vector: UD, rip: At.kernelCode });
        const registers = new Uint32Array(4);
        machine.cpu.cpuid(1, 0, registers);
        expect(registers[2]! & FeatureInformationEcx.Monitor).to.equal(0);
        machine.set('MISC_ENABLE', value);
        machine.cpu.cpuid(1, 0, registers);
        expect(registers[2]! & FeatureInformationEcx.Monitor).to.equal(FeatureInformationEcx.Monitor);
      });
    }
    it('#GP(0) for an extension of MONITOR, and for one of MWAIT other than bit 0', () => {
      for (const [code, value] of [
        [monitor, 1n],
        [monitor, 1n << 32n],
        [mwait, 2n],
        [mwait, 1n << 40n],
      ] as const) {
        start();
        machine.set('RCX', value);
        expect(machine.run64(code)).to.include({ vector: GP, code: 0, rip: At.kernelCode });
      }
    });
    it('of MONITOR are those of a load', () => {
      start();
      machine.set('RAX', 0x7fff0000);
      expect(machine.run64(monitor)).to.include({ vector: PF, code: 0, cr2: 0x7fff0000 });
      start();
      machine.set('RAX', 1n << 60n);
      expect(machine.run64(monitor)).to.include({ vector: GP, code: 0 });
    });
  });

  it('use the segment and the width of the address', () => {
    start();
    machine.set('FS_BASE', 0x1000);
    machine.set('RAX', (1n << 32n) + BigInt(line));
    activityAfter('.byte 0x64, 0x67, 0x0f, 0x01, 0xc8', mwait);
    expect(Number(machine.get('MONITOR_ADDRESS'))).to.equal(line + 0x1000);
  });
  it('make the state of the processor: INIT forgets the line', () => {
    start();
    activityAfter(monitor);
    machine.cpu.init();
    machine.run(1);
    expect(machine.get('MONITOR_ADDRESS')).to.equal(0xffffffffffffffffn);
  });

  describe('in a guest', () => {
    function startGuest(primary: number, rflags = 2): void {
      start({ rflags });
      machine.u32[Layout.VMX_MODE / 4] = 2;
      machine.u32[Layout.VMX_PRIMARY / 4] = primary >>> 0;
      machine.stateChanged();
    }
    function exitOf(...code: string[]): object {
      machine.write(At.kernelCode, code);
      expect(StopReason[machine.run(100)]).to.equal('VmExit');
      return {
        reason: machine.word('EXIT_REASON'),
        qualification: Number(machine.get('EXIT_QUALIFICATION')),
        length: machine.word('EXIT_INSTRUCTION_LENGTH'),
      };
    }
    it('MONITOR leaves with MONITOR exiting, before it looks at ECX and memory', () => {
      startGuest(PrimaryControl.MonitorExiting);
      machine.set('RCX', 1);
      machine.set('RAX', 0x7fff0000);
      expect(exitOf(monitor)).to.deep.equal({ reason: ExitReason.Monitor, qualification: 0, length: 3 });
    });
    it('MWAIT leaves with MWAIT exiting; the qualification says whether a line is armed', () => {
      startGuest(PrimaryControl.MwaitExiting);
      expect(exitOf(mwait)).to.deep.equal({ reason: ExitReason.Mwait, qualification: 0, length: 3 });
      startGuest(PrimaryControl.MwaitExiting);
      expect(exitOf(monitor, mwait)).to.deep.equal({ reason: ExitReason.Mwait, qualification: 1, length: 3 });
    });
    it('#UD comes before the exit', () => {
      startGuest(PrimaryControl.MonitorExiting | PrimaryControl.MwaitExiting);
      machine.set('MISC_ENABLE', 1);
      for (const code of [monitor, mwait]) {
        machine.set('RIP', At.kernelCode);
        expect(machine.run64(code).vector).to.equal(UD);
        machine.u32[Layout.ACTIVITY / 4] = 0;
      }
    });
    it('a VM exit ends wait and monitoring', () => {
      startGuest(0);
      activityAfter(monitor, mwait);
      machine.u32[Layout.VMX_PIN / 4] = 1;
      machine.cpu.setInterruptPending(true);
      expect(StopReason[machine.run(100)]).to.equal('VmExit');
      expect(machine.word('EXIT_REASON')).to.equal(ExitReason.ExternalInterrupt);
      expect(machine.word('ACTIVITY')).to.equal(ActivityState.Active);
      expect(machine.get('MONITOR_ADDRESS')).to.equal(0xffffffffffffffffn);
    });
    it('MWAIT does not wait for a masked interrupt with interrupt-window exiting', () => {
      startGuest(PrimaryControl.InterruptWindowExiting | PrimaryControl.HltExiting);
      expect(exitOf(monitor, 'mov ecx, 1', mwait)).to.include({ reason: ExitReason.Hlt });
    });
  });
});
