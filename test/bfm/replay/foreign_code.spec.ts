// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readRecording } from '../../../src/bfm/recording/read_recording.js';
import { RecordingError } from '../../../src/bfm/recording/recording_error.js';
import { refuseForeignCode } from '../../../src/bfm/replay/foreign_code.js';
import { temporaryFolder } from '../../driver/node/temporary_folder.js';
import { bfm } from '../bfm_process.js';
import { cpuidCount, recordedRun, rewrite } from '../recording/own_run.js';

const folder = temporaryFolder();

/** A recording with the code of a module, whose file is then another one. */
async function withCode(name: string): Promise<{ file: string; module: string }> {
  const module = folder.write(`${name}.ts`, readFileSync(cpuidCount, 'utf8'));
  const file = join(folder.path, `${name}.bfr`);
  await recordedRun(file, { modules: [module], record: { file, withCode: true } });
  return { file, module };
}

describe('refuseForeignCode', () => {
  it('lets a recording run the code that this computer has, and one without code', async () => {
    const { file } = await withCode('own');
    await refuseForeignCode(readRecording(file));
    const plain = join(folder.path, 'plain.bfr');
    await recordedRun(plain);
    await refuseForeignCode(readRecording(plain));
  });

  it('refuses other code, in the first line and in a later load, and code that cannot be bundled here', async () => {
    const { file, module } = await withCode('other');
    folder.write('other.ts', 'export {}; // changed');
    const error: unknown = await refuseForeignCode(readRecording(file)).catch((reason: unknown) => reason);
    expect(error).to.be.instanceOf(RecordingError);
    expect((error as Error).message).to.match(
      /brings code that is not .*\n.*other\.ts \(\d+ characters\)\nadd --allow/,
    );
    folder.write('other.ts', 'no TypeScript (');
    expect(await refuseForeignCode(readRecording(file)).catch((reason: unknown) => reason)).to.be.instanceOf(Error);
    rewrite(file, (text) => {
      const [, modules] = /"modules":(\[\{"path".*\])\}$/m.exec(text)!;
      return text.replace(modules!, '[]').replace('\n', `\n{"kind":"modules","modules":${modules}}\n`);
    });
    const later: unknown = await refuseForeignCode(readRecording(file)).catch((reason: unknown) => reason);
    expect((later as Error).message).to.include(module);
  });

  it('is what bfm replay does before it runs anything, unless --allow-code is there', async () => {
    const { file } = await withCode('command');
    folder.write('command.ts', 'export {}; // changed');
    const refused = await bfm('replay', file, '--json');
    expect([
      refused.status,
      (JSON.parse(refused.stdout) as { error: { expected: string } }).error.expected,
    ]).to.deep.equal([1, '--allow-code']);
    expect((await bfm('replay', file, '--allow-code')).status).to.equal(0);
  });
});
