// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { Command } from 'commander';
import sinon from 'sinon';
import { runCommandLine } from '../../../src/bfm/cli/command_line.js';
import { commandTable } from '../../../src/bfm/cli/command_table.js';
import { examples, exampleText } from '../../../src/bfm/cli/examples.js';
import { temporaryFolder } from '../../driver/node/temporary_folder.js';
import { bfm } from '../bfm_process.js';

const folder = temporaryFolder();

/** The paths of all commands: `vmcall`, `vmcall string` … */
async function paths(): Promise<string[]> {
  const found: string[] = [];
  const visit = (command: Command, path: string): void => {
    found.push(path);
    for (const each of command.commands) visit(each, `${path} ${each.name()}`);
  };
  for (const load of Object.values(commandTable)) {
    const command = await load({ done: () => {}, program: new Command() });
    visit(command, command.name());
  }
  return found;
}

/** The status of a command line in this process, where no machine is. */
async function inProcess(words: readonly string[]): Promise<number> {
  const stubs = (['stdout', 'stderr'] as const).map((name) => sinon.stub(process[name], 'write').returns(true));
  const before = process.env.XDG_RUNTIME_DIR;
  const here = process.cwd();
  process.env.XDG_RUNTIME_DIR = folder.path;
  // The files that examples name are not there.
  process.chdir(folder.path);
  try {
    return await runCommandLine(words);
  } finally {
    process.chdir(here);
    for (const stub of stubs) stub.restore();
    if (before === undefined) delete process.env.XDG_RUNTIME_DIR;
    else process.env.XDG_RUNTIME_DIR = before;
  }
}

describe('examples', () => {
  it('belong to commands that there are, and each command has one', async () => {
    const own = ['run', 'describe', 'driver_load'];
    expect(Object.keys(examples).sort()).to.deep.equal((await paths()).filter((path) => !own.includes(path)).sort());
  });

  it('are in the help', async () => {
    const [run, load, json, overview] = await Promise.all([
      bfm('run', '--help'),
      bfm('load', '--help'),
      bfm('vmcall', 'string', 'json', '--help'),
      bfm('--help'),
    ]);
    expect(run.stdout).to.include('Examples:\n');
    expect(load.stdout).to.include('Examples:\n  bfm load cpuidcount ');
    expect(json.stdout).to.include('Example:\n  bfm vmcall string json \'{"get":"count"}\' ');
    expect(overview.stdout).to.include('bfm new extension hello').and.to.include('BFM_TRACE=1');
    expect([run, load, json, overview].map(({ status }) => status)).to.deep.equal([0, 0, 0, 0]);
  });

  it('are aligned', () => {
    const lines = exampleText('load').split('\n').slice(2);
    expect(lines).to.have.length(3);
    expect(new Set(lines.map((line) => /^ {2}(?:\S+ )+ +/.exec(line)![0].length)).size).to.equal(1);
    expect(exampleText('explore'), 'a long one').to.match(
      /^ {2}bfm explore .*\n {4}an EPT hook .*\n {2}bfm replay missed/m,
    );
    expect(exampleText('nothing')).to.equal('');
  });

  it('of commands that act on a machine are understood', async () => {
    const withoutMachine = ['guest', 'new', 'test', 'completion'];
    const lines = Object.entries(examples)
      .filter(([path]) => !withoutMachine.includes(path.split(' ')[0]!))
      .flatMap(([, own]) => own.map(([line]) => line));
    expect(lines.length).to.be.greaterThan(20);
    for (const line of lines) {
      const words = [...line.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(([, a, b, c]) => a ?? b ?? c!);
      expect(words.shift()).to.equal('bfm');
      // There is no machine, or no such file, which only a command line that was understood finds out.
      expect(await inProcess(words), line).to.equal(1);
    }
  });
});
