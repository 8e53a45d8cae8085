// SPDX-License-Identifier: LGPL-2.1-only
// A machine whose thread waits in a system call: the report comes, and nothing is left running.
import { expect } from 'chai';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import type { RunReport } from '../../../src/bfm/worker/run_request.js';
import { temporaryFolder } from '../../driver/node/temporary_folder.js';
import { bfm, root } from '../bfm_process.js';
import { Fifo } from '../fifo.js';

const folder = temporaryFolder();

/** A module whose handler of CPUID does something to the system. @param call of `builtin`, Node's own modules by name. */
const handling = (name: string, call: string): string =>
  folder.write(
    `${name}.ts`,
    `import { ExitContribution, ExitReason, vcpuModule } from 'bareflank';
     const builtin = (name: string) => (globalThis as any).process.getBuiltinModule(name);
     export default vcpuModule(({ bind }) => bind(ExitContribution).toConstantValue({
       name: '${name}', reasons: [ExitReason.Cpuid], handleExit() { ${call}; return false; } }));`,
  );

describe('A blocked worker', () => {
  let fifo: Fifo;
  before(function () {
    if (process.platform !== 'linux') this.skip();
    fifo = new Fifo(join(folder.path, 'fifo'));
  });

  it('that waits for a child process is ended with its report', async () => {
    const module = handling('executes', `builtin('node:child_process').execSync('sleep 600')`);
    const { status, stderr } = await bfm('run', '--guest', 'cpuid', '--append', '3', '-m', module);
    expect(stderr).to.match(/^bfm: extension executes did not return from exit 10 \(cpuid\)$/m);
    expect(status).to.equal(3);
  });

  it('that nothing ends is killed with its process, after the report', async () => {
    const module = handling('reads', `builtin('node:fs').readFileSync(${JSON.stringify(fifo.path)})`);
    const { status, stdout } = await bfm('run', '--guest', 'cpuid', '--append', '3', '--json', '-m', module);
    const report = JSON.parse(stdout) as RunReport;
    expect(report).to.include({ outcome: 'dead', forced: true });
    expect(report.detail).to.match(/^extension reads did not return from exit 10 \(cpuid\)\n/);
    expect(report.machine.stuck?.lastExits.at(-1)).to.include({ reason: 'cpuid' });
    expect(status, 'SIGKILL').to.equal(null);
  });

  it('leaves no background host behind when driver_load is interrupted', async () => {
    const module = folder.write(
      'loads.ts',
      `(globalThis as any).process.getBuiltinModule('node:fs').readFileSync(${JSON.stringify(fifo.path)}, 'utf8');`,
    );
    const request = {
      memoryBytes: 1 << 24,
      kernel: join(root, 'build/guests/echo.bin'),
      append: '',
      modules: [module],
    };
    const path = join(folder.path, 'm.sock');
    const host = spawn(process.execPath, [join(root, 'build/src/bfm/host/host_process.js'), path], {
      detached: true,
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    const gone = new Promise((resolve) => host.once('exit', (_status, signal) => resolve(signal)));
    host.send({ request, path });
    await fifo.hasReader();
    host.disconnect();
    expect(await gone).to.equal('SIGKILL');
    fifo.release();
  });
});
