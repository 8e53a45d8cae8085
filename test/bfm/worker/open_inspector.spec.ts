// SPDX-License-Identifier: LGPL-2.1-only
// What VS Code and Chrome DevTools do: they find the thread, and set a breakpoint in a TypeScript file by the source map of the bundle.
import { expect } from 'chai';
import { createServer } from 'node:net';
import { temporaryFolder } from '../../driver/node/temporary_folder.js';
import { bfm, ended, startBfm } from '../bfm_process.js';
import { atBreakpoint, attachedTo, debuggerOf, type InspectorClient } from './inspector_client.js';

const source = `import { ExitContribution, ExitReason, ReportContribution, state, vcpuModule } from 'bareflank';
class Doubling {
  readonly name = 'doubling';
  readonly reasons: readonly ExitReason[] = [ExitReason.Cpuid];
  @state() private count: number = 0;
  handleExit(): boolean {
    const twice: number = this.count * 2;
    this.count = twice - this.count + 1;
    return false;
  }
  report() { return { count: this.count }; }
}
export default vcpuModule(({ bind }) => {
  bind(Doubling).toSelf();
  bind(ExitContribution).toService(Doubling);
  bind(ReportContribution).toService(Doubling);
});
`;
/** From 0. */
const line = source.split('\n').findIndex((text) => text.includes('this.count = twice'));

describe('openInspector', () => {
  const folder = temporaryFolder();
  const file = folder.write('doubling.ts', source);
  const run = ['run', '--guest', 'cpuid', '--append', '5', '-m', file, '--json'];
  const children = new Set<ReturnType<typeof startBfm>>();
  let client: InspectorClient | undefined;
  afterEach(() => {
    client?.close();
    children.forEach((child) => child.kill('SIGKILL'));
  });

  /** A run with a debugger that has set a breakpoint in the handler, and has let the modules be loaded. */
  async function debugged() {
    const child = startBfm([...run, '--inspect-brk=0']);
    children.add(child);
    const connected = await debuggerOf(child, file, line);
    client = connected;
    return { child, client: connected };
  }

  it('lets a debugger stop in a handler, in TypeScript, read a local variable and go on; the run ends as without it', async () => {
    const alone = await bfm(...run);
    const { child, client } = await debugged();
    const end = ended(child);
    const values: unknown[] = [];
    for (let hit = 0; hit < 5; hit++) {
      const { functionName, value } = await atBreakpoint(client, '[twice, this.count, this.name].join()');
      values.push(functionName, value);
      await client.send('Debugger.resume');
    }
    expect(values).to.deep.equal([0, 1, 2, 3, 4].flatMap((count) => ['handleExit', `${2 * count},${count},doubling`]));
    // The inspector hangs up at the end: no debugger keeps the run alive.
    await client.next('closed');
    const { status, stdout, stderr } = await end;
    expect(status, stderr).to.equal(0);
    const reportOf = (text: string): unknown => ({ ...(JSON.parse(text) as object), milliseconds: 0 });
    expect(reportOf(stdout)).to.deep.equal(reportOf(alone.stdout));
  });

  it('ends a run at a breakpoint at the second Ctrl-C, as one without a debugger', async () => {
    const { child, client } = await debugged();
    const end = ended(child);
    await client.next('Debugger.paused');
    // Two different signals, so that none is lost: bfm takes each for a Ctrl-C.
    child.kill('SIGINT');
    child.kill('SIGTERM');
    const { status, stdout, stderr } = await end;
    expect(status, stderr).to.equal(130);
    const report = JSON.parse(stdout) as { outcome: string; extensions: Record<string, { count: number }> };
    expect(report.outcome).to.equal('interrupted');
    expect(report.extensions.doubling!.count, 'the handler came to its end').to.be.greaterThan(0);
  });

  it('ends a run whose handler does not return, as one without a debugger', async () => {
    const hangs = folder.write('hangs.ts', source.replace(/return false/, 'for (;;);'));
    const child = startBfm(['run', '--guest', 'cpuid', '--append', '5', '-m', hangs, '--json', '--inspect-brk=0']);
    children.add(child);
    const end = ended(child);
    client = await attachedTo(child);
    await client.send('Runtime.runIfWaitingForDebugger');
    await client.next('closed');
    const { status, stdout, stderr } = await end;
    expect(status, stderr).to.equal(3);
    expect(JSON.parse(stdout)).to.include({ outcome: 'dead', forced: true });
  });

  it('says if the port is taken', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const { port } = server.address() as { port: number };
      const { status, stderr } = await bfm(...run.slice(0, -1), `--inspect=${port}`);
      expect(status).to.equal(1);
      expect(stderr).to.include(`bfm: the inspector cannot listen on 127.0.0.1:${port}\n`);
    } finally {
      server.close();
    }
  });
});
