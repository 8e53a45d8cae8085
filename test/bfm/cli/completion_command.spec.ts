// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { bfm, root } from '../bfm_process.js';

/** What bash would offer at the end of a line. */
function offered(script: string, ...words: string[]): string[] {
  return offeredBy('_bfm', script, words);
}

function offeredBy(name: string, script: string, words: readonly string[]): string[] {
  const line = words.map((word) => `'${word}'`).join(' ');
  const text = `${script}\nCOMP_WORDS=(${line}); COMP_CWORD=${words.length - 1}; ${name}; echo "\${COMPREPLY[@]}"`;
  return execFileSync('bash', ['-c', text], { encoding: 'utf8' }).trim().split(' ');
}

describe('bfm completion', () => {
  it('completes commands, their commands and their options in bash', async () => {
    const { stdout } = await bfm('completion', 'bash');
    expect(offered(stdout, 'bfm', 'driver')).to.deep.equal(['driver_load', 'driver_unload']);
    expect(offered(stdout, 'bfm', 'vmcall', 'string', '')).to.include.members(['unformatted', 'json', '--help']);
    expect(offered(stdout, 'bfm', 'completion', '')).to.deep.equal(['bash', 'zsh', 'fish', '--help']);
    expect(offered(stdout, 'bfm', 'describe', 'r')).to.deep.equal(['register']);
    expect(offered(stdout, 'bfm', 'dump', '--v')).to.deep.equal(['--vcpuid']);
    expect(offered(stdout, 'bfm', '--machine', 'm', 'vmcall', 'u')).to.deep.equal(['unittest']);
  });

  it('completes behind npx, where npx has started it, and leaves other commands of npx alone', () => {
    const env = { ...process.env, npm_lifecycle_event: 'npx', npm_lifecycle_script: 'bfm' };
    const run = (...words: string[]): string =>
      execFileSync(process.execPath, [join(root, 'build/src/bfm/main.js'), ...words], { encoding: 'utf8', env });
    const script = run('completion', 'bash');
    expect(script).to.include('complete -o default -F _npx_bfm npx');
    expect(offeredBy('_npx_bfm', script, ['npx', 'bfm', 'driver'])).to.deep.equal(['driver_load', 'driver_unload']);
    expect(offeredBy('_npx_bfm', script, ['npx', 'mocha', 'driver'])).to.deep.equal(['']);
    expect(run('guest', '--help')).to.match(
      /^Usage: npx bfm guest \[options\].*[^]*^ {2}npx bfm guest debian --again /m,
    );
  });

  it('knows zsh and fish, and no other shell', async () => {
    const [zsh, fish, other] = await Promise.all(['zsh', 'fish', 'cmd'].map((shell) => bfm('completion', shell)));
    expect(zsh!.stdout).to.include('bashcompinit').and.to.include('complete -o default -F _bfm bfm');
    expect(fish!.stdout).to.match(
      /^complete -c bfm -n '__fish_use_subcommand' -a 'run replay explore guest describe .*--help'$/m,
    );
    expect([other!.status, other!.stderr]).to.satisfy(
      ([status, text]: [number, string]) => status === 2 && /cmd: it must be one of bash, zsh, fish/.test(text),
    );
  });
});
