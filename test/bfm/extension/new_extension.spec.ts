// SPDX-License-Identifier: LGPL-2.1-only
// The launch.json of a new extension, tried as VS Code's two debuggers use it.
import { expect } from 'chai';
import { spawn, type ChildProcess, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeExtension } from '../../../src/bfm/extension/new_extension.js';
import { DEFAULT_GDB_PORT } from '../../../src/bfm/gdb/gdb_address.js';
import { DEFAULT_INSPECT_PORT } from '../../../src/bfm/options/inspect_address.js';
import { temporaryFolder } from '../../driver/node/temporary_folder.js';
import { ended, startBfm } from '../bfm_process.js';
import { skipWithoutGdb } from '../gdb/stock_gdb.js';
import { symbolFileForGdb } from '../gdb/symbol_file_for_gdb.js';
import { atBreakpoint, debuggerOf, type InspectorClient } from '../worker/inspector_client.js';

type Configuration = Readonly<Record<string, unknown>>;

/** What a stream says from now on, until it has said something. */
function said(child: ChildProcessWithoutNullStreams, stream: 'stdout' | 'stderr', wanted: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    child[stream].on('data', (data) => {
      text += String(data);
      if (wanted.test(text)) resolve(text);
    });
    child.once('exit', () => reject(new Error(text)));
  });
}

describe('makeExtension', () => {
  const parent = temporaryFolder();
  let folder: string;
  let file: string;
  let configurations: readonly Configuration[];
  const children: ChildProcess[] = [];
  let client: InspectorClient | undefined;
  before(() => {
    folder = makeExtension('hello', parent.path);
    file = join(folder, 'hello.ts');
    const text = readFileSync(join(folder, '.vscode', 'launch.json'), 'utf8');
    ({ configurations } = JSON.parse(text) as { configurations: readonly Configuration[] });
  });
  afterEach(() => {
    client?.close();
    children.splice(0).forEach((child) => child.kill('SIGKILL'));
  });

  it('writes a launch.json whose debuggers attach where bfm listens without another address', () => {
    expect(configurations[0]).to.include({
      ...{ type: 'node', request: 'attach', address: '127.0.0.1', port: DEFAULT_INSPECT_PORT },
      // Otherwise VS Code reads no source map outside the workspace, where the bundle is.
      resolveSourceMapLocations: null,
    });
    expect(configurations[1]).to.include({
      ...{ type: 'cppdbg', request: 'launch', MIMode: 'gdb', program: '${workspaceFolder}/vmlinux' },
      miDebuggerServerAddress: `localhost:${DEFAULT_GDB_PORT}`,
    });
    expect(configurations).to.have.length(2);
  });

  it('writes a handler that stops at a breakpoint by its line of TypeScript, while the guest waits', async () => {
    const line = readFileSync(file, 'utf8')
      .split('\n')
      .findIndex((text) => text.includes('this.count++'));
    const address = configurations[0]!.address as string;
    const child = startBfm([
      ...['run', '--guest', 'cpuid', '--append', '3', '-m', join(folder, 'hello.modules'), '--json'],
      `--inspect-brk=${address}:0`,
    ]);
    children.push(child);
    const end = ended(child);
    client = await debuggerOf(child, file, line);
    const seen: unknown[] = [];
    for (let exit = 0; exit < 3; exit++) {
      seen.push(await atBreakpoint(client, 'this.count'));
      await client.send('Debugger.resume');
    }
    expect(seen).to.deep.equal([0, 1, 2].map((value) => ({ functionName: 'handleExit', value })));
    const { status, stdout, stderr } = await end;
    expect(status, stderr).to.equal(0);
    const { extensions } = JSON.parse(stdout) as { extensions: { hello: { count: number } } };
    expect(extensions.hello.count).to.equal(3);
  });

  it('has a debugger of the guest whose commands GDB takes', async function () {
    skipWithoutGdb.call(this);
    const run = [
      'run',
      '--guest',
      'cpuid',
      '--append',
      '3',
      '-m',
      join(folder, 'hello.modules'),
      '--gdb',
      '0',
      '--wait',
    ];
    const machine = startBfm(run);
    children.push(machine);
    machine.stdin.end();
    const end = ended(machine);
    const [, port] = /target remote :(\d+)/.exec(await said(machine, 'stderr', /target remote :\d+'/))!;
    const { program, miDebuggerServerAddress, MIMode } = configurations[1] as Record<string, string>;
    const vmlinux = program!.replace('${workspaceFolder}', folder);
    // The CPUID of this guest.
    writeFileSync(vmlinux, symbolFileForGdb({ next_cpuid: 0x200053n }));
    const gdb = spawn(MIMode!, ['-q', '-nx', '--interpreter=mi']);
    children.push(gdb);
    const server = miDebuggerServerAddress!.replace(String(DEFAULT_GDB_PORT), port!);
    // What the debugger of the extension "C/C++" sends for such a configuration.
    for (const [command, answer] of [
      [`-file-exec-and-symbols "${vmlinux}"`, /\^done/],
      [`-target-select remote ${server}`, /\^connected/],
      ['-break-insert -f next_cpuid', /\^done,bkpt=.*func="next_cpuid"|\^done,bkpt=.*at="<next_cpuid/],
      ['-exec-continue', /\*stopped,reason="breakpoint-hit".*addr="0x0000000000200053"/],
      ['-thread-info', /\^done,threads=.*processor 0, active, 64-bit, VMX non-root operation/],
      ['-data-evaluate-expression $rip', /\^done,value="0x200053/],
      ['-break-delete 1', /\^done/],
      ['-exec-continue', /\*stopped.*/],
      ['-exec-continue', /exited-normally/],
    ] as const) {
      const answered = said(gdb, 'stdout', answer);
      gdb.stdin.write(`${command}\n`);
      await answered;
    }
    gdb.stdin.end();
    expect((await end).status).to.equal(0);
  });
});
