// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { SecondaryControl } from '../../../../src/intrinsics/vmx/control_bits.js';
import { ExitReason } from '../../../../src/intrinsics/vmx/exit_reasons.js';
import { Layout } from '../../../../src/machine/layout/layout.js';
import { StopReason } from '../../../../src/machine/layout/stop_reason.js';
import { hashedRegisters } from '../../../../src/machine/processor/processor_state.js';
import { At, SystemMachine } from '../../../support/system_machine.js';

const machine = await SystemMachine.make();

/** Numbers of a machine that has just been switched on. */
function numbers(code: string, count = 4): bigint[] {
  machine.start();
  machine.write(
    At.kernelCode,
    Array.from({ length: count }, () => code),
  );
  return Array.from({ length: count }, () => {
    machine.run(1);
    return machine.get('RBX');
  });
}

describe('RDRAND and RDSEED', () => {
  for (const name of ['rdrand', 'rdseed']) {
    it(`${name} gives other numbers each time, and the same in each run`, () => {
      const first = numbers(`${name} rbx`);
      expect(new Set(first).size).to.equal(first.length);
      expect(numbers(`${name} rbx`)).to.deep.equal(first);
    });
    it(`${name} sets CF and clears the other status flags`, () => {
      machine.start({ rflags: 0x8d6 });
      machine.run64(`${name} rbx`);
      expect(machine.rflags()).to.equal(3);
    });
    it(`${name} writes as many bits as its register has`, () => {
      for (const [register, kept] of [
        ['bx', 0xffffffffffff0000n],
        ['ebx', 0n],
      ] as const) {
        machine.start();
        machine.set('RBX', 0xffffffffffffffffn);
        machine.run64(`${name} ${register}`);
        const untouched = register === 'bx' ? ~0xffffn : ~0xffffffffn;
        expect(BigInt.asUintN(64, machine.get('RBX') & untouched)).to.equal(kept);
      }
    });
    it(`${name} runs at CPL 3`, () => {
      machine.start({ cpl: 3 });
      // HLT behind it is #GP(0)
      expect(machine.run64(`${name} rbx`).rip).to.be.greaterThan(At.userCode);
    });
    it(`${name} is #UD with F2, and with LOCK`, () => {
      for (const prefix of [0xf2, 0xf0]) {
        machine.start();
        machine.poke(At.kernelCode, prefix, 0x0f, 0xc7, name === 'rdrand' ? 0xf3 : 0xfb);
        expect(machine.go().vector).to.equal(6);
      }
    });
  }
  it('go on where they were: the generator is state of the processor', () => {
    expect(hashedRegisters).to.include('RANDOM');
    const first = numbers('rdrand rbx', 2);
    machine.start();
    machine.write(At.kernelCode, ['rdrand rbx', 'rdrand rbx']);
    machine.run(1);
    const saved = machine.get('RANDOM');
    machine.start();
    machine.set('RANDOM', saved);
    machine.run64('rdrand rbx');
    expect(machine.get('RBX')).to.equal(first[1]);
  });

  describe('in a guest with their exiting controls', () => {
    const cases: readonly [string, number, number, number][] = [
      ['rdrand rax', SecondaryControl.RdrandExiting, ExitReason.Rdrand, 2 << 11],
      ['rdrand r9d', SecondaryControl.RdrandExiting, ExitReason.Rdrand, (9 << 3) | (1 << 11)],
      ['rdrand si', SecondaryControl.RdrandExiting, ExitReason.Rdrand, 6 << 3],
      ['rdseed edx', SecondaryControl.RdseedExiting, ExitReason.Rdseed, (2 << 3) | (1 << 11)],
    ];
    for (const [code, control, reason, information] of cases) {
      it(`${code} leaves with its register and size, and changes nothing`, () => {
        machine.start();
        machine.u32[Layout.VMX_MODE / 4] = 2;
        machine.u32[Layout.VMX_SECONDARY / 4] = control;
        machine.stateChanged();
        const random = machine.get('RANDOM');
        machine.write(At.kernelCode, [code]);
        expect(StopReason[machine.run(10)]).to.equal('VmExit');
        expect(machine.word('EXIT_REASON')).to.equal(reason);
        expect(machine.word('EXIT_INSTRUCTION_INFORMATION')).to.equal(information);
        expect(machine.get('EXIT_QUALIFICATION')).to.equal(0n);
        expect(machine.get('RANDOM')).to.equal(random);
        expect(machine.rflags()).to.equal(2);
      });
    }
  });
});

describe('RDPID', () => {
  const rdpid = '.byte 0xf3, 0x0f, 0xc7, 0xfb';
  it('reads IA32_TSC_AUX at any CPL, zero-extended', () => {
    machine.start();
    machine.set('TSC_AUX', 0x12345);
    machine.set('RBX', 0xffffffffffffffffn);
    machine.run64(rdpid);
    expect(machine.get('RBX')).to.equal(0x12345n);
  });
  it('is #UD in a guest without "enable RDTSCP"', () => {
    for (const [control, vector] of [
      [0, 6],
      [SecondaryControl.EnableRdtscp, undefined],
    ] as const) {
      machine.start();
      machine.u32[Layout.VMX_MODE / 4] = 2;
      machine.u32[Layout.VMX_SECONDARY / 4] = control;
      machine.stateChanged();
      expect(machine.run64(rdpid).vector).to.equal(vector);
    }
  });
});
