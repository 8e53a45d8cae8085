// SPDX-License-Identifier: LGPL-2.1-only
// What `bfm explore` finds by watched writes, from the recording that it writes.
import { expect } from 'chai';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ExploreRun } from '../../../src/bfm/explore/explore_run.js';
import type { ExploreRequest } from '../../../src/bfm/explore/explore_request.js';
import { readRecording } from '../../../src/bfm/recording/read_recording.js';
import { ReplayRun } from '../../../src/bfm/replay/replay_run.js';
import { checkRunOptions } from '../../../src/bfm/run/run_options.js';
import { RunControl } from '../../../src/bfm/worker/run_control.js';
import { nothingExplored } from '../../../src/session/explore/exploration_state.js';
import { temporaryFolder } from '../../driver/node/temporary_folder.js';
import { NOTE, noteGuest } from '../../session/explore/explored_guest.js';
import { startBfm } from '../bfm_process.js';
import { GdbSocket } from '../gdb/gdb_socket.js';
import { defaultOptions } from '../run/default_options.js';

const folder = temporaryFolder();
const recording = (processors: number): string => join(folder.path, `lost_${processors}.bfr`);

/** Explores a guest whose processors lose an update if another one executes behind a write. */
async function explored(processors: number, watches: boolean) {
  const kernel = join(folder.path, `note_${processors}.bin`);
  writeFileSync(kernel, noteGuest(processors));
  const predicate = folder.write(
    'lost.ts',
    `export default ({ machine, memory }) =>
       machine.end !== undefined && memory.read8(0x640) < ${processors} && 'an update is lost';`,
  );
  const request: ExploreRequest = {
    run: checkRunOptions({ ...defaultOptions, kernel, cpus: String(processors) }, false),
    predicate,
    instructions: 100_000,
    watched: watches ? [{ address: BigInt(NOTE), bytes: 1 }] : [],
  };
  const run = new ExploreRun(request, 1, nothingExplored(0, 1));
  return run.run({ file: recording(processors), withCode: false });
}

describe('The recording of an exploration with watched writes', function () {
  this.timeout(60_000);
  let replay: ChildProcess | undefined;
  afterEach(() => replay?.kill('SIGKILL'));

  for (const processors of [2, 3, 4])
    it(`has the choice within a turn, and its replay comes to the same state (processors: ${processors})`, async () => {
      const result = await explored(processors, true);
      expect(result.end).to.equal('found');
      const [entry] = readRecording(recording(processors)).entries;
      expect(entry).to.nested.include({ kind: 'event', 'at.isWithin': true, 'event.kind': 'turn' });
      const request = { recording: recording(processors), until: [], checkpoints: 1 << 20 };
      const { outcome } = await new ReplayRun(request, new RunControl(), () => {}).run();
      expect(outcome).to.equal('replayed');
    });

  it('is opened by the port for GDB, forward to the write and back to the beginning', async () => {
    await explored(2, true);
    const socket = join(folder.path, 'gdb');
    chmodSync(folder.path, 0o700);
    const child = startBfm(['replay', recording(2), '--gdb', `unix:${socket}`]);
    replay = child;
    child.stdin.end();
    await new Promise<void>((resolve, reject) => {
      let shown = '';
      child.stderr.on('data', (bytes: Buffer) => {
        shown += String(bytes);
        if (shown.includes('waits for GDB')) resolve();
      });
      child.once('exit', () => reject(new Error(shown)));
    });
    const gdb = await GdbSocket.dial(socket);
    expect(await gdb.ask(`Z2,${NOTE.toString(16)},1`)).to.equal('OK');
    const first = await gdb.ask('c');
    const second = await gdb.ask('c');
    expect(
      [first, second].map((reply) => /watch:6c0;/.test(reply)),
      `${first} ${second}`,
    ).to.deep.equal([true, true]);
    const threadOf = (reply: string): string => /thread:(\d+);/.exec(reply)![1]!;
    expect(threadOf(first), 'the one that was passed over, and the other one').to.not.equal(threadOf(second));
    expect(await gdb.ask('c')).to.include('replaylog:end');
    expect(await gdb.ask('bc')).to.match(/watch:6c0;/);
    expect(await gdb.ask('bc')).to.match(/watch:6c0;/);
    expect(await gdb.ask('bc')).to.include('replaylog:begin');
    const exit = once(child, 'exit');
    gdb.tell('k');
    await exit;
  });
});
