// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { Layout } from '../../../../src/machine/layout/layout.js';
import { StopReason } from '../../../../src/machine/layout/stop_reason.js';
import { tripleFault } from '../../../../src/machine/report/triple_fault.js';
import { At, SystemMachine } from '../../../support/system_machine.js';

const machine = await SystemMachine.make({ acknowledgeInterrupt: () => 0x33 });
const Primary = {
  interruptWindow: 1 << 2,
  hlt: 1 << 7,
  invlpg: 1 << 9,
  rdtsc: 1 << 12,
  cr3Load: 1 << 15,
  cr3Store: 1 << 16,
  movDr: 1 << 23,
  uncondIo: 1 << 24,
  ioBitmaps: 1 << 25,
  mtf: 1 << 27,
  msrBitmaps: 1 << 28,
  pause: 1 << 30,
} as const;
const bitmaps = 0x60000;

/** A 64-bit guest without EPT. */
function startGuest(
  controls: { pin?: number; primary?: number; secondary?: number; exceptions?: number; rflags?: number } = {},
): void {
  machine.start(controls.rflags === undefined ? {} : { rflags: controls.rflags });
  const word = (name: 'VMX_PIN' | 'VMX_PRIMARY' | 'VMX_SECONDARY' | 'VMX_EXCEPTION_BITMAP', value = 0): void => {
    machine.u32[Layout[name] / 4] = value >>> 0;
  };
  word('VMX_PIN', controls.pin);
  word('VMX_PRIMARY', controls.primary);
  word('VMX_SECONDARY', controls.secondary);
  word('VMX_EXCEPTION_BITMAP', controls.exceptions);
  machine.u32[Layout.VMX_MODE / 4] = 2;
  machine.set('VMX_IO_BITMAP_A', bitmaps);
  machine.set('VMX_IO_BITMAP_B', bitmaps + 0x1000);
  machine.set('VMX_MSR_BITMAP', bitmaps + 0x2000);
  machine.stateChanged();
}
/** Runs code up to a VM exit. */
function exitOf(...lines: string[]): { reason: number; qualification: number; length: number; rip: number } {
  machine.write(At.kernelCode, lines);
  expect(StopReason[machine.run(100)]).to.equal('VmExit');
  return {
    reason: machine.word('EXIT_REASON'),
    qualification: Number(machine.get('EXIT_QUALIFICATION')),
    length: machine.word('EXIT_INSTRUCTION_LENGTH'),
    rip: Number(machine.get('RIP')) - At.kernelCode,
  };
}

describe('VM exits of instructions', () => {
  const cases: readonly [string, number, number, number, number][] = [
    // instruction, primary controls, reason, qualification, length
    ['cpuid', 0, 10, 0, 2],
    ['invd', 0, 13, 0, 2],
    ['vmcall', 0, 18, 0, 3],
    ['vmxoff', 0, 26, 0, 3],
    ['hlt', Primary.hlt, 12, 0, 1],
    ['rdtsc', Primary.rdtsc, 16, 0, 2],
    ['pause', Primary.pause, 40, 0, 2],
    ['invlpg [rbx]', Primary.invlpg, 14, 0x1234, 3],
    ['mov cr3, rcx', Primary.cr3Load, 28, 0x103, 3],
    ['mov rdx, cr3', Primary.cr3Store, 28, 0x213, 3],
    ['mov dr7, rsi', Primary.movDr, 29, 0x607, 3],
    ['mov rdi, dr0', Primary.movDr, 29, 0x710, 3],
    ['in al, 0x60', Primary.uncondIo, 30, 0x600048, 2],
    ['out dx, ax', Primary.uncondIo, 30, 0x1, 2],
    ['rdmsr', 0, 31, 0, 2],
    ['wrmsr', 0, 32, 0, 2],
  ];
  for (const [instruction, primary, reason, qualification, length] of cases) {
    it(`${instruction}: reason ${reason}, qualification ${qualification.toString(16)}h`, () => {
      startGuest({ primary });
      machine.set('RBX', 0x1234);
      expect(exitOf('nop', instruction)).to.deep.equal({ reason, qualification, length, rip: 1 });
    });
  }
  it('a privilege fault goes before an exit', () => {
    machine.start({ cpl: 3 });
    machine.u32[Layout.VMX_MODE / 4] = 2;
    machine.stateChanged();
    expect(machine.run64('rdmsr').vector).to.equal(13);
  });
  it('CR0: masked bits that differ from the shadow exit, others are written and keep the host’s bits', () => {
    startGuest();
    machine.set('VMX_CR0_MASK', 0x20);
    machine.set('VMX_CR0_SHADOW', 0);
    const cr0 = machine.get('CR0');
    expect(
      exitOf('mov rax, cr0', 'or rax, 8', 'mov cr0, rax', 'mov rbx, rax', 'or rax, 0x20', 'mov cr0, rax'),
    ).to.include({ reason: 28, qualification: 0 });
    expect(machine.get('CR0')).to.equal(cr0 | 8n);
    expect(machine.get('RBX') & 0x28n, 'the shadow is read').to.equal(8n);
  });
  it('the I/O bitmaps choose ports', () => {
    startGuest({ primary: Primary.ioBitmaps });
    machine.poke(bitmaps + (0x61 >> 3), 1 << (0x61 & 7));
    machine.poke(bitmaps + 0x1000, 1);
    expect(exitOf('in al, 0x60', 'in ax, 0x60').rip).to.equal(2);
    startGuest({ primary: Primary.ioBitmaps });
    machine.poke(bitmaps + 0x1000, 1);
    machine.set('RDX', 0x8000);
    expect(exitOf('in al, 0x60', 'in al, dx').rip).to.equal(2);
  });
  it('the MSR bitmaps choose MSRs and directions', () => {
    startGuest({ primary: Primary.msrBitmaps });
    machine.poke(bitmaps + 0x2000 + 0xc00 + (0x80 >> 3), 1 << (0x80 & 7));
    expect(exitOf('mov ecx, 0xc0000080', 'rdmsr', 'wrmsr')).to.include({ reason: 32, rip: 7 });
  });
});

describe('VM exits of events', () => {
  it('an exception in the bitmap: information, code, qualification', () => {
    startGuest({ exceptions: 1 << 14 });
    machine.set('RBX', 0x700000);
    expect(exitOf('mov [rbx], al')).to.include({ reason: 0, qualification: 0x700000, rip: 0 });
    expect(machine.word('EXIT_INTERRUPTION_INFORMATION')).to.equal(0x80000b0e);
    expect(machine.word('EXIT_INTERRUPTION_ERROR_CODE')).to.equal(2);
    expect(machine.get('CR2'), 'CR2 stays').to.equal(0n);
  });
  it('the page-fault mask and match turn the bit round', () => {
    startGuest({ exceptions: 1 << 14 });
    machine.u32[Layout.VMX_PF_MASK / 4] = 1;
    machine.u32[Layout.VMX_PF_MATCH / 4] = 1;
    machine.set('RBX', 0x700000);
    machine.write(At.kernelCode, ['mov [rbx], al']);
    expect(machine.go().vector).to.equal(14);
  });
  it('an exception in real-address mode has no error code, whatever its vector', () => {
    machine.start({ bits: 16 });
    machine.u32[Layout.VMX_MODE / 4] = 2;
    machine.u32[Layout.VMX_EXCEPTION_BITMAP / 4] = 1 << 13;
    machine.stateChanged();
    machine.poke(0x10000, 0x8b, 0x06, 0xff, 0xff); // mov ax, [ffff]
    machine.codeChanged(0x10000, 4);
    expect(StopReason[machine.run(100)]).to.equal('VmExit');
    expect(machine.word('EXIT_INTERRUPTION_INFORMATION')).to.equal(0x8000030d);
  });
  it('a triple fault', () => {
    startGuest();
    machine.u32[Layout.IDTR_LIMIT / 4] = 0;
    expect(exitOf('ud2')).to.include({ reason: 2, rip: 0 });
    expect(tripleFault(machine.cpu)?.events.map(({ name }) => name)).to.deep.equal(['#UD', '#GP', '#GP', '#GP']);
  });
  it('an external interrupt leaves although IF is 0', () => {
    startGuest({ pin: 1 });
    machine.cpu.setInterruptPending(true);
    expect(exitOf('nop')).to.include({ reason: 1, rip: 0 });
    machine.cpu.setInterruptPending(false);
  });
  it('an interrupt window opens after the shadow of STI', () => {
    startGuest({ primary: Primary.interruptWindow });
    expect(exitOf('nop', 'sti', 'nop', 'nop')).to.include({ reason: 7, rip: 3 });
  });
  it('the monitor trap flag leaves after each instruction', () => {
    startGuest({ primary: Primary.mtf });
    expect(exitOf('nop', 'nop')).to.include({ reason: 37, rip: 1 });
  });
  it('the preemption timer leaves at its deadline', () => {
    startGuest({ pin: 1 << 6 });
    machine.write(
      At.kernelCode,
      Array.from({ length: 90 }, () => 'inc eax'),
    );
    const now = BigInt(machine.cpu.instructionCount) + machine.cpu.tscOffset;
    machine.set('VMX_PREEMPTION_DEADLINE', now + 70n);
    expect(StopReason[machine.run(1000)]).to.equal('VmExit');
    expect([machine.word('EXIT_REASON'), machine.get('RAX')]).to.deep.equal([52, 70n]);
  });
  it('an injected event is delivered first and cannot be intercepted', () => {
    startGuest({ exceptions: 1 << 6 });
    machine.u32[Layout.FAULT_PENDING / 4] = 1;
    machine.u32[Layout.FAULT_VECTOR / 4] = 6;
    machine.u32[Layout.FAULT_TYPE / 4] = 3;
    machine.u32[Layout.FAULT_INJECTED / 4] = 1;
    machine.write(At.kernelCode, ['nop']);
    expect(machine.go()).to.include({ vector: 6, rip: At.kernelCode });
  });
});
