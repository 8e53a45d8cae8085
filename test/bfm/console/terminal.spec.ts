// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { temporaryFolder } from '../../driver/node/temporary_folder.js';
import { root } from '../bfm_process.js';

const folder = temporaryFolder();

/** Runs a command on its own terminal. @returns all that arrives at the terminal */
function onTerminal(command: string): Promise<string> {
  const child = spawn('script', ['-q', '-e', '-c', command, '/dev/null'], { stdio: ['pipe', 'pipe', 'ignore'] });
  let seen = '';
  child.stdout.on('data', (data) => (seen += String(data)));
  return new Promise((resolve) => child.on('close', () => resolve(seen)));
}

describe('Terminal', () => {
  before(function () {
    const has = (program: string): boolean => spawnSync(program, ['--version']).error === undefined;
    if (process.platform !== 'linux' || !has('script') || !has('stty')) this.skip();
  });

  it('shows the bytes of a guest unchanged, lines of ours from the left, and is as it was afterwards', async () => {
    // MOV EDX, 3F8H; 'a', LF, 'b', LF by OUT DX, AL; XOR EAX, EAX; OUT F4H, EAX; HLT
    const guest = folder.write('lines.bin', Buffer.from('baf8030000b061eeb00aeeb062eeb00aee31c0e7f4f4', 'hex'));
    const bfm = `${process.execPath} ${join(root, 'build/src/bfm/main.js')} run --kernel ${guest}`;
    const seen = await onTerminal(`stty onlcr; ${bfm}; stty -a`);
    expect(seen).to.match(/^a\nb\nbfm: the guest wrote 0 to the debug-exit port\r\n/);
    expect(seen)
      .to.match(/ onlcr/)
      .and.to.match(/ icanon/);
  });
});
