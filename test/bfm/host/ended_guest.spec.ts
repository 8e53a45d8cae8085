// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bfm } from '../bfm_process.js';
import { ownRuntimeFolder } from './host_machine.js';

const powerOff = 'the guest has ended: the guest switched the power off (ACPI PM1a control, port 0x604)';

describe('A background machine whose guest has ended', () => {
  let own: ReturnType<typeof ownRuntimeFolder>;
  before(() => (own = ownRuntimeFolder()));
  after(() => own.close());

  /** Waits for the end: a console that is attached hears of it. */
  const untilEnded = (machine: string) => bfm('console', '--machine', machine, '--timeout', '60');

  describe('because it switched the power off', () => {
    const on = (...args: string[]) => bfm('--machine', 'off', ...args);
    before(async () => {
      expect((await own.load('off', '--guest', 'cpuid', '--append', '5', '-m', 'cpuidcount')).status).to.equal(0);
    });

    it('shows its console and why it ended', async () => {
      const { status, stdout, stderr } = await untilEnded('off');
      expect(status, stderr).to.equal(0);
      expect(stdout).to.include('guest executed 5 cpuids');
      expect(stderr).to.include(`bfm: ${powerOff}\n`);
    });

    it('says so in its status, after the state of the VMM', async () => {
      expect(await on('status')).to.include({ status: 0, stdout: `VMM_RUNNING\n${powerOff}\n` });
    });

    for (const args of [
      ['load', 'cpuidcount'],
      ['start'],
      ['quick', 'cpuidcount'],
      ['vmcall', 'event', '1'],
      ['vmcall', 'string', 'unformatted', 'hello'],
    ])
      it(`refuses ${args.join(' ')}, and says why and what to do`, async () => {
        const { status, stderr } = await on(...args);
        expect(status).to.equal(1);
        expect(stderr).to.match(/^bfm: (load|start|vmcall): the guest has ended: the guest switched the power off/);
        expect(stderr).to.include('bfm driver_unload').and.to.include('bfm driver_load');
      });

    it('still dumps, stops, unloads and goes', async () => {
      expect((await on('dump')).stdout).to.include('success: host os is now in a vm on vcpuid = 0');
      for (const command of ['stop', 'unload']) {
        const { status, stderr } = await on(command);
        expect(status, `${command}: ${stderr}`).to.equal(0);
      }
      expect((await on('status')).stdout).to.equal(`VMM_UNLOADED\n${powerOff}\n`);
      expect((await on('driver_unload')).status).to.equal(0);
    });
  });

  it('because it died: status has the report, and the machine can be removed', async () => {
    const kernel = join(own.folder, 'triple.bin');
    // An interrupt table of no entries, then UD2.
    writeFileSync(kernel, Uint8Array.from([0x6a, 0x00, 0x6a, 0x00, 0x0f, 0x01, 0x1c, 0x24, 0x0f, 0x0b]));
    expect((await own.load('dead', '--kernel', kernel)).status).to.equal(0);
    const { stderr } = await untilEnded('dead');
    expect(stderr)
      .to.match(/bfm: the guest has ended: triple fault/)
      .and.to.match(/instruction at RIP: ud2/);
    const { stdout } = await bfm('status', '--machine', 'dead');
    expect(stdout).to.match(
      /^VMM_UNLOADED\nthe guest has ended: triple fault.*\nbegan with #[^]*\nprocessor 0, 64-bit/,
    );
    expect((await bfm('driver_unload', '--machine', 'dead')).status).to.equal(0);
  });
});
