// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { RECORDING_VERSION, type RecordingHeader } from '../../../src/bfm/recording/recording_format.js';
import { filesHere } from '../../../src/bfm/replay/recorded_place.js';
import { sha256 } from '../../../src/driver/node/portable_bundle.js';
import { temporaryFolder } from '../../driver/node/temporary_folder.js';
import { cpuidRun } from '../recording/own_run.js';

const folder = temporaryFolder();
const names = ['kernel', 'initrd', 'disk', 'symbols', 'typed'] as const;

/** Files of a run in a folder of their own, and a recording elsewhere that names them. */
function recorded(name: string) {
  const [own, recordings] = [join(folder.path, name), join(folder.path, `${name} recordings`)];
  for (const each of [own, recordings]) mkdirSync(each);
  const at = (file: string): string => join(own, file);
  for (const file of names) writeFileSync(at(file), file);
  const header: RecordingHeader = {
    kind: 'recording',
    version: RECORDING_VERSION,
    core: sha256(''),
    modules: [],
    files: names.map((file) => ({ path: at(file), sha256: sha256(file) })),
    request: {
      ...cpuidRun,
      kernel: at('kernel'),
      initrd: [{ file: at('initrd'), arguments: 'a b' }],
      disks: [{ path: at('disk'), isWritable: true }],
      symbols: [{ file: at('symbols') }],
      virtioConsole: { output: at('output'), input: at('typed') },
    },
  };
  return { own, recordings, header, recording: join(recordings, 'recording') };
}

describe('filesHere', () => {
  it('takes the files from where they were', () => {
    const { header, recording } = recorded('same');
    expect(filesHere(recording, header)).to.deep.equal({ request: header.request, reasons: [] });
  });

  it('takes those that are elsewhere from the folder of the recording', () => {
    const { own, recordings, header, recording } = recorded('moved');
    for (const file of names) renameSync(join(own, file), join(recordings, file));
    const { request, reasons } = filesHere(recording, header);
    expect(reasons).to.deep.equal([]);
    expect(request).to.deep.equal({
      ...header.request,
      kernel: join(recordings, 'kernel'),
      initrd: [{ file: join(recordings, 'initrd'), arguments: 'a b' }],
      disks: [{ path: join(recordings, 'disk'), isWritable: true }],
      symbols: [{ file: join(recordings, 'symbols') }],
      virtioConsole: { output: join(own, 'output'), input: join(recordings, 'typed') },
    });
  });

  it('reads no device, which has no end, and no file whose content the recording does not say', () => {
    const { own, header, recording } = recorded('hostile');
    const device = { path: '/dev/zero', sha256: sha256('') };
    const { reasons } = filesHere(recording, {
      ...header,
      files: [...header.files.slice(1), device],
      request: { ...header.request, disks: [{ path: '/dev/zero', isWritable: false }] },
    });
    expect(reasons).to.deep.equal([
      '/dev/zero cannot be read: it is a device, not a file',
      `the recording does not say which content ${own}/kernel had`,
    ]);
  });

  it('takes none with another content, and says what is wrong with each', () => {
    const { own, recordings, header, recording } = recorded('wrong');
    writeFileSync(join(own, 'kernel'), 'another kernel');
    writeFileSync(join(recordings, 'kernel'), 'a third kernel');
    rmSync(join(own, 'disk'));
    expect(filesHere(recording, header).reasons).to.deep.equal([
      `${own}/kernel has another content than when the run was recorded`,
      `${own}/disk does not exist, and the recording's folder has no file of this name and content`,
    ]);
    const restored = { ...header, request: { ...header.request, isRestored: true as const } };
    expect(filesHere(recording, restored).reasons[0]).to.equal(
      `the snapshot ${own}/kernel, with which the run began, is another one now: its SHA-256 is ${sha256('another kernel')}, and the recording was made from ${sha256('kernel')}`,
    );
  });
});
