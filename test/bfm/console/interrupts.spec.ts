// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { ended, root, shows } from '../bfm_process.js';
import { spawn } from 'node:child_process';
import { pathToFileURL } from 'node:url';
import { join } from 'node:path';

/** Runs code in its own process, which prints `ready` when it waits for a signal. */
function waiting(code: string) {
  const interrupts = pathToFileURL(join(root, 'build/src/bfm/console/interrupts.js')).href;
  const whole = `import * as interrupts from '${interrupts}';
    ${code}
    process.stdout.write('ready'); setInterval(() => {}, 1000);`;
  return spawn(process.execPath, ['--input-type=module', '-e', whole]);
}

async function afterInterrupt(code: string): Promise<[number | null, string]> {
  const child = waiting(code);
  const result = ended(child);
  await shows(child, 'ready');
  child.kill('SIGINT');
  const { status, stderr } = await result;
  return [status, stderr];
}

describe('An interrupt', () => {
  it('ends bfm with a word before a command has begun', async () => {
    expect(await afterInterrupt('interrupts.listenForInterrupts();')).to.deep.equal([
      130,
      'bfm: interrupted before the command began\n',
    ]);
  });

  it("takes over from the launcher's listener", async () => {
    const code = `process.on('SIGINT', () => process.exit(7)); interrupts.listenForInterrupts();`;
    expect((await afterInterrupt(code))[0]).to.equal(130);
  });

  it('names the command that it ends', async () => {
    const code = `interrupts.listenForInterrupts(); interrupts.commandBegins('load');`;
    expect(await afterInterrupt(code)).to.deep.equal([130, 'bfm: load was interrupted\n']);
  });

  it('goes to a handler while its work lasts', async () => {
    const code = `interrupts.listenForInterrupts();
      void interrupts.whileInterruptsGoTo(() => process.exit(9), () => new Promise(() => {}));`;
    expect((await afterInterrupt(code))[0]).to.equal(9);
  });

  it('is heard by main.ts before anything else is loaded', async () => {
    // A signal as soon as somebody listens for it; whether the guest runs by then does not matter. main.js is the script that Node runs, as for
    // users: after `-e` commander may count the arguments from another place.
    const code = `process.on('newListener', (event) => {
      if (event === 'SIGINT') setImmediate(() => process.kill(process.pid, event));
    });`;
    const before = ['--import', `data:text/javascript,${encodeURIComponent(code)}`];
    const run = [join(root, 'build/src/bfm/main.js'), 'run', '--guest', 'cpuid', '--append', '1000000000'];
    const { status, stderr } = await ended(spawn(process.execPath, [...before, ...run]));
    expect(status).to.equal(130);
    expect(stderr).to.match(/^bfm: interrupted before the (command began|guest ran)\n$/);
  });
});
