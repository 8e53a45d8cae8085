// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { Command } from 'commander';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { machineOptions } from '../../../src/bfm/run/machine_options.js';
import { GuestCache } from '../../../src/bfm/guests/guest_cache.js';
import { guestCatalog, type GuestName } from '../../../src/bfm/guests/guest_catalog.js';
import { GuestError } from '../../../src/bfm/guests/guest_error.js';
import { FaultsError } from '../../../src/bfm/failures/faults_error.js';
import { FileError } from '../../../src/bfm/failures/file_error.js';
import { checkRunOptions } from '../../../src/bfm/run/run_options.js';
import type { RunOptions } from '../../../src/bfm/run/run_options.js';
import { packageRoot } from '../../../src/driver/node/package_paths.js';
import { defaultOptions } from './default_options.js';
import { UsageError } from '../../../src/bfm/failures/usage_error.js';

const defaults: RunOptions = { ...defaultOptions, memory: '64M' };

/** Made with the folder, below. */
const empty = join(tmpdir(), `bfm-options-empty-${process.pid}`);

/** Puts a guest into a cache, as `bfm guest` does. */
function keepGuest(cacheHome: string, name: GuestName): Promise<void> {
  const entry = guestCatalog[name];
  return new GuestCache(join(cacheHome, 'bareflank')).keep(entry, (into) => {
    for (const file of Object.values(entry.files)) writeFileSync(join(into, file), file);
    return Promise.resolve([]);
  });
}

describe('checkRunOptions', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'bfm-options-'));
    mkdirSync(join(folder, 'hypervisor_one'));
    writeFileSync(join(folder, 'hypervisor_one', 'one.modules'), '{}');
    writeFileSync(join(folder, 'kernel'), 'k');
    writeFileSync(empty, '');
  });
  after(() => {
    rmSync(folder, { recursive: true });
    rmSync(empty);
  });

  const check = (options: Partial<RunOptions>): ReturnType<typeof checkRunOptions> =>
    checkRunOptions({ ...defaults, kernel: join(folder, 'kernel'), ...options }, false);

  it('starts the VMM at boot with modules, and not without', () => {
    expect(check({}).start).to.equal('off');
    expect(check({ module: [join(folder, 'hypervisor_one', 'one.modules')] }).start).to.equal('boot');
  });

  it('takes the cost of a VM exit, and leaves out that of the default', () => {
    expect(check({ exitCost: '1500' }).exitCost).to.equal(1500);
    for (const exitCost of [undefined, '0']) expect(check({ exitCost } as never)).not.to.have.property('exitCost');
    for (const exitCost of ['', '-1', '1.5', '1000001', 'x'])
      expect(() => check({ exitCost })).to.throw(UsageError, '--exit-cost');
  });

  it('takes files of names, with an offset behind the last @', () => {
    const map = join(folder, 'kernel');
    const odd = join(folder, 'a@0x10');
    writeFileSync(odd, 's');
    expect(check({ symbols: [map, `${map}@0x20`, `${map}@-16`, odd, `${odd}@5`] }).symbols).to.deep.equal([
      { file: map },
      { file: map, offset: '32' },
      { file: map, offset: '-16' },
      { file: odd },
      { file: odd, offset: '5' },
    ]);
    expect(check({})).not.to.have.property('symbols');
    expect(() => check({ symbols: [`${map}@here`] })).to.throw(UsageError, /--symbols FILE@OFFSET: here/);
    expect(() => check({ symbols: ['none.map'] })).to.throw(FileError, /--symbols none.map/);
  });

  it('takes the name of a processor model, and refuses another with the list', () => {
    expect(check({ cpu: 'cascadelake-server' }).cpu).to.equal('cascadelake-server');
    for (const cpu of ['', 'Skylake-Client', 'skylake', 'constructor'])
      expect(() => check({ cpu })).to.throw(
        UsageError,
        /--cpu .*a processor model: skylake-client or cascadelake-server/,
      );
  });

  it('finds an extension by its name in a folder given by -e', () => {
    const wanted = [join(folder, 'hypervisor_one', 'one.modules')];
    expect(check({ module: ['one'], extensions: [folder] }).modules).to.deep.equal(wanted);
    expect(check({ module: ['hypervisor_one'], extensions: [join(folder, 'hypervisor_one')] }).modules).to.deep.equal(
      wanted,
    );
  });

  it('finds an extension of the package without being told where', () => {
    expect(check({ module: ['cpuidcount'] }).modules[0]).to.match(/hypervisor_example_cpuidcount/);
  });

  it('takes a virtio console with a file for its output, and one for what is typed', () => {
    const [output, input] = [join(folder, 'hvc0'), join(folder, 'kernel')];
    expect(check({ virtioConsole: output }).virtioConsole).to.deep.equal({ output });
    expect(check({ virtioConsole: `${output},input=${input}` }).virtioConsole).to.deep.equal({ output, input });
    expect(check({}).virtioConsole).to.equal(undefined);
  });

  it('takes disks, which the guest may change only if that is said', () => {
    const kernel = join(folder, 'kernel');
    expect(check({ disk: [kernel] }).disks).to.deep.equal([{ path: kernel, isWritable: false }]);
    expect(check({ disk: [`${kernel},write`] }).disks).to.deep.equal([{ path: kernel, isWritable: true }]);
    expect(check({ disk: [kernel, kernel] }).disks).to.have.length(2);
    expect(() => check({ disk: [kernel, `${kernel},write`] })).to.throw(UsageError, /is named twice/);
    expect(() => check({ disk: new Array<string>(30).fill(kernel) })).to.throw(UsageError, /at most 29 disks/);
  });

  const wrong: [string, Partial<RunOptions>, new (message: string) => Error, RegExp][] = [
    ['both a guest and a kernel', { guest: 'cpuid' }, UsageError, /exclude each other/],
    ['more processors', { cpus: '9' }, UsageError, /--cpus 9.*1 to 8/],
    ['an unknown start', { start: 'never' }, UsageError, /boot, late or off/],
    [
      'a text for a start that is not late',
      { start: 'boot', startAt: 'x' },
      UsageError,
      /--start-at is for --start late/,
    ],
    ['a senseless time-out', { timeout: '-1' }, UsageError, /positive number/],
    ['a time-out beyond what timers can', { timeout: '1e9' }, UsageError, /at most 2147483/],
    ['an empty text', { until: '' }, UsageError, /--until/],
    ['a number for a date', { rtc: '5' }, UsageError, /--rtc 5: it must be a date and time such as/],
    ['a date with a month that there is not', { rtc: '2020-13-01' }, UsageError, /a date and time such as/],
    ['a day that the year does not have', { rtc: '2100-02-29' }, UsageError, /--rtc 2100-02-29: it must be a date/],
    ['a day that the month does not have', { rtc: '2021-04-31T12:00' }, UsageError, /--rtc 2021-04-31T12:00/],
    ['a senseless date', { rtc: 'yesterday' }, UsageError, /a date and time such as/],
    ['a missing kernel', { kernel: '/does/not/exist' }, FileError, /no such file/],
    ['a kernel without a name', { kernel: '' }, UsageError, /--kernel '': it must be the name of a file/],
    ['a folder as kernel', { kernel: '/' }, FileError, /is a folder/],
    ['a missing RAM disk', { initrd: ['/does/not/exist'] }, FileError, /--initrd .*no such file/],
    ['a folder as RAM disk', { initrd: ['/'] }, FileError, /--initrd .*is a folder/],
    ['an empty RAM disk', { initrd: [empty] }, FileError, /--initrd .*is an empty file/],
    ['a missing disk', { disk: ['/does/not/exist,write'] }, FileError, /--disk .*no such file/],
    ['a folder as disk', { disk: ['/'] }, FileError, /--disk .*is a folder/],
    ['a console without an output', { virtioConsole: ',input=x' }, UsageError, /--virtio-console/],
    [
      'a console with a missing input',
      { virtioConsole: 'x,input=/gone' },
      FileError,
      /--virtio-console .*no such file/,
    ],
    ['a disk without a name', { disk: [',write'] }, UsageError, /--disk/],
    ['a fraction of memory', { memory: '1.5G' }, UsageError, /--memory 1\.5G: it must be a whole number and a unit/],
    ['no memory', { memory: '0' }, UsageError, /--memory 0/],
    ['a time-out that is not a number', { timeout: 'abc' }, UsageError, /--timeout abc: it must be a positive number/],
    ['a time-out of nothing', { timeout: '0' }, UsageError, /--timeout 0: it must be a positive number/],
    ['a device as kernel', { kernel: '/dev/null' }, FileError, /it is a device, not a file/],
    [
      'a missing module file',
      { module: ['no_such_extension'] },
      FileError,
      /no such file, and no extension of that name/,
    ],
    ['a folder as module', { module: ['/'] }, FileError, /^-m \/: it is a folder, not a file, and no extension has/],
    [
      'a folder with a module file as module',
      { module: [join(packageRoot, 'extensions/hypervisor_example_vpid')] },
      FileError,
      /it is a folder, not a file.* \(there is .*vpid\.modules\)$/,
    ],
    ['a file as extension folder', { extensions: [empty] }, FileError, /^-e .*: it is a file, not a folder$/],
    ['a missing extension folder without -m', { extensions: ['/does/not/exist'] }, FileError, /no such folder/],
    ['a missing extension folder', { extensions: ['/does/not/exist'], module: ['x'] }, FileError, /no such folder/],
  ];
  for (const [what, options, kind, message] of wrong) {
    it(`refuses ${what}`, () => {
      expect(() => check(options)).to.throw(kind, message);
    });
  }

  it('refuses a virtio console that would replace a file which the machine reads', () => {
    const kernel = join(folder, 'kernel');
    const file = join(folder, 'other');
    writeFileSync(file, 'x');
    const options: Partial<RunOptions>[] = [
      { virtioConsole: kernel },
      { virtioConsole: file, disk: [`${file},write`] },
      { virtioConsole: file, initrd: [`${file} arguments`] },
      { virtioConsole: `${file},input=${file}` },
    ];
    for (const each of options) expect(() => check(each)).to.throw(UsageError, /would replace a file/);
    expect(check({ virtioConsole: file }).virtioConsole).to.deep.equal({ output: file });
  });

  it('refuses to save over a file which the machine reads, except the snapshot that it goes on from', () => {
    const kernel = join(folder, 'kernel');
    const file = join(folder, 'saved');
    writeFileSync(file, 'x');
    const saved = { save: file, saveAt: '5' };
    for (const options of [
      { ...saved, save: kernel },
      { ...saved, disk: [file] },
      { ...saved, virtioConsole: file },
    ])
      expect(() => check(options)).to.throw(UsageError, /--save .* would replace a file/);
    expect(() => check({ ...saved, save: folder })).to.throw(UsageError, /--save .*: it is a folder, not a file/);
    const { kernel: _, memory: __, ...others } = { ...defaults, ...saved, restore: file };
    expect(checkRunOptions(others, false).save).to.deep.equal({ path: file, at: 5 });
  });

  it('takes a recording that replaces nothing of the machine, and no clock of the host with it', () => {
    const kernel = join(folder, 'kernel');
    const file = join(folder, 'new.bfr');
    expect(check({ record: file }).record).to.deep.equal({ file, withCode: false });
    expect(check({ record: file, withCode: true }).record).to.deep.equal({ file, withCode: true });
    expect(check({ realClock: true }))
      .to.include({ realClock: true })
      .and.not.have.property('record');
    for (const [options, why] of [
      [{ record: kernel }, /--record .*kernel would replace a file/],
      [{ save: kernel, saveAt: 'x' }, /--save .*kernel would replace a file/],
      [{ record: file, virtioConsole: file }, /--record .*new\.bfr would replace a file/],
      [{ record: '' }, /--record/],
      [{ withCode: true }, /give --record too/],

      [{ record: file, save: join(folder, 'new'), saveAt: 'x' }, /--record excludes --save, which ends the run/],
      [{ record: file, realClock: true }, /--record and --real-clock exclude each other/],
    ] as const)
      expect(() => check(options), JSON.stringify(options)).to.throw(UsageError, why);
  });

  it('takes an extension before a file of its name in the current folder, and the file by its path', () => {
    const before = process.cwd();
    writeFileSync(join(folder, 'cpuidcount'), '{}');
    writeFileSync(join(folder, 'another'), '{}');
    try {
      process.chdir(folder);
      expect(check({ module: ['cpuidcount'] }).modules[0]).to.match(/hypervisor_example_cpuidcount/);
      expect(check({ module: ['./cpuidcount', 'another'] }).modules.map((path) => basename(path))).to.deep.equal([
        'cpuidcount',
        'another',
      ]);
    } finally {
      process.chdir(before);
    }
  });

  it('runs our own guest under modules if nothing is said', () => {
    const module = [join(folder, 'hypervisor_one', 'one.modules')];
    expect(checkRunOptions({ ...defaults, module }, false).kernel).to.match(/guests\/cpuid\.bin$/);
    expect(() => checkRunOptions(defaults, false)).to.throw(UsageError, /say what to run/);
  });

  it('tells all faults of a command line at once, a wrong value before what is missing', () => {
    const options = {
      ...defaults,
      cpus: '9',
      memory: '1',
      pace: 'slow',
      rtc: 'x',
      timeout: '0',
      start: 'x',
      until: '',
    };
    const files = { module: ['gone'], disk: ['/gone/disk'], initrd: ['/gone/a', '/gone/b'], set: ['x'] };
    expect(() => checkRunOptions({ ...options, ...files }, false))
      .to.throw(FaultsError)
      .with.property('message')
      .that.matches(
        /^--cpus 9: .*\nalso: --memory 1: .*\nalso: --timeout 0: .*\nalso: --until .*\nalso: --start x: .*\nalso: --pace slow: .*\nalso: --rtc x: .*\nalso: --set x: .*\nalso: -m gone: .*\nalso: --initrd \/gone\/a: .*\nalso: --initrd \/gone\/b: .*\nalso: --disk \/gone\/disk: [^\n]*$/,
      );
    expect(() => checkRunOptions({ ...defaults, cpus: '9' }, false)).to.throw(
      FaultsError,
      /^--cpus 9: .*\nalso: say what to run: --guest NAME, --kernel FILE or --restore FILE$/,
    );
  });

  it('keeps each --initrd', () => {
    const second = join(folder, 'hypervisor_one', 'one.modules');
    const command = machineOptions(new Command());
    command.parse(['--initrd', join(folder, 'kernel'), '--kernel', 'x', '--initrd', second], { from: 'user' });
    const { initrd } = command.opts<RunOptions>();
    expect(check({ initrd: initrd! }).initrd).to.deep.equal([
      { file: join(folder, 'kernel'), arguments: '' },
      { file: second, arguments: '' },
    ]);
    expect(check({}).initrd).to.equal(undefined);
  });

  it('splits --initrd into file and arguments, unless the whole text is the name of a file', () => {
    const file = join(folder, 'kernel');
    const spaced = join(folder, 'kernel with spaces');
    writeFileSync(spaced, 'k');
    expect(check({ initrd: [`${file} root=/dev/a  quiet`, spaced, `${file} `] }).initrd).to.deep.equal([
      { file, arguments: 'root=/dev/a  quiet' },
      { file: spaced, arguments: '' },
      { file, arguments: '' },
    ]);
    expect(() => check({ initrd: [`${folder}/missing quiet`] })).to.throw(FileError, /--initrd .*missing: .*no such/);
  });

  it('adds --append to the command line of a guest that bfm guest has made, which brings its RAM disk', async () => {
    const before = process.env.XDG_CACHE_HOME;
    process.env.XDG_CACHE_HOME = folder;
    try {
      expect(() => checkRunOptions({ ...defaults, guest: 'debian' }, false)).to.throw(GuestError, /bfm guest debian/);
      await keepGuest(folder, 'debian');
      const own = checkRunOptions({ ...defaults, guest: 'debian' }, false);
      expect(own.append).to.equal(guestCatalog.debian.commandLine);
      expect([own.kernel, own.initrd![0]!.file].map((path) => basename(path))).to.deep.equal(['vmlinuz', 'initrd']);
      const file = join(folder, 'kernel');
      const changed = checkRunOptions({ ...defaults, guest: 'debian', append: 'quiet', initrd: [file] }, false);
      expect(changed).to.deep.include({ append: `${own.append} quiet`, initrd: [{ file, arguments: '' }] });
    } finally {
      if (before === undefined) delete process.env.XDG_CACHE_HOME;
      else process.env.XDG_CACHE_HOME = before;
    }
  });

  it('puts the disk of a guest first, which the guest cannot change, and gives the guest the memory that it needs', async () => {
    const before = process.env.XDG_CACHE_HOME;
    process.env.XDG_CACHE_HOME = folder;
    try {
      await keepGuest(folder, 'debian-disk');
      const own = join(folder, 'bareflank/guests/debian-disk/disk.img');
      const options = { ...defaults, memory: undefined, guest: 'debian-disk' };
      const more = [`${join(folder, 'kernel')},write`];
      expect(checkRunOptions({ ...options, disk: more }, false)).to.deep.include({
        memoryBytes: 512 * 2 ** 20,
        disks: [
          { path: own, isWritable: false },
          { path: realpathSync(join(folder, 'kernel')), isWritable: true },
        ],
      });
      expect(checkRunOptions({ ...options, memory: '1G' }, false).memoryBytes).to.equal(2 ** 30);
      expect(() => checkRunOptions({ ...options, disk: [`${own},write`] }, false)).to.throw(UsageError, /named twice/);
      expect(checkRunOptions({ ...options, guest: 'cpuid' }, false).memoryBytes).to.equal(256 * 2 ** 20);
    } finally {
      if (before === undefined) delete process.env.XDG_CACHE_HOME;
      else process.env.XDG_CACHE_HOME = before;
    }
  });

  it('names the guests there are when one is unknown', () => {
    expect(() => checkRunOptions({ ...defaults, guest: 'nobody' }, false)).to.throw(UsageError, /no such guest.*cpuid/);
  });
});
