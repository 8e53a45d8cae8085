// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { join } from 'node:path';
import { temporaryFolder } from '../../driver/node/temporary_folder.js';
import { bfm } from '../bfm_process.js';
import { RECORDING_BEGINS } from '../../../src/bfm/snapshot/snapshot_header.js';
import { rewrite } from '../recording/own_run.js';

const folder = temporaryFolder();

describe('bfm replay', () => {
  it('replays what bfm run --record wrote, shows a point, and has a status of its own for a difference', async () => {
    const file = join(folder.path, 'run.bfr');
    const recorded = await bfm('run', '--guest', 'cpuid', '--append', '3', '-m', 'cpuidcount', '--record', file);
    expect(recorded.status, recorded.stderr).to.equal(0);
    const replayed = await bfm('replay', file, '--json');
    const { outcome, exitStatus, extensions } = JSON.parse(replayed.stdout) as Record<string, unknown>;
    expect([replayed.status, outcome, exitStatus]).to.deep.equal([0, 'replayed', 0]);
    expect(extensions).to.deep.equal({ cpuidcount: { count: 3 } });
    const point = await bfm('replay', file, '--until', 'exit 2');
    expect([point.status, point.stdout]).to.deep.equal([0, recorded.stdout.slice(0, point.stdout.length)]);
    expect(point.stderr).to.match(/bfm: VM exit 2 reached in [\d.]+ s\nprocessor 0, .*\n/);
    const both = await bfm('replay', file, '--until', '700', '--until', '300', '--checkpoints', '64M', '--stats');
    expect(both.status).to.equal(0);
    expect(both.stderr).to.match(
      /bfm: instruction 700 reached in .* s\nprocessor 0, .*\n[^]*bfm: instruction 300 reached in .* s\nprocessor 0,/,
    );
    expect(both.stderr).to.match(/ {2}checkpoints +1\n/);
    const size = await bfm('replay', file, '--checkpoints', 'much');
    expect([size.status, size.stderr.split(':', 3)[1]]).to.deep.equal([2, ' --checkpoints much']);
    rewrite(file, (text) => text.replace(/"hash":"[0-9a-f]+"/, `"hash":"${'0'.repeat(16)}"`));
    const other = await bfm('replay', file);
    expect(other.status).to.equal(4);
    expect(other.stderr).to.include('bfm: this run is not the recorded one: they differ between instruction 0 and');
    rewrite(file, (text) => text.slice(0, text.indexOf('\n')));
    const cut = await bfm('replay', file);
    expect(cut.status).to.equal(5);
    expect(cut.stderr).to.match(/^bfm: the recording is incomplete: .*: 0 instructions, no state compared, no/m);
    const snapshot = await bfm('run', '--restore', file);
    expect([snapshot.status, snapshot.stderr]).to.deep.equal([
      1,
      `bfm: ${file} is a recording, not a snapshot: bfm replay ${file} runs it again\n`,
    ]);
  });

  it('shows compiled code of one run only', async () => {
    for (const options of [['--gdb'], ['--who', '0x1000'], ['--compare', '-m', 'vpid']]) {
      const { status, stderr } = await bfm('replay', 'any', '--dump-compiled', '0x1000', ...options);
      expect([status, stderr.split('\n')[0]]).to.deep.equal([
        2,
        'bfm: --dump-compiled excludes --gdb, --who and --compare: it is of one run',
      ]);
    }
  });

  it('refuses a file that is missing, damaged or no recording before it starts a worker', async () => {
    const missing = join(folder.path, 'missing.bfr');
    for (const [file, why] of [
      [missing, 'there is no such file'],
      [folder.write('no.bfr', 'no\n'), 'it is no recording'],
      [folder.write('cut.bfr', RECORDING_BEGINS), 'its first line is cut off'],
    ] as const) {
      // A worker would say first where its debugger listens.
      const { status, stderr } = await bfm('replay', file, '--inspect', '127.0.0.1:0');
      expect([status, stderr]).to.deep.equal([1, `bfm: ${file} cannot be replayed: ${why}\n`]);
    }
  });
});
