// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { explainDeath, type DeathFacts } from '../../../src/bfm/death/likely_cause.js';
import type { PcEnd } from '../../../src/machine/pc.js';
import type { ProcessorReport } from '../../../src/machine/report/processor_report.js';
import type { UndeliveredEvent } from '../../../src/machine/report/triple_fault.js';
import { UnfinishedExitError, UnimplementedExitError } from '../../../src/vmm/errors.js';

const registers = { 'IDTR.base': '0x41000', 'IDTR.limit': '0xfff' };
const report = { isInHandler: false, registers } as unknown as ProcessorReport;
const exit = {
  reason: 'rdpmc',
  rip: '0x0',
  qualification: '0x0',
  instructions: 0,
  handler: 'mine',
  action: 'stopped',
} as const;
const explain = (end: Partial<PcEnd>, other: Partial<DeathFacts> = {}) =>
  explainDeath({
    end: { kind: 'dead', detail: '', ...end },
    report,
    lastExit: undefined,
    underVmm: false,
    atRip: undefined,
    opcode: undefined,
    lastOutput: [],
    ...other,
  });

const pageFault: UndeliveredEvent = { name: '#PF', vector: 14, errorCode: '0x2', cr2: '0x600000' };
const undefinedOpcode: UndeliveredEvent = { name: '#UD', vector: 6 };
const protection: UndeliveredEvent = { name: '#GP', vector: 13, errorCode: '0x73' };
const tripleFault = (...events: UndeliveredEvent[]) => explain({ tripleFault: { rip: '0x1000', events } });

describe('explainDeath', () => {
  it('says of a triple fault which access failed, and that there is no gate', () => {
    const { cause, advice } = tripleFault(pageFault, protection);
    expect(cause).to.equal(
      'an access to 0x600000 failed (supervisor write, the page is not present); the IDT (base 0x41000, limit 0xfff) has no valid gate for vector 14: software has not loaded an IDT, or broke it',
    );
    expect(advice).to.not.include('--start off');
  });

  it('distinguishes an IDT that is not mapped, and a stack that is not', () => {
    const fault = (cr2: string): UndeliveredEvent => ({ ...pageFault, cr2 });
    expect(tripleFault(pageFault, fault('0x410e0')).cause).to.match(/the IDT .* is not mapped$/);
    expect(tripleFault(pageFault, fault('0x5ffff8')).cause).to.match(
      /could not push onto the stack at 0x5ffff8: RSP is wrong, or the stack has overflowed$/,
    );
    expect(tripleFault(pageFault, { name: '#GP', vector: 13, errorCode: '0x8' }).cause).to.match(
      /the delivery failed with #GP/,
    );
  });

  it('suspects the VMM only if there was one', () => {
    const end = { tripleFault: { rip: '0x1000', events: [pageFault, protection] } };
    expect(explain(end, { underVmm: true }).advice).to.include('--start off');
  });

  it('does not blame the processor for UD2, nor for bytes that no processor knows', () => {
    const end = { tripleFault: { rip: '0x1000', events: [undefinedOpcode] } };
    expect(explain(end, { atRip: { text: 'ud2', features: [] } }).cause).to.include('on purpose');
    const unknown = explain(end);
    expect(unknown.cause).to.include('no instruction in this mode');
    expect(unknown.advice).to.include('look for a wrong jump');
    const avx = { text: 'vaddps ymm0,ymm0,ymm1', features: ['AVX'] };
    expect(explain(end, { atRip: avx, opcode: avx }).advice).to.include('does not announce AVX');
  });

  it('says of a handler what it did wrong', () => {
    const inHandler = { report: { ...report, isInHandler: true }, lastExit: exit };
    const of = (error: string) => explain({ detail: `vcpu 0, handler mine: ${error}: text` }, inHandler);
    expect(of(UnimplementedExitError.name).cause).to.equal(
      'no contribution handles exit rdpmc, and the base cannot emulate it',
    );
    expect(of(UnfinishedExitError.name).cause).to.match(/^mine said that it handled exit rdpmc/);
    expect(of('TypeError').cause).to.equal('mine failed while it handled exit rdpmc');
  });

  it('recognizes a VM entry that failed', () => {
    const failed = { report: { ...report, isInHandler: true }, lastExit: { ...exit, isEntryFailure: true as const } };
    expect(explain({}, failed).advice).to.include('--trace-vmcs');
    expect(explain({ detail: 'vcpu 0: VmEntryError: VMRESUME failed' }).cause).to.include('refused the VM entry');
  });

  it('distinguishes a halt for good from a wait that nothing ends', () => {
    expect(explain({ detail: 'halted with interrupts off', isHalted: true }).cause).to.include('interrupts off');
    expect(explain({ detail: 'halted, and no device' }).cause).to.include('waits for an interrupt');
  });

  it('speaks of Linux only where Linux ran', () => {
    const halted = { detail: 'halted with interrupts off', isHalted: true } as const;
    const ud2 = { tripleFault: { rip: '0x1000', events: [undefinedOpcode] } };
    const atRip = { text: 'ud2', features: [] };
    for (const lastOutput of [[], ['this guest executes CPUID']])
      for (const { cause, advice } of [explain(halted, { lastOutput }), explain(ud2, { lastOutput, atRip })])
        expect(`${cause} ${advice}`).to.not.match(/Linux|panic/);
    const panic = ['[    1.234567] Kernel panic - not syncing: VFS: Unable to mount root fs'];
    expect(explain(halted, { lastOutput: panic })).to.deep.equal({
      cause: 'Linux has panicked, and stopped with HLT and interrupts off',
      advice:
        'read what the guest printed last: it may say what was wrong; with "panic=-1" on its command line, Linux resets the machine after a panic',
    });
    expect(explain(ud2, { lastOutput: ['[    0.000000] Linux version 6.1.0'], atRip }).cause).to.include('BUG()');
  });

  it('asks for a console if the guest printed nothing', () => {
    expect(explain({ detail: 'halted with interrupts off', isHalted: true }).advice).to.include('serial port COM1');
  });

  it('says what to try in every other case too', () => {
    expect(explain({ detail: 'VMX abort 1' })).to.deep.equal({
      cause: 'the machine stopped the processor for the reason above',
      advice: 'look at the instruction at RIP and at the registers that it uses',
    });
  });
});
