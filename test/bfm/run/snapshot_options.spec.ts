// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { resolve } from 'node:path';
import { UsageError } from '../../../src/bfm/failures/usage_error.js';
import { checkRestore, checkSaved, saveRequest, type SnapshotOptions } from '../../../src/bfm/run/snapshot_options.js';
import type { RunRequest } from '../../../src/bfm/worker/run_request.js';

const none: SnapshotOptions = {
  append: '',
  cpus: '1',
  cpu: 'a model',
  testDevice: false,
};
const save = (options: Partial<SnapshotOptions>) => saveRequest({ ...none, ...options });
const restore = (options: Partial<SnapshotOptions>) => (): void =>
  checkRestore({ ...none, restore: 'file', ...options }, { cpu: 'a model', cpus: '1' });

describe('saveRequest', () => {
  it('takes digits as instructions, all else and text:… as a text', () => {
    expect(save({})).to.equal(undefined);
    expect(save({ save: 'x', saveAt: '1000' })).to.deep.equal({ path: resolve('x'), at: 1000 });
    expect(save({ save: 'x', saveAt: 'login:' })?.at).to.equal('login:');
    expect(save({ save: 'x', saveAt: 'text:1000' })?.at).to.equal('1000');
    expect(save({ save: 'x', saveAt: '5', verifyState: true })?.verifies).to.equal(true);
  });

  it('refuses one option without the other, an impossible moment, and --until', () => {
    const wrong: readonly (readonly [Partial<SnapshotOptions>, RegExp])[] = [
      [{ save: 'x' }, /--save wants --save-at/],
      [{ verifyState: true }, /--verify-state wants --save FILE/],
      [{ saveAt: '5' }, /--save-at wants --save FILE/],
      [{ save: '', saveAt: '5' }, /--save '': it must be the name of a file/],
      [{ save: 'x', saveAt: '' }, /--save-at ''/],
      [{ save: 'x', saveAt: 'text:' }, /--save-at text:/],
      [{ save: 'x', saveAt: '12x' }, /--save-at 12x: it must be a number of instructions, or 'text:…'/],
      [{ save: 'x', saveAt: '-1' }, /--save-at -1/],
      [{ save: 'x', saveAt: '0' }, /--save-at 0: it must be a number of instructions from 1/],
      [{ save: 'x', saveAt: '99999999999999999' }, /a number of instructions from 1 to/],
      [{ save: 'x', saveAt: '5', until: 'y' }, /exclude each other/],
    ];
    for (const [options, message] of wrong) expect(() => save(options)).to.throw(UsageError, message);
  });
});

describe('checkRestore', () => {
  it('takes what does not say which machine it is', () => {
    restore({ start: 'late', until: 'd' })();
    checkRestore({ ...none, kernel: 'k', cpus: '4' }, { cpu: 'a model', cpus: '1' });
  });

  it('names the options that the snapshot decides', () => {
    const options = { guest: 'g', initrd: ['i'], append: 'a', memory: '64M', cpus: '2', cpu: 'other', rtc: 'r' };
    expect(restore(options)).to.throw(
      UsageError,
      '--restore excludes --guest, --initrd, --append, --memory, --cpu, --cpus, --rtc: the snapshot says',
    );
    expect(restore({ testDevice: true })).to.throw('--restore excludes --test-device');
    expect(restore({ kernel: 'k' })).to.throw('--restore excludes --kernel');
    expect(restore({ start: 'boot' })).to.throw(UsageError, '--start boot');
  });
});

describe('checkSaved', () => {
  const check = (request: Partial<RunRequest>) => (): void =>
    checkSaved({ save: { path: 'x', at: 1 }, start: 'off', ...request } as RunRequest);

  it('refuses what a snapshot cannot hold yet, by name', () => {
    check({ disks: [{ path: 'd', isWritable: false }] })();
    checkSaved({ start: 'boot', disks: [{ path: 'd', isWritable: true }] } as unknown as RunRequest);
    const changes = { disks: [{ path: 'd', isWritable: true }] };
    check(changes)();
    expect(check({ ...changes, start: 'late', save: { path: 'x', at: 1, verifies: true } })).to.throw(
      UsageError,
      'would change d',
    );
    expect(check({ save: { path: 'x', at: 1, verifies: true } })).to.throw(UsageError, 'no VMM would run');
    check({ save: { path: 'x', at: 1, verifies: true }, start: 'late' })();
    check({ save: { path: 'x', at: 1, verifies: true }, isRestored: true })();
  });
});
