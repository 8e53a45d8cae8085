// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { join } from 'node:path';
import { MachineHost, type HostListener } from '../../../src/bfm/host/machine_host.js';
import type { RunRequest } from '../../../src/bfm/worker/run_request.js';
import { temporaryFolder } from '../../driver/node/temporary_folder.js';
import { root } from '../bfm_process.js';

const echo: RunRequest = {
  kernel: join(root, 'build/guests/echo.bin'),
  append: '',
  memoryBytes: 16 << 20,
  processors: 1,
  modules: [],
  settings: {},
  start: 'off',
  pace: 'fast',
  testDevice: false,
};

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

describe('MachineHost', () => {
  let host: MachineHost;
  beforeEach(async () => {
    host = new MachineHost(echo);
    await host.started();
  });
  afterEach(() => host.close());

  it('goes on after the failure of a listener, which the others do not notice', async () => {
    const { listener, hears } = collector();
    const broken = failing();
    host.listeners.add(broken).add(listener);
    host.type(Buffer.from('one'));
    await hears('one');
    host.type(Buffer.from('two'));
    await hears('two');
    expect(host.listeners.has(broken)).to.equal(false);
    expect(host.status().state).to.equal('VMM_UNLOADED');
  });

  it('types all of a long text at a guest, however slowly it reads', async () => {
    const { listener, hears } = collector();
    const text = 'typed!'.repeat(5000);
    host.listeners.add(listener);
    await host.type(Buffer.from(`${text}.`));
    await hears(`${text}.`);
  });

  it('refuses more than a million bytes for a guest that does not read them', async () => {
    await host.close();
    // again: JMP again
    host = new MachineHost({ ...echo, kernel: folder.write('deaf.bin', Buffer.from('ebfe', 'hex')) });
    await host.started();
    const waits = host.type(new Uint8Array(1 << 20));
    expect(await host.type(new Uint8Array(1 << 14)).catch((error: Error) => error.message)).to.match(
      /^the guest does not read what is typed: \d+ bytes wait already$/,
    );
    await host.remove();
    expect(await waits.catch((error: Error) => error.message)).to.equal('its machine was removed (bfm driver_unload)');
  });

  it('knows its status at any moment, and what its machine is doing', async () => {
    const module = folder.write('endless.ts', 'for (;;);');
    const load = host.request('load', { files: [module] }).catch((error: Error) => error.message);
    expect(host.status()).to.deep.equal({ state: 'VMM_UNLOADED', ending: undefined, busy: 'load' });
    await host.close();
    expect(await load).to.equal('the machine ended');
    expect(host.status()).to.deep.equal({ state: 'VMM_CORRUPT', ending: 'the machine ended', busy: undefined });
  });

  it('has the state after a command when its answer comes', async () => {
    await host.request('load', { files: [] });
    expect(host.status().state).to.equal('VMM_LOADED');
    await host.request('start', {});
    expect(host.status().state).to.equal('VMM_RUNNING');
  });

  it('is lost with the reason if an extension fails where nobody waits for it', async () => {
    const { listener, endings } = collector();
    const ended = new Promise<void>((resolve) => {
      host.listeners.add({ ...listener, ended: (detail) => (listener.ended(detail), resolve()) });
    });
    const module = folder.write(
      'stray.ts',
      `import { vcpuModule } from 'bareflank';
       const fail = async () => { await Promise.resolve(); throw new Error('nobody hears of this'); };
       void fail();
       export default vcpuModule(() => {});`,
    );
    await host.request('load', { files: [module] }).catch(() => {});
    await ended;
    expect(endings[0]).to.match(
      /^an extension failed where nobody waits for it: Error: nobody hears of this\n.*stray\.ts:2/,
    );
    expect(host.status().state).to.equal('VMM_CORRUPT');
  });

  it('removes its machine though a listener fails', async () => {
    const { listener, endings } = collector();
    host.listeners.add(failing()).add(listener);
    await host.remove();
    expect(endings).to.deep.equal(['its machine was removed (bfm driver_unload)']);
  });
});
