// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import type { Driver } from '../../../src/driver/driver.js';
import { readCoreModule } from '../../../src/bfm/worker/boot_file.js';
import { reportOfRun, stopScreen } from '../../../src/bfm/run/report_of_run.js';
import { LateStart } from '../../../src/session/late_start.js';
import { MachineSession } from '../../../src/session/machine_session.js';
import type { SessionPorts } from '../../../src/session/session_ports.js';
import { assemble } from '../../support/assembler.js';

const ports: SessionPorts = {
  console: { push: () => {}, flush: () => {} },
  vmm: { push: () => {}, flush: () => {} },
  hasInput: () => false,
  isInputOpen: () => false,
  takeInput: () => [],
  now: () => 0,
  wantsAttention: () => false,
  quantumEnded: () => {},
};

async function sessionOf(...lines: string[]): Promise<MachineSession> {
  const session = await MachineSession.create(
    { coreModule: readCoreModule(), memoryBytes: 16 << 20, pace: 'fast' },
    ports,
  );
  session.boot({ kernel: { name: 'guest', bytes: assemble(lines, 64, 0x200000) }, modules: [], append: '' });
  session.slice(Infinity);
  return session;
}

describe('reportOfRun', () => {
  it('has the counts of the machine and what extensions report, and closes the driver', async () => {
    const session = await sessionOf('mov al, 7', 'out 0xf4, al');
    const closed: string[] = [];
    const driver = {
      reports: () => ({ count: { all: 3n, name: 'x', few: 1 } }),
      close: () => void closed.push('close'),
    } as unknown as Driver;
    const run = { session, driver, lateStart: new LateStart('never'), milliseconds: 5, begun: 1, hasVmm: true };
    const { machine, ...report } = reportOfRun({ outcome: 'debug-exit', detail: 'why' }, run);
    expect(machine).to.deep.include({
      exits: { cpuid: 0 },
      instructions: 2,
      restoredAt: 1,
      virtualTime: 2,
      debugExit: 7,
    });
    expect(machine.stateHash).to.match(/^[0-9a-f]{16}$/);
    expect(report).to.deep.equal({
      outcome: 'debug-exit',
      detail: 'why',
      extensions: { count: { all: '3', name: 'x', few: 1 } },
      milliseconds: 5,
      lateStart: 'the VMM was never started: "never" never appeared on the console',
    });
    expect(closed).to.deep.equal(['close']);
  });
});

describe('stopScreen', () => {
  it('explains a death, and shows the processors of a machine that lives', async () => {
    const dead = await stopScreen(await sessionOf('lidt [0x7000]', 'ud2'), undefined);
    expect(dead.detail).to.match(/^triple fault: [^]*\nlikely cause: /);
    const off = await stopScreen(await sessionOf('mov edx, 0x604', 'mov eax, 0x2000', 'out dx, ax'), undefined);
    expect(off.detail).to.match(/^processor 0, /);
  });
});
