// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { createHash } from 'node:crypto';
import { chmodSync, chownSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Fifo } from '../fifo.js';
import { readRecording } from '../../../src/bfm/recording/read_recording.js';
import { RecordingError } from '../../../src/bfm/recording/recording_error.js';
import { RunRecording } from '../../../src/bfm/recording/run_recording.js';
import { temporaryFolder } from '../../driver/node/temporary_folder.js';
import { root } from '../bfm_process.js';
import { cpuidCount, cpuidRun, recordedRun } from './own_run.js';

const folder = temporaryFolder();
const sha256 = (file: string): string => createHash('sha256').update(readFileSync(file)).digest('hex');

describe('RunRecording', () => {
  it('has the request with the modules of a list by their own names, the hashes of all files, and the end', async () => {
    const file = join(folder.path, 'whole.bfr');
    const list = join(root, 'extensions/hypervisor_example_cpuidcount/cpuidcount.modules');
    const image = folder.write('disk.img', new Uint8Array(512));
    const disks = [{ path: image, isWritable: false }];
    const report = await recordedRun(file, { modules: [list], disks });
    const { header, entries } = readRecording(file);
    expect(header.request).to.deep.equal({ ...cpuidRun, disks });
    expect(header.core).to.equal(sha256(join(root, 'build/cpu/cpu.wasm')));
    expect(header.files).to.deep.equal([cpuidRun.kernel, image].map((path) => ({ path, sha256: sha256(path) })));
    expect(header.modules).to.have.length(1);
    expect(header.modules[0]).to.include({ path: cpuidCount }).and.not.have.property('code');
    const { instructions, virtualTime, stateHash: hash } = report.machine;
    expect(entries).to.deep.equal([{ kind: 'end', outcome: 'powered-off', instructions, virtualTime, hash }]);
  });

  it('has what was typed, and the code of modules on demand, with no path of this computer in it', async () => {
    const file = join(folder.path, 'code.bfr');
    await recordedRun(file, { record: { file, withCode: true } }, 'hello');
    const { header, entries } = readRecording(file);
    const { code, sha256: hash } = header.modules[0]!;
    expect(createHash('sha256').update(code!).digest('hex')).to.equal(hash);
    expect(code).to.include('from "bareflank"').and.not.include(root);
    expect(entries[0]).to.deep.include({ kind: 'event', event: { kind: 'typed', bytes: [...Buffer.from('hello')] } });
  });

  it('does not have how code was compiled, which changes speed only', async () => {
    const file = join(folder.path, 'tier.bfr');
    await recordedRun(file, { tier: 'off' });
    expect(readRecording(file).header.request).not.to.have.property('tier');
  });

  it('is for its owner only', async () => {
    const file = join(folder.path, 'private.bfr');
    const recording = await RunRecording.begin({ file, withCode: false }, cpuidRun);
    recording.close();
    expect(statSync(file).mode & 0o777).to.equal(0o600);
  });

  it('is for its owner only in a file that everybody could read before', async function () {
    if (process.platform === 'win32') this.skip();
    const file = folder.write('public.bfr', 'old');
    chmodSync(file, 0o644);
    (await RunRecording.begin({ file, withCode: false }, cpuidRun)).close();
    expect(statSync(file).mode & 0o777).to.equal(0o600);
  });

  it('is not written into a file of another user', async function () {
    // Only root can give a file away.
    if (process.getuid?.() !== 0) this.skip();
    const file = folder.write('foreign.bfr', 'old');
    chownSync(file, 65534, 65534);
    const failure: unknown = await RunRecording.begin({ file, withCode: false }, cpuidRun).catch(
      (error: unknown) => error,
    );
    expect((failure as Error).message).to.match(/cannot be written: it belongs to another user/);
  });

  it('does not wait for the reader of a pipe that has none', async function () {
    if (process.platform === 'win32') this.skip();
    const { path } = new Fifo(join(folder.path, 'pipe'));
    const failure: unknown = await recordedRun(path).catch((error: unknown) => error);
    expect(failure)
      .to.be.instanceOf(RecordingError)
      .with.property(
        'message',
        `the recording ${path} cannot be written: it is a pipe that no program reads; start the reader first`,
      );
  });

  it('says why it cannot be written', async () => {
    const file = join(folder.path, 'not/there.bfr');
    const failure: unknown = await recordedRun(file).catch((error: unknown) => error);
    expect(failure)
      .to.be.instanceOf(RecordingError)
      .with.property('message')
      .that.matches(/there\.bfr cannot be written/);
  });
});
