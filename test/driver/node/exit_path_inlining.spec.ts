// SPDX-License-Identifier: LGPL-2.1-only
import { spawnSync } from 'node:child_process';
import { expect } from 'chai';

const module = new URL('../../../src/driver/node/exit_path_inlining.js', import.meta.url).href;

describe('inlineExitPath', () => {
  it('sets a flag that this V8 knows: it would say on stderr that it does not', () => {
    const script = `const { inlineExitPath } = await import('${module}'); inlineExitPath(); inlineExitPath(); console.log('set');`;
    const child = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
    expect({ stdout: child.stdout, stderr: child.stderr }).to.deep.equal({ stdout: 'set\n', stderr: '' });
  });
});
