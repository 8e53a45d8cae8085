// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, closeSync, openSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { buildFolder, packageRoot } from '../../src/driver/node/package_paths.js';
import { temporaryFolder } from '../driver/node/temporary_folder.js';

const isFull = process.env.BAREFLANK_FULL === '1';
const hasGdb = spawnSync('gdb', ['--version']).status === 0;
const page = readFileSync(join(packageRoot, 'docs', 'when_it_dies.md'), 'utf8');
const sources = join(packageRoot, 'docs', 'when_it_dies');
const bfm = join(buildFolder, 'src', 'bfm', 'main.js');

/** Left-out output. */
const GAP = '…';

/** A command of the page, and what it prints. */
interface Session {
  readonly arguments: readonly string[];
  /** What is typed into GDB. */
  readonly gdb: readonly string[];
  readonly expected: readonly string[];
}

/** The fenced blocks of a language. */
const blocks = (language: string, text = page): string[] =>
  [...text.matchAll(new RegExp('^```' + language + '\n([^]*?)^```$', 'gm'))].map(([, block]) => block!);

function sessionsOf(text: string): Session[] {
  return blocks('console', text).map((block) => {
    const [command = '', ...lines] = block.trimEnd().split('\n');
    return {
      arguments: /^\$ npx bfm (.*)$/.exec(command)![1]!.split(' '),
      gdb: lines.flatMap((line) => /^\(gdb\) (.*)$/.exec(line)?.[1] ?? []),
      expected: lines.filter((line) => !line.startsWith('(gdb) ')),
    };
  });
}

/** The page under each of its headings. */
const sections = new Map(
  page
    .split(/^## /m)
    .slice(1)
    .map((text) => [text.split('\n')[0]!, text]),
);

/** Where the VMM has its structures depends on what it has allocated, and how wide a column is, on its cells. */
const plain = (line: string): string =>
  line
    .replace(/0x10[0-9a-f]{7}\b/g, '0x10.......')
    .replace(/ {2,}/g, '  ')
    .trimEnd();

describe('docs/when_it_dies.md', function () {
  this.timeout(120_000);
  const folder = temporaryFolder();
  let machine: ChildProcess | undefined;

  before(() => {
    // A socket wants a folder of its owner.
    chmodSync(folder.path, 0o700);
    for (const name of ['docs', 'extensions']) symlinkSync(join(packageRoot, name), join(folder.path, name));
  });
  afterEach(() => machine?.kill('SIGKILL'));

  const linesOf = (output: string): string[] =>
    output.replaceAll(`${packageRoot}/`, '').replaceAll(`${folder.path}/`, '').split('\n').map(plain);

  /** Runs GDB with these commands. Both of its outputs go to one file, which keeps their order. */
  async function shownByGdb(typed: readonly string[]): Promise<string> {
    const file = join(folder.path, 'gdb.output');
    const output = openSync(file, 'w');
    const gdb = spawn('gdb', ['-q', '-nx', '-batch', ...typed.flatMap((line) => ['-ex', line])], {
      cwd: folder.path,
      stdio: ['ignore', output, output],
    });
    await once(gdb, 'close');
    closeSync(output);
    return readFileSync(file, 'utf8');
  }

  async function run(session: Session): Promise<string[]> {
    const child = spawn(process.execPath, [bfm, ...session.arguments], {
      cwd: folder.path,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    machine = child;
    const texts = { stdout: '', stderr: '' };
    child.stdout.on('data', (bytes: Buffer) => (texts.stdout += bytes.toString()));
    const waits = new Promise<void>((resolve) => {
      child.stderr.on('data', (bytes: Buffer) => {
        texts.stderr += bytes.toString();
        if (texts.stderr.includes('waits for GDB')) resolve();
      });
    });
    const closed = once(child, 'close');
    let shown = '';
    if (session.gdb.length > 0) {
      await Promise.race([waits, closed]);
      const typed = ['set pagination off', 'set confirm off', ...session.gdb];
      shown = await shownByGdb(typed);
    }
    await closed;
    return linesOf(session.gdb.length > 0 ? shown : texts.stdout + texts.stderr);
  }

  /** Each line in its order; without a gap before it, directly behind the one before. GDB's own lines come in between. */
  function expectLines(session: Session, output: readonly string[]): void {
    let at = 0;
    let mayLeaveOut = session.gdb.length > 0;
    for (const line of session.expected) {
      if (line === GAP) {
        mayLeaveOut = true;
        continue;
      }
      const found = output.indexOf(plain(line), at);
      expect(found, `${line}\nis missing in\n${output.slice(at).join('\n')}`).to.be.at.least(0);
      if (!mayLeaveOut) expect(output.slice(at, found), `before ${line}`).to.deep.equal([]);
      at = found + 1;
      mayLeaveOut = session.gdb.length > 0;
    }
  }

  async function performs(session: Session): Promise<void> {
    expectLines(session, await run(session));
  }

  it('has the sources of its folder, each as it is there', () => {
    const shown = [...page.matchAll(/^`(\w+\.ts)`.*\n\n```ts\n([^]*?)^```$/gm)].map(([, name, text]) => [name, text]);
    const files = readdirSync(sources).sort();
    expect(shown.map(([name]) => name).sort()).to.deep.equal(files);
    for (const [name, text] of shown)
      expect(readFileSync(join(sources, name!), 'utf8').replace(/^.*SPDX.*\n/, ''), name).to.equal(text);
  });

  it("'s first mistake prints what the page says", async () => {
    await performs(sessionsOf(sections.get('A wrong host selector')!)[0]!);
  });

  if (!isFull) return;

  for (const [heading, text] of sections)
    it(`prints what it says: ${heading}`, async function () {
      const sessions = sessionsOf(text);
      expect(sessions).to.have.length.greaterThan(0);
      for (const session of sessions) {
        if (session.gdb.length === 0 || hasGdb) await performs(session);
        else if (process.env.CI === 'true') throw new Error('CI needs gdb');
        else process.stderr.write('    (a session of GDB is left out: there is no gdb)\n');
      }
    });

  it('has cures that cure', async () => {
    const ended: string[] = [];
    for (const text of sections.values())
      for (const cure of blocks('diff', text)) {
        const [, name] = /^`(\w+\.ts)`/m.exec(text)!;
        const session = sessionsOf(text)
          .filter(({ arguments: [command] }) => command === 'run')
          .at(-1)!;
        const file = `cured_${name!}`;
        folder.write(file, patched(readFileSync(join(sources, name!), 'utf8'), cure));
        const cured = session.arguments.map((each) => (each.endsWith(name!) ? file : each)).join(' ');
        const output = await run({
          ...session,
          arguments: cured.replace(/ --record \S+| --trace-vmcs/, '').split(' '),
        });
        ended.push(output.find((line) => /^bfm: /.test(line)) ?? output.join('\n'));
        if (name === 'page_guard.ts') expect(output.join('\n')).to.match(/page-guard: accesses +1$/m);
      }
    expect(ended).to.have.length(3);
    for (const line of ended) expect(line).to.match(/^bfm: the guest (switched the power off|wrote 0)/);
  });
});

/** A source with the lines of a diff: those with - go, and those with + come in their place. */
function patched(source: string, diff: string): string {
  const lines = source.split('\n');
  let at = 0;
  for (const line of diff.trimEnd().split('\n')) {
    const text = line.slice(1).trim();
    if (line.startsWith('-')) {
      at = lines.findIndex((each) => each.trim() === text);
      expect(at, `the line of the cure: ${text}`).to.be.at.least(0);
      lines.splice(at, 1);
    } else lines.splice(at++, 0, text);
  }
  return lines.join('\n');
}
