// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readRecording } from '../../../src/bfm/recording/read_recording.js';
import { RecordingError } from '../../../src/bfm/recording/recording_error.js';
import { checkedRecording } from '../../../src/bfm/replay/recorded_code.js';
import { ReplayRun } from '../../../src/bfm/replay/replay_run.js';
import { RunControl } from '../../../src/bfm/worker/run_control.js';
import type { RunReport } from '../../../src/bfm/worker/run_request.js';
import { temporaryFolder } from '../../driver/node/temporary_folder.js';
import { root } from '../bfm_process.js';
import { cpuidCount, linesOf, recordedRun, rewrite, sealed } from '../recording/own_run.js';

const folder = temporaryFolder();
const path = (name: string): string => join(folder.path, name);
const replay = (recording: string): Promise<RunReport> =>
  new ReplayRun({ recording, until: [], checkpoints: 0 }, new RunControl(), () => {}).run();
const echo = { kernel: join(root, 'build/guests/echo.bin'), append: '', modules: [], start: 'off' } as const;

describe('checkedRecording', () => {
  it('gives a load the modules that the recording has for it', async () => {
    await recordedRun(path('load'), echo, '\x04');
    const [header] = linesOf(path('load'));
    const at = { turn: 1, instructions: 1, virtualTime: 1 };
    const modules = [{ path: '/gone.ts', sha256: '8'.repeat(64), code: '' }];
    const call = { kind: 'call', at, method: 'load', params: { files: ['list.modules'], settings: { a: 'b' } } };
    const write = (): void => {
      const entries = [{ kind: 'modules', modules }, call].map((each) => JSON.stringify(each));
      writeFileSync(path('load'), sealed([header!, ...entries]));
    };
    const emptyHash = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
    write();
    const error: unknown = await checkedRecording(readRecording(path('load'))).catch((reason: unknown) => reason);
    expect(error).to.be.instanceOf(RecordingError);
    modules[0]!.sha256 = emptyHash;
    write();
    const { items } = await checkedRecording(readRecording(path('load')));
    expect(items).to.have.length(1);
    const [item] = items;
    const { params } = (item as { event: { params: { files: string[]; settings: object } } }).event;
    expect(params.settings).to.deep.equal({ a: 'b' });
    expect(params.files.map((file) => readFileSync(file, 'utf8'))).to.deep.equal(['']);
    expect(params.files[0]).to.match(/e3b0c442.*_gone\.mjs$/);
    // No folder can be made below a file.
    const kept = process.env.XDG_CACHE_HOME;
    process.env.XDG_CACHE_HOME = path('load');
    try {
      const elsewhere = await checkedRecording(readRecording(path('load')));
      const [{ event }] = elsewhere.items as unknown as [{ event: { params: { files: string[] } } }];
      expect(event.params.files.map((file) => readFileSync(file, 'utf8'))).to.deep.equal(['']);
    } finally {
      if (kept === undefined) delete process.env.XDG_CACHE_HOME;
      else process.env.XDG_CACHE_HOME = kept;
    }
  });

  const failure = (recording: string): Promise<unknown> => replay(recording).catch((error: unknown) => error);

  it('an image that is another one now, and one that is gone', async () => {
    const kernel = folder.write('guest.bin', readFileSync(echo.kernel));
    await recordedRun(path('image'), { ...echo, kernel }, '\x04');
    folder.write('guest.bin', Uint8Array.of(0xf4));
    const changed = await failure(path('image'));
    expect(changed).to.be.instanceOf(RecordingError);
    expect((changed as RecordingError).message).to.include(
      `${kernel} has another content than when the run was recorded`,
    );
    rewrite(path('image'), (text) => text.replaceAll('guest.bin', 'gone.bin'));
    expect(((await failure(path('image'))) as RecordingError).message).to.match(/gone\.bin does not exist/);
  });

  it('a module that is another one now; but not one whose code it has', async () => {
    const code = readFileSync(cpuidCount, 'utf8');
    const module = folder.write('count.ts', code);
    const own = { file: path('own code'), withCode: true };
    await recordedRun(path('module'), { modules: [module] });
    const recorded = await recordedRun(own.file, { modules: [module], record: own });
    folder.write('count.ts', code.replace('this.count++', 'this.count += 2'));
    expect(((await failure(path('module'))) as RecordingError).message).to.include(
      `module ${module} has another content`,
    );
    const { outcome, extensions } = await replay(own.file);
    expect([outcome, extensions]).to.deep.equal(['replayed', recorded.extensions]);
  });

  it('code that does not have its hash', async () => {
    const own = { file: path('forged'), withCode: true };
    await recordedRun(own.file, { record: own });
    rewrite(own.file, (text) => text.replace('this.count++', 'this.count--'));
    expect(((await failure(own.file)) as RecordingError).message).to.include('does not have the recorded hash');
  });
});
