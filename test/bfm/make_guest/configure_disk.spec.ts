// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { GuestError } from '../../../src/bfm/guests/guest_error.js';
import { configureDisk } from '../../../src/bfm/make_guest/configure_disk.js';
import { Progress } from '../../../src/bfm/make_guest/progress.js';
import { packageRoot } from '../../../src/driver/node/package_paths.js';
import { FLAT_IMAGE_ADDRESS } from '../../../src/machine/boot/flat_image.js';
import { assemble } from '../../support/assembler.js';
import { temporaryFolder } from '../../driver/node/temporary_folder.js';

const folder = temporaryFolder();

const include = (name: string): string[] =>
  readFileSync(join(packageRoot, 'guests', 'include', name), 'utf8')
    .split('\n')
    .map((line) => line.replace(/#.*/, ''));

/** A kernel that prints a text and switches the power off. */
function kernelThatSays(text: string): string {
  const code = [
    'lea rsi, [rip + text]',
    'call print',
    'call power_off',
    ...include('console.s'),
    ...include('power.s'),
  ];
  return folder.write('kernel', assemble([...code, 'text:', `.asciz "${text}"`], 64, FLAT_IMAGE_ADDRESS));
}

describe('configureDisk', () => {
  const configure = (kernel: string, signal = new AbortController().signal): Promise<void> =>
    configureDisk(
      {
        kernel,
        disk: folder.write('disk.img', Buffer.alloc(512)),
        commandLine: '',
        memory: '64M',
      },
      2,
      { result: '', work: '', progress: new Progress({ write: () => {} }, false), signal, extraPackages: [] },
    );

  it('succeeds if the guest says at the end that all is configured', async () => {
    await configure(kernelThatSays('Setting up a ...\\r\\ndebian-disk: configured\\r\\n'));
  });

  it('shows the last lines of a guest that fails', async () => {
    const failing = configure(kernelThatSays('dpkg: error\\r\\ndebian-disk: dpkg failed\\r\\n'));
    const error = await failing.catch((each: unknown) => each);
    expect(error).to.be.instanceOf(GuestError);
    expect((error as GuestError).message).to.match(
      /could not be configured \(powered-off\)[^]*dpkg: error\ndebian-disk: dpkg failed/,
    );
  });

  it('refuses a disk that the guest could not leave clean', async () => {
    const unclean = configure(kernelThatSays('debian-disk: configured\\r\\ndebian-disk: the disk is not clean\\r\\n'));
    expect(await unclean.catch((each: unknown) => each)).to.be.instanceOf(GuestError);
  });

  it('does not begin if the user does not want it any more', async () => {
    const error = await configure('no such kernel', AbortSignal.abort()).catch((each: unknown) => each);
    expect(error).to.have.property('name', 'AbortError');
  });
});
