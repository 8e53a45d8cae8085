// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deathReport, stopReport, type DeathReport } from '../../../src/bfm/death/death_report.js';
import type { RunReport } from '../../../src/bfm/worker/run_request.js';
import { ExitReason } from '../../../src/intrinsics/vmx/exit_reasons.js';
import { VmcsField } from '../../../src/intrinsics/vmcs/vmcs_fields.js';
import type { ProcessorReport } from '../../../src/machine/report/processor_report.js';
import { EptAccess } from '../../../src/vmm/ept/ept.js';
import { onExit, runBare, runGuest, step } from '../../vmm/machine_vmm.js';
import { bfm, root } from '../bfm_process.js';

/** An IDT without entries, so that every exception becomes a triple fault. */
const noIdt = ['push 0', 'push 0', 'lidt [rsp]'];

async function bareDeath(guest: readonly string[], lastOutput?: readonly string[]): Promise<DeathReport> {
  const { end, processors } = await runBare(guest);
  return deathReport(end, false, { processors, handlers: [], lastOutput });
}

async function guestDeath(...run: Parameters<typeof runGuest>): Promise<DeathReport> {
  const { end, processors, handlers } = await runGuest(...run);
  return deathReport(end, true, { processors, handlers, lastOutput: [] });
}

/** Addresses in the VMM's memory depend on what it has allocated. */
const screenOf = ({ detail }: DeathReport): string => detail.replace(/0x10[0-9a-f]{7}\b/g, '0x10.......');
const expected = (name: string): string =>
  readFileSync(join(root, 'test/bfm/death/screens', `${name}.txt`), 'utf8').trimEnd();

/** Each kind of death; its screen is in screens/. */
const deaths: Readonly<Record<string, () => Promise<DeathReport>>> = {
  ud2_on_purpose: () => bareDeath([...noIdt, 'ud2'], ['kernel BUG at mm/slab.c:1']),
  unknown_instruction: () => bareDeath([...noIdt, 'vaddps ymm0, ymm0, ymm1'], []),
  page_fault_under_the_vmm: () => guestDeath([...noIdt, 'movabs rax, 0xffff800000001000', 'mov [rax], ebx'], []),
  handler_throws: () =>
    guestDeath(
      ['mov r15d, 40', 'again: cpuid', 'dec r15', 'jnz again'],
      [],
      [
        onExit('thrower', [ExitReason.Cpuid], ({ registers }) => {
          if (registers.values[15]! < 5n) throw new TypeError('no such table');
          return false;
        }),
      ],
    ),
  entry_fails_on_guest_state: () =>
    guestDeath(
      ['cpuid'],
      [],
      [
        onExit('breaker', [ExitReason.Cpuid], ({ vmcs }) => {
          vmcs.write(VmcsField.GuestRflags, 0n);
          return false;
        }),
      ],
    ),
  entry_fails_on_controls: () =>
    guestDeath(
      ['cpuid'],
      [],
      [
        onExit('breaker', [ExitReason.Cpuid], ({ vmcs }) => {
          vmcs.write(VmcsField.Cr3TargetCount, 9n);
          return false;
        }),
      ],
    ),
  unhandled_ept_violation: () =>
    guestDeath(
      [...step(0), 'mov [0x400008], rax'],
      [
        (bench) => {
          const view = bench.ept.view('mine');
          view.restrict(0x400000n, EptAccess.Read);
          bench.ept.enter(bench, bench.vmcs, view);
        },
      ],
    ),
  halted_with_interrupts_off: () => bareDeath(['cli', 'hlt'], ['Kernel panic - not syncing: no init']),
  feature_that_is_not_there: () =>
    bareDeath(['mov ecx, 0x1d9', 'mov eax, 1', 'xor edx, edx', 'wrmsr', 'mov cx, 0x680', 'rdmsr']),
};

describe('deathReport', () => {
  for (const [name, die] of Object.entries(deaths))
    it(`shows one screen: ${name.replaceAll('_', ' ')}`, async () => {
      const report = await die();
      expect(screenOf(report)).to.equal(expected(name));
      const lines = report.detail.split('\n');
      expect(lines.length, 'lines').to.be.at.most(60);
      expect(Math.max(...lines.map((line) => line.length)), 'columns').to.be.at.most(120);
    });

  it('has the same as plain JSON values', async () => {
    const { places } = await deaths.page_fault_under_the_vmm!();
    expect(JSON.parse(JSON.stringify(places))).to.deep.equal(places);
    const { processors, cause, advice, tripleFault, instruction } = places;
    expect(cause).to.match(/^an access to 0xffff800000001000 failed/);
    expect(advice).to.include('--start off');
    expect(tripleFault!.events).to.have.length(3);
    expect(instruction!.text).to.equal('mov [rax],ebx');
    expect(processors).to.have.length(1);
    const { walk, lastExits, registers } = processors![0]!;
    expect(walk).to.include({ linear: '0xffff800000001000', stop: 'the PML4E is not present', physical: null });
    expect(lastExits).to.deep.equal([
      {
        reason: 'triple_fault',
        rip: '0x200012',
        qualification: '0x0',
        instructions: 4,
        handler: 'ExitHandlerIntelX64',
        action: 'stopped',
      },
    ]);
    expect(registers).to.include({ RAX: '0xffff800000001000', RIP: '0x200012', CR2: '0xffff800000001000' });
  });

  it('shows the processor that died in full, and the others in brief', async () => {
    const { end, processors } = await runBare([...noIdt, 'ud2']);
    const [one] = processors;
    const both = [
      { ...one!, processor: 0, instructions: 7 },
      { ...one!, processor: 1 },
    ];
    const { detail, places } = await deathReport({ ...end, processor: 1 }, false, { processors: both, handlers: [] });
    expect(detail).to.match(/^processor 1, .*\nRIP .*\nRAX /m);
    expect(detail).to.match(
      /^processor 0, .* after 7 instructions\nRIP .*RSP .*\ninstruction at RIP: ud2\nwhat to try/m,
    );
    expect(places.processors).to.have.length(2);
  });

  it('ends with the last branches, where they are known', async () => {
    const { end, processors } = await runBare(['cli', 'hlt']);
    const branches = [{ from: '0x1000', to: '0x2000', how: 'ret' }];
    const { detail, places } = await deathReport(end, false, { processors, handlers: [], branches });
    expect(detail).to.match(
      /\nwhat to try: .*\nthe last taken branch of processor 0, newest last:\n.*\n {2}0x1000 {2}0x2000 {2}ret$/,
    );
    expect(places.branches).to.deep.equal(branches);
  });

  it('says of bytes that no processor knows what they are', async () => {
    const { end, processors } = await runBare([...noIdt, '.byte 0x06']);
    const { detail, places } = await deathReport(end, false, { processors, handlers: [] });
    expect(detail)
      .to.include('code at RIP: 06 ')
      .and.to.not.match(/instruction at RIP|console/);
    expect(places.instruction!.text).to.equal(null);
  });
});

describe('stopReport', () => {
  it('has everything about one processor, with its exits', async () => {
    const { processors, handlers } = await runGuest(['cpuid'], []);
    const { detail, places } = await stopReport({ processors, handlers, lastOutput: ['login:'] });
    expect(detail)
      .to.match(/^processor 0, 64-bit, VMX non-root operation, CPL 0, after \d+ instructions\nRIP /)
      .and.to.match(/^page walk of 0x20000e \(RIP\)/m)
      .and.to.match(/^the only VM exit:$/m)
      .and.to.match(/ExitHandlerIntelX64: advanced\nlast lines of the guest's console:\n {2}login:$/);
    expect(places.processors![0]!.lastExits[0]).to.include({ reason: 'cpuid', action: 'advanced' });
  });

  it('fits eight processors on the screen, and has all about them as JSON values', async () => {
    const { processors } = await runBare(['cli', 'hlt']);
    const eight = Array.from({ length: 8 }, (_, processor): ProcessorReport => ({ ...processors[0]!, processor }));
    const { detail, places } = await stopReport({ processors: eight, handlers: [], lastOutput: [] });
    const lines = detail.split('\n');
    expect(lines.length).to.be.at.most(60);
    expect(lines.filter((line) => /^processor \d, 64-bit/.test(line))).to.have.length(8);
    expect(lines.filter((line) => line.startsWith('RAX'))).to.have.length(0);
    expect(places.processors!.map(({ processor }) => processor)).to.deep.equal([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(places.processors![7]!.registers).to.include.keys('RAX', 'CR4');
  });
});

describe('bfm run of a guest that asks for too much', () => {
  let folder: string;
  before(() => (folder = mkdtempSync(join(tmpdir(), 'bfm-death-'))));
  after(() => rmSync(folder, { recursive: true }));

  const run = async (name: string, ...code: number[]) => {
    const kernel = join(folder, name);
    writeFileSync(kernel, Uint8Array.from(code));
    const { status, stdout, stderr } = await bfm('run', '--kernel', kernel, '--json');
    expect(status, stderr).to.equal(3);
    return { report: JSON.parse(stdout) as RunReport, stderr };
  };

  it('says what the machine does not do, where, in which state, and what to do', async () => {
    // MOV ECX,1D9h; MOV EAX,1; XOR EDX,EDX; WRMSR; MOV CX,680h; RDMSR
    const mov = [0xb9, 0xd9, 0x01, 0, 0, 0xb8, 1, 0, 0, 0, 0x31, 0xd2];
    const { report, stderr } = await run('lbr', ...mov, 0x0f, 0x30, 0x66, 0xb9, 0x80, 0x06, 0x0f, 0x32);
    expect(report.machine.unimplemented).to.include({
      reason: 'last-branch-records',
      rip: '0x200012',
      mode: '64-bit',
      cpl: 0,
      instructions: 6,
    });
    expect(report.machine.instruction!.text).to.equal('rdmsr');
    expect(stderr).to.match(/^bfm: unimplemented: RDMSR of a last-branch record/m);
    for (const line of [/processor 0, 64-bit/, /RCX 0000000000000680/, /instruction at RIP: rdmsr/, /what to try: /])
      expect(stderr).to.match(line);
  });

  it('does not blame the processor for UD2, nor for bytes that no processor knows', async () => {
    const { report, stderr } = await run('bug', 0x90, 0x0f, 0x0b, 0xff);
    expect(stderr).to.match(/likely cause: software executed UD2 to stop on purpose/);
    expect(stderr).to.not.match(/INTEL286|opcode that (it|this processor) does not have/);
    expect(report.machine.undefinedOpcode).to.equal(undefined);
    expect((await run('data', 0x90, 0x06, 0xff, 0xff)).stderr).to.match(/what to try: look for a wrong jump/);
  });

  it('says with which exception a triple fault began', async () => {
    // LIDT [7000h]; XOR EAX,EAX; DIV RAX
    const { report, stderr } = await run('fault', 0x0f, 0x01, 0x1c, 0x25, 0, 0x70, 0, 0, 0x31, 0xc0, 0x48, 0xf7, 0xf0);
    expect(report.machine.tripleFault).to.deep.include({ rip: '0x20000a' });
    expect(report.machine.tripleFault!.events[0]).to.deep.equal({ name: '#DE', vector: 0 });
    expect(stderr).to.match(/^began with #DE \(0\), at RIP 0x20000a\nits delivery raised /m);
  });

  it('names an instruction that the processor does not have, and the feature it needs', async () => {
    const { report, stderr } = await run('avx', 0x90, 0xc5, 0xfc, 0x58, 0xc1, 0xeb, 0xfe);
    expect(report.machine.undefinedOpcode).to.deep.include({
      rip: '0x200001',
      text: 'vaddps ymm0,ymm0,ymm1',
      features: ['AVX'],
    });
    expect(stderr).to.match(
      /last opcode that this processor does not have, of 1: vaddps ymm0,ymm0,ymm1 \(AVX\) at 0x200001/,
    );
    expect(stderr).to.match(/what to try: CPUID of this machine does not announce AVX/);
  });
});
