// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { join } from 'node:path';
import { MachineHost, type HostListener } from '../../../src/bfm/host/machine_host.js';
import type { RunRequest } from '../../../src/bfm/run_request.js';
import { root } from '../bfm_process.js';

const echo: RunRequest = {
  kernel: join(root, 'build/guests/echo.bin'),
  append: '',
  memoryBytes: 16 << 20,
  processors: 1,
  modules: [],
  settings: {},
  start: 'off',
  pace: 'real',
  testDevice: false,
};

/** Fails at whatever it hears. */
const failing = (): HostListener => {
  const fail = (): never => {
    throw new Error('Connection is closed.');
  };
  return { console: fail, vmm: fail, ended: fail };
};

/** Keeps what it hears. `hears` resolves once the console has shown a text. */
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
    expect((await host.status()).state).to.equal('VMM_UNLOADED');
  });

  it('removes its machine though a listener fails', async () => {
    const { listener, endings } = collector();
    host.listeners.add(failing()).add(listener);
    await host.remove();
    expect(endings).to.deep.equal(['its machine was removed (bfm driver_unload)']);
  });
});
