// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { root } from '../bfm_process.js';
import { toTheUser } from '../../../src/bfm/failures/command_names.js';
import { ownName } from '../../../src/bfm/failures/own_name.js';

describe('toTheUser', () => {
  it('has command lines as this process was started', () => {
    expect(toTheUser('bfm status shows what bfm knows')).to.equal(`${ownName} status shows what bfm knows`);
  });

  it('is in what commands print besides errors', () => {
    const env = { ...process.env, npm_lifecycle_event: 'npx', npm_lifecycle_script: 'bfm' };
    const printed = (...words: string[]): string => {
      try {
        return execFileSync(process.execPath, [join(root, 'build/src/bfm/main.js'), ...words], {
          encoding: 'utf8',
          env,
        });
      } catch (error) {
        return (error as { stdout: string }).stdout;
      }
    };
    expect(printed('status', '--machine', 'no-such-machine')).to.equal(
      'no machine no-such-machine (npx bfm driver_load --machine no-such-machine starts one)\n',
    );
    expect(printed('describe', 'vmcs', 'exit_reason')).to.include('"npx bfm describe exit"');
  });
});
