// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { MachineThread, type HostListener } from '../../../src/bfm/host/machine_thread.js';
import { temporaryFolder } from '../../driver/node/temporary_folder.js';
import { plainRun } from '../recording/own_run.js';

const echo = plainRun('echo');

/** A listener that always throws. */
const failing = (): HostListener => {
  const fail = (): never => {
    throw new Error('Connection is closed.');
  };
  return { console: fail, vmm: fail, ended: fail };
};

/** A listener that keeps all it gets. `hears` resolves once the console has shown a text. */
function collector() {
  let text = '';
  let looks = (): void => {};
  const endings: string[] = [];
  const listener: HostListener = {
    console: (bytes) => {
      text += Buffer.from(bytes).toString('latin1');
      looks();
    },
    vmm: () => {},
    ended: (detail) => void endings.push(detail),
  };
  const hears = (wanted: string): Promise<void> =>
    new Promise((resolve) => {
      looks = () => text.includes(wanted) && resolve();
      looks();
    });
  return { listener, endings, hears };
}

const folder = temporaryFolder();

describe('MachineThread', () => {
  let machine: MachineThread;
  beforeEach(async () => {
    machine = new MachineThread(echo);
    await machine.started();
  });
  afterEach(() => machine.close());

  it('goes on after the failure of a listener, which the others do not notice', async () => {
    const { listener, hears } = collector();
    const broken = failing();
    machine.listeners.add(broken).add(listener);
    machine.type(Buffer.from('one'));
    await hears('one');
    machine.type(Buffer.from('two'));
    await hears('two');
    expect(machine.listeners.has(broken)).to.equal(false);
    expect(machine.status().state).to.equal('VMM_UNLOADED');
  });

  it('types all of a long text at a guest, however slowly it reads', async () => {
    const { listener, hears } = collector();
    const text = 'typed!'.repeat(5000);
    machine.listeners.add(listener);
    await machine.type(Buffer.from(`${text}.`));
    await hears(`${text}.`);
  });

  it('refuses more than a million bytes for a guest that does not read them', async () => {
    await machine.close();
    // again: JMP again
    machine = new MachineThread({ ...echo, kernel: folder.write('deaf.bin', Buffer.from('ebfe', 'hex')) });
    await machine.started();
    const waits = machine.type(new Uint8Array(1 << 20));
    expect(await machine.type(new Uint8Array(1 << 14)).catch((error: Error) => error.message)).to.match(
      /^the guest does not read its input: \d+ bytes wait already$/,
    );
    await machine.remove();
    expect(await waits.catch((error: Error) => error.message)).to.equal('its machine was removed (bfm driver_unload)');
  });

  it('knows its status at any moment, and what its machine is doing', async () => {
    const module = folder.write('endless.ts', 'for (;;);');
    const load = machine.request('load', { files: [module] }).catch((error: Error) => error.message);
    expect(machine.status()).to.deep.equal({ state: 'VMM_UNLOADED', ending: undefined, busy: 'load' });
    await machine.close();
    expect(await load).to.equal('the machine ended');
    expect(machine.status()).to.deep.equal({ state: 'VMM_CORRUPT', ending: 'the machine ended', busy: undefined });
  });

  it('has the state after a command when its answer comes', async () => {
    await machine.request('load', { files: [] });
    expect(machine.status().state).to.equal('VMM_LOADED');
    await machine.request('start', {});
    expect(machine.status().state).to.equal('VMM_RUNNING');
  });

  it('is lost with the reason if an extension fails where nobody waits for it', async () => {
    const { listener, endings } = collector();
    const ended = new Promise<void>((resolve) => {
      machine.listeners.add({ ...listener, ended: (detail) => (listener.ended(detail), resolve()) });
    });
    const module = folder.write(
      'stray.ts',
      `import { vcpuModule } from 'bareflank';
       const fail = async () => { await Promise.resolve(); throw new Error('nobody hears of this'); };
       void fail();
       export default vcpuModule(() => {});`,
    );
    await machine.request('load', { files: [module] }).catch(() => {});
    await ended;
    expect(endings[0]).to.match(
      /^an extension failed in a Promise or timer that nobody waits for: Error: nobody hears of this\n.*stray\.ts:2/,
    );
    expect(machine.status().state).to.equal('VMM_CORRUPT');
  });

  it('removes its machine though a listener fails', async () => {
    const { listener, endings } = collector();
    machine.listeners.add(failing()).add(listener);
    await machine.remove();
    expect(endings).to.deep.equal(['its machine was removed (bfm driver_unload)']);
  });
});
