// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deathReport } from '../../../src/bfm/worker/death_report.js';
import type { RunReport } from '../../../src/bfm/worker/run_request.js';
import { bfm } from '../bfm_process.js';

const place = { cs: '0x10', rip: '0x200001', linear: '0x200001', physical: '0x200001', bits: 64 } as const;

describe('deathReport', () => {
  it('names the instruction, and what a triple fault is', async () => {
    const { detail, places } = await deathReport(
      {
        kind: 'dead',
        detail: 'triple fault: the processor shut down',
        instruction: { ...place, bytes: '0f 0b 00' },
      },
      true,
    );
    expect(detail.split('\n').slice(0, 2)).to.deep.equal([
      'triple fault: the processor shut down',
      'instruction at RIP: ud2',
    ]);
    expect(detail).to.match(
      /\nwhat to do: no handler could be entered for an exception.*; run it with --start off to see/,
    );
    expect(places).to.deep.equal({ instruction: { ...place, bytes: '0f 0b 00', text: 'ud2' } });
  });

  it('gives no advice that fits another run', async () => {
    const end = { kind: 'dead', detail: 'triple fault', instruction: { ...place, bytes: '0f 0b 00' } } as const;
    expect((await deathReport({ ...end, instruction: { ...place, bytes: 'cd 03' } }, false)).detail)
      .to.include('what to do: ')
      .and.not.include('--start off');
    expect((await deathReport(end, false, ['login:'])).detail).to.include(
      "last lines of the guest's console:\n  login:",
    );
  });

  it('says of bytes that no processor knows what they are', async () => {
    const { detail, places } = await deathReport(
      { kind: 'dead', detail: 'x', instruction: { ...place, bytes: '06' } },
      false,
    );
    expect(detail).to.equal('x');
    expect(places.instruction!.text).to.equal(null);
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
    for (const line of [/processor 0, 64-bit/, /RCX 0000000000000680/, /instruction at RIP: rdmsr/, /what to do: /])
      expect(stderr).to.match(line);
  });

  it('does not blame the processor for UD2, nor for bytes that no processor knows', async () => {
    const { report, stderr } = await run('bug', 0x90, 0x0f, 0x0b, 0xff);
    expect(stderr).to.match(/what to do: software executes UD2 to stop on purpose/);
    expect(stderr).to.not.match(/INTEL286|opcode that (it|this processor) does not have/);
    expect(report.machine.undefinedOpcode).to.equal(undefined);
    expect((await run('data', 0x90, 0x06, 0xff, 0xff)).stderr).to.match(/what to do: no processor has this opcode/);
  });

  it('says with which exception a triple fault began', async () => {
    // LIDT [7000h]; XOR EAX,EAX; DIV RAX
    const { report, stderr } = await run('fault', 0x0f, 0x01, 0x1c, 0x25, 0, 0x70, 0, 0, 0x31, 0xc0, 0x48, 0xf7, 0xf0);
    expect(report.machine.tripleFault).to.deep.include({ rip: '0x20000a' });
    expect(report.machine.tripleFault!.events[0]).to.deep.equal({ name: '#DE', vector: 0 });
    expect(stderr).to.match(/^began with #DE \(0\), at RIP 0x20000a; its delivery raised /m);
  });

  it('names an instruction that the processor does not have, and the feature it needs', async () => {
    const { report, stderr } = await run('avx', 0x90, 0xc5, 0xfc, 0x58, 0xc1, 0xeb, 0xfe);
    expect(report.machine.undefinedOpcode).to.deep.include({
      rip: '0x200001',
      text: 'vaddps ymm0,ymm0,ymm1',
      features: ['AVX'],
    });
    expect(stderr).to.match(/the opcode that it does not have: vaddps ymm0,ymm0,ymm1 \(AVX\)/);
    expect(stderr).to.match(/what to do: CPUID of this machine does not announce AVX/);
  });
});
