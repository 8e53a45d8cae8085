// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { Command } from 'commander';
import sinon from 'sinon';
import { runCommandLine } from '../../../src/bfm/cli/command_line.js';
import { commandTable } from '../../../src/bfm/cli/command_table.js';
import { temporaryFolder } from '../../driver/node/temporary_folder.js';

const folder = temporaryFolder();

/** Runs a command line in this process, where no machine is. */
async function bfm(line: readonly string[]): Promise<{ status: number; stdout: string; stderr: string }> {
  const texts = { stdout: '', stderr: '' };
  const stubs = (['stdout', 'stderr'] as const).map((name) =>
    sinon.stub(process[name], 'write').callsFake((text) => ((texts[name] += String(text)), true)),
  );
  const before = process.env.XDG_RUNTIME_DIR;
  process.env.XDG_RUNTIME_DIR = folder.path;
  try {
    return { status: await runCommandLine(line), ...texts };
  } finally {
    for (const stub of stubs) stub.restore();
    if (before === undefined) delete process.env.XDG_RUNTIME_DIR;
    else process.env.XDG_RUNTIME_DIR = before;
  }
}

const words = (line: string): string[] => line.split(' ').filter((word) => word !== '');

describe('The command line', () => {
  // Specs that have run a machine in this process have turned them on, and the frames of specs count as the user's then.
  before(() => process.setSourceMapsEnabled(false));

  describe('is refused with status 2 and one message', () => {
    const refused: [string, string, RegExp][] = [
      ['an unknown command', 'frobnicate', /unknown command 'frobnicate'/],
      ['an unknown command before a known one', 'frobnicate load x', /unknown command 'frobnicate'/],
      ['a guest that nobody can make', 'guest ubuntu', /^bfm: ubuntu: it must be one of debian, debian-disk\n/],
      ['an unknown option with one bar', 'status -z', /unknown option '-z'/],
      ['an unknown option with two bars', 'status --zzz', /unknown option '--zzz'/],
      ['an option of another command', 'start --vcpuid 1', /unknown option '--vcpuid'/],
      ['load without modules', 'load', /missing required argument 'modules'/],
      ['a superfluous argument', 'start now', /too many arguments/],
      ['--vcpuid without a value', 'dump --vcpuid', /argument missing/],
      ['--vcpuid that is not a number', 'dump --vcpuid zz', /--vcpuid zz: it must be a hexadecimal number/],
      ['--cpuid without a value', 'vmcall versions 1 --cpuid', /argument missing/],
      ['--cpuid that is not a number', 'vmcall versions 1 --cpuid 1x', /--cpuid 1x: it must be a hexadecimal number/],
      ['vmcall without a kind', 'vmcall', /Usage: bfm vmcall/],
      ['a vmcall of an unknown kind', 'vmcall frobnicate', /unknown command 'frobnicate'/],
      ['vmcall versions without an index', 'vmcall versions', /missing required argument 'index'/],
      ['vmcall versions without a number', 'vmcall versions a', /versions a: it must be a decimal number/],
      ['vmcall registers without a number', 'vmcall registers 1 zz', /register value zz/],
      ['vmcall registers with 12 values', 'vmcall registers 1 2 3 4 5 6 7 8 9 a b c', /12 values are too many: 11 fit/],
      ['vmcall registers with 15 values', 'vmcall registers 1 2 3 4 5 6 7 8 9 a b c d e f', /15 values are too many/],
      [
        'a --cpuid that no processor has',
        'vmcall event 1 --cpuid ffffffffffffffff',
        /--cpuid f+: it must be the number/,
      ],
      ['a machine that is named twice', '--machine a status --machine b', /--machine is given twice/],
      ['two words for a text', 'vmcall string unformatted hello there', /too many arguments/],
      ['two shells', 'completion bash zsh', /too many arguments/],
      ['two extensions', 'new extension a b', /too many arguments/],
      ['a value that is set twice', 'load cpuidcount --set a.b=1 --set a.b=2', /--set a\.b is given twice/],
      [
        'two wrong options of driver_load, at once',
        'driver_load --cpus 9 --memory 1',
        /^bfm: --cpus 9.*\nalso: --memory 1/,
      ],
      [
        'two wrong register values, at once',
        'vmcall registers 1 zz 2 xx',
        /register value zz: .*\nalso: register value xx/,
      ],
      [
        'modules that are not there, before the machine is',
        'load a_b c_d --set x',
        /--set x: .*\nalso: load a_b: .*\nalso: load c_d/,
      ],
      ['vmcall string without a type', 'vmcall string', /Usage: bfm vmcall string/],
      ['vmcall string of an unknown type', 'vmcall string shouted x', /unknown command 'shouted'/],
      ['vmcall string unformatted without a text', 'vmcall string unformatted', /missing required argument 'text'/],
      ['vmcall string json without JSON', 'vmcall string json', /missing required argument 'json'/],
      ['vmcall string json without JSON', 'vmcall string json {a', /not JSON/],
      ['vmcall data without a type', 'vmcall data', /Usage: bfm vmcall data/],
      ['vmcall data of an unknown type', 'vmcall data shouted x y', /unknown command 'shouted'/],
      ['vmcall data without files', 'vmcall data unformatted', /missing required argument 'ifile'/],
      ['vmcall data without a file to write', 'vmcall data unformatted x', /missing required argument 'ofile'/],
      ['vmcall unittest without an id', 'vmcall unittest', /missing required argument 'id'/],
      ['vmcall unittest without a number', 'vmcall unittest 10g', /unittest 10g: it must be a hexadecimal number/],
      ['vmcall event without an index', 'vmcall event', /missing required argument 'index'/],
      ['vmcall event without a number', 'vmcall event -1', /event -1: it must be a hexadecimal number/],
    ];
    for (const [what, line, message] of refused) {
      it(what, async () => {
        const { status, stderr, stdout } = await bfm(words(line));
        expect([status, stdout]).to.deep.equal([2, '']);
        expect(stderr)
          .to.match(message)
          .and.to.not.match(/\n\s+at /);
      });
    }
  });

  /** Each option of each command that has one value, twice: `run --guest x --guest x`. */
  async function repeatedOptions(): Promise<string[]> {
    const program = new Command();
    const commands = await Promise.all(Object.values(commandTable).map((load) => load({ done: () => {}, program })));
    const repeated = (command: Command, path: string): string[] => [
      ...command.options
        .filter((option) => !option.isBoolean() && !/repeatable/.test(option.description))
        .map(({ long }) => `${path} ${long} x ${long} x`),
      ...command.commands.flatMap((each) => repeated(each, `${path} ${each.name()}`)),
    ];
    return commands.flatMap((command) => repeated(command, command.name()));
  }

  it('is refused if an option that takes one value is repeated, for each option of each command', async () => {
    const lines = await repeatedOptions();
    expect(lines).to.include('run --guest x --guest x').and.to.include('dump --vcpuid x --vcpuid x');
    expect(lines.length).to.be.greaterThan(35);
    for (const line of lines) {
      const { status, stdout, stderr } = await bfm(words(line));
      expect([status, stdout], line).to.deep.equal([2, '']);
      expect(stderr, line).to.match(/^bfm: (--[a-z-]+) is given twice: it takes one value\nTry/);
    }
  });

  it('is refused with an empty command', async () => {
    const { status, stderr } = await bfm(['']);
    expect([status, /unknown command ''/.test(stderr)]).to.deep.equal([2, true]);
  });

  describe('is understood, and wants a machine', () => {
    const understood = [
      'load cpuidcount',
      'unload',
      'start',
      'stop',
      'quick cpuidcount',
      'dump',
      'dump --vcpuid 0x1',
      '--vcpuid ff dump',
      'vmcall versions 10',
      'vmcall versions 0xa --cpuid 0',
      '--cpuid 1 vmcall versions 1',
      'vmcall registers',
      'vmcall registers 1',
      'vmcall registers 1 2 3 4 5 6 7 8 9 a b',
      'vmcall string unformatted hello',
      'vmcall string json {"a":1}',
      'vmcall unittest 1001',
      'vmcall event ff',
      'driver_unload',
    ];
    for (const line of understood) {
      it(line, async () => {
        const { status, stderr, stdout } = await bfm(words(line));
        expect([status, stdout]).to.deep.equal([1, '']);
        expect(stderr).to.match(/^bfm: no machine/);
      });
    }

    it('status, whose answer that is', async () => {
      const { status, stdout, stderr } = await bfm(['status']);
      expect([status, stdout, stderr]).to.deep.equal([1, 'no machine (bfm driver_load starts one)\n', '']);
    });

    it('vmcall data, when the file is there', async () => {
      const file = folder.write('in.bin', 'bytes');
      expect((await bfm(['vmcall', 'data', 'unformatted', file, `${file}.out`])).stderr).to.match(/^bfm: no machine/);
      const { status, stderr } = await bfm(['vmcall', 'data', 'unformatted', '/nowhere', '/out']);
      expect([status, /\/nowhere cannot be read/.test(stderr)]).to.deep.equal([1, true]);
    });
  });

  describe('asks for help with status 0', () => {
    for (const line of ['', '-h', '--help', 'load --help', '-h load x', 'load x -h', 'vmcall string --help']) {
      it(`bfm ${line}`, async () => {
        const { status, stdout, stderr } = await bfm(words(line));
        expect([status, stderr]).to.deep.equal([0, '']);
        expect(stdout).to.match(/^Usage: bfm/);
      });
    }

    it('even together with an unknown option', async () => {
      expect((await bfm(['--help', '--zzz'])).status).to.equal(0);
    });
  });

  it('says after each refusal which help to read: that of the command', async () => {
    for (const [line, command] of [
      ['frobnicate', 'bfm'],
      ['vmcall event x', 'bfm vmcall event'],
      ['vmcall event', 'bfm vmcall event'],
      ['status --zzz', 'bfm status'],
      ['run --guest cpuid --cpus 9', 'bfm run'],
      ['--machine run start --vcpuid 1', 'bfm start'],
      ['start --machine a --machine b', 'bfm start'],
      ['new extension a b', 'bfm new extension'],
    ] as const)
      expect((await bfm(words(line))).stderr, line).to.include(`Try '${command} --help' for more information.\n`);
  });
});
