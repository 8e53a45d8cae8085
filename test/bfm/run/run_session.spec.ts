// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { BroadcastChannel } from 'node:worker_threads';
import type { Problem } from '../../../src/bfm/failures/problem.js';
import type { RunRequest } from '../../../src/bfm/worker/run_request.js';
import { RunFailedError } from '../../../src/bfm/run/run_failed_error.js';
import { RunSession } from '../../../src/bfm/run/run_session.js';
import { temporaryFolder } from '../../driver/node/temporary_folder.js';
import { root } from '../bfm_process.js';
import { sink } from '../text_sinks.js';

const endless: RunRequest = {
  kernel: join(root, 'build/guests/cpuid.bin'),
  append: '1000000000000',
  memoryBytes: 16 << 20,
  processors: 1,
  cpu: 'skylake-client',
  modules: [join(root, 'extensions/hypervisor_example_cpuidcount/cpuidcount.modules')],
  settings: {},
  start: 'boot',
  pace: 'fast',
  testDevice: false,
};

const folder = temporaryFolder();

describe('RunSession', () => {
  // An open channel keeps the process alive.
  const closing: InstanceType<typeof BroadcastChannel>[] = [];
  afterEach(() => closing.splice(0).forEach((channel) => channel.close()));

  it('ends the worker at the second interrupt, and reports what the machine had counted', async () => {
    const console = {
      write(): void {
        // The first one stops the machine at the next quantum; the second does not wait for it.
        session.interrupt();
        session.interrupt();
      },
    };
    const session = new RunSession(endless, { console, vmm: sink(), colours: false });
    const report = await session.run();
    expect(report).to.include({ outcome: 'interrupted', forced: true, extensions: null });
    expect(report.machine.instructions).to.be.greaterThan(100);
    expect(report.machine.virtualTime).to.be.at.least(report.machine.instructions);
    expect(report.machine.exits.vmcall, 'the start').to.equal(1);
    expect(report.machine.exits.cpuid).to.be.greaterThan(0);
  });

  const hanging: Record<string, string> = {
    'the loading of the modules': 'export default vcpuModule(() => { for (;;); });',
    'the start of the VMM': `export default vcpuModule(({ bind }) =>
      bind(VmcsContribution).toConstantValue({ name: 'set-up', setUp() { for (;;); } }));`,
    'the reports of extensions or the end of the VMM': `export default vcpuModule(({ bind }) =>
      bind(ReportContribution).toConstantValue({ name: 'report', report() { for (;;); } }));`,
  };
  for (const [what, code] of Object.entries(hanging)) {
    it(`ends code of an extension that keeps it from ${what}`, async () => {
      const imports = `import { ReportContribution, vcpuModule, VmcsContribution } from 'bareflank';`;
      const file = folder.write(`${what.replaceAll(' ', '_')}.ts`, `${imports}\n${code}\n`);
      const request = { ...endless, append: '1', modules: [file] };
      const options = { console: sink(), vmm: sink(), colours: false, callPatience: 1500 };
      expect(await new RunSession(request, options).run()).to.include({
        outcome: 'dead',
        detail: `${what} did not come to its end`,
        forced: true,
      });
    });
  }

  it('stops at the next VM exit, with all reports, under an extension whose handlers are slow', async () => {
    const channel = new BroadcastChannel('slow handler');
    closing.push(channel);
    const called = new Promise((resolve) => (channel.onmessage = resolve));
    const file = folder.write(
      'slow.ts',
      `import { ExitContribution, ExitReason, ReportContribution, vcpuModule } from 'bareflank';
       class Slow {
         readonly name = 'slow'; readonly reasons = [ExitReason.Cpuid]; spent = 1;
         handleExit() {
           new BroadcastChannel('slow handler').postMessage('called');
           for (let at = 0; at < 5_000_000; at++) this.spent = (this.spent * 31 + at) | 0;
           return false;
         }
         report() { return { isThere: 'yes' }; }
       }
       export default vcpuModule(({ bind }) => {
         bind(Slow).toSelf(); bind(ExitContribution).toService(Slow); bind(ReportContribution).toService(Slow);
       });`,
    );
    const session = new RunSession({ ...endless, modules: [file] }, { console: sink(), vmm: sink(), colours: false });
    const report = session.run();
    await called;
    session.interrupt();
    expect(await report).to.deep.include({ outcome: 'interrupted', extensions: { slow: { isThere: 'yes' } } });
  });

  it('stops at the end of a quantum though no message of the worker has been read', async () => {
    const session = new RunSession(endless, { console: sink(), vmm: sink(), colours: false });
    const report = session.run();
    // This thread takes no message while it waits.
    const never = new Int32Array(new SharedArrayBuffer(4));
    while (session.control.heartbeat === 0) Atomics.wait(never, 0, 0, 1);
    session.interrupt();
    expect(await report)
      .to.include({ outcome: 'interrupted' })
      .and.not.have.property('forced');
  });

  it('stops the machine while nobody reads its console, and goes on when somebody does', async () => {
    // MOV EDX, 3F8H; MOV AL, 'x'; again: OUT DX, AL; JMP again
    const flood = folder.write('flood.bin', Buffer.from('baf8030000b078eeebfd', 'hex'));
    const taken: (() => void)[] = [];
    let bytes = 0;
    let enough = Infinity;
    let isEnough = (): void => {};
    const console = {
      write(chunk: string | Uint8Array, written?: () => void): void {
        bytes += chunk.length;
        if (written !== undefined) taken.push(written);
        if (bytes >= enough) isEnough();
      },
    };
    const reaches = (count: number): Promise<void> => {
      enough = count;
      return new Promise((resolve) => (isEnough = resolve));
    };
    const mostUnread = (1 << 18) + 4096;
    const full = reaches(1 << 18);
    const session = new RunSession(
      { ...endless, kernel: flood, append: '', modules: [], start: 'off' },
      { console, vmm: sink(), colours: false },
    );
    const report = session.run();
    await full;
    // A machine that does not wait prints some hundred thousand bytes meanwhile.
    for (let turn = 0; turn < 1000; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(bytes).to.be.at.most(mostUnread);
    const more = reaches(bytes + (1 << 17));
    for (const written of taken.splice(0)) written();
    await more;
    session.interrupt();
    expect(await report).to.include({ outcome: 'interrupted' });
  });

  it('types all of a long text at a guest, however slowly it reads', async () => {
    const text = 'typed!'.repeat(5000);
    const console = sink();
    const session = new RunSession(
      {
        ...endless,
        kernel: join(root, 'build/guests/echo.bin'),
        append: '',
        modules: [],
        start: 'off',
        until: `${text}.`,
      },
      { console, vmm: sink(), colours: false },
    );
    const report = session.run();
    await session.type(Buffer.from(`${text}.`));
    expect(await report).to.include({ outcome: 'reached' });
  });

  /** Runs the cpuid guest under a module of which this is the code. */
  const under = (name: string, code: string, options: Partial<RunRequest> = {}) => {
    const head = `import { ExitContribution, ExitReason, ReportContribution, VcpuContribution, vcpuModule, VmcsContribution } from 'bareflank';`;
    const request = {
      ...endless,
      append: '3',
      modules: [folder.write(`${name}.ts`, `${head}\n${code}\n`)],
      ...options,
    };
    return new RunSession(request, { console: sink(), vmm: sink(), colours: false }).run();
  };
  const failure = (name: string, code: string): Promise<RunFailedError> =>
    under(name, code).then(
      () => expect.fail('it ran'),
      (error: unknown) => error as RunFailedError,
    );

  for (const [point, method] of [
    ['VmcsContribution', 'setUp'],
    ['VcpuContribution', 'onInit'],
    ['VcpuContribution', 'onRun'],
    ['ReportContribution', 'report'],
  ] as const)
    it(`refuses an async ${method}, however its Promise settles`, async () => {
      const { problem } = await failure(
        `async_${method}`,
        `export default vcpuModule(({ bind }) => bind(${point}).toConstantValue(
           { name: 'mine', async ${method}() { await Promise.resolve(); throw new Error('nobody hears of this'); } } as never));`,
      );
      expect(problem.what).to.include(`${method}() of the contribution 'mine' returned a Promise`);
    });

  it('refuses a module function that is async', async () => {
    const { problem } = await failure(
      'async_module',
      'export default vcpuModule(async () => { await Promise.resolve(); });',
    );
    expect(problem.what).to.match(/async_module\.ts: its module function returned a Promise: it must bind at once$/);
  });

  it('reports an unhandled rejection with its place, and all else that is known', async () => {
    const report = await under(
      'stray',
      `const fail = async () => { await Promise.resolve(); throw new Error('nobody hears of this'); };
       export default vcpuModule(({ bind }) => bind(ExitContribution).toConstantValue(
         { name: 'stray', reasons: [ExitReason.Cpuid], handleExit() { void fail(); return false; } }));`,
      { realClock: true },
    );
    expect(report.outcome).to.equal('error');
    expect(report.detail).to.match(
      /an extension failed in a Promise or timer that nobody waits for: Error: nobody hears of this\n {4}at fail \(.*stray\.ts:2:\d+\)/,
    );
    expect(report.machine.exits.cpuid).to.equal(3);
  });

  it('takes no message of an extension for one of the machine’s', async () => {
    const report = await under(
      'messages',
      `const { parentPort } = (globalThis as any).process.getBuiltinModule('node:worker_threads');
       for (const message of [null, undefined, 5, 'text', [], { kind: 'ended' }, { kind: 'console', bytes: 7 }, { seal: 'x', message: null }])
         parentPort.postMessage(message);
       export default vcpuModule(() => {});`,
    );
    expect(report).to.include({ outcome: 'powered-off' });
  });

  /** The problem of a run that a module makes impossible. */
  async function problemUnder(name: string, code: string): Promise<Problem> {
    const file = folder.write(
      `${name}.ts`,
      `import { ExitContribution, ExitReason, vcpuModule } from 'bareflank';\n${code}`,
    );
    const session = new RunSession({ ...endless, modules: [file] }, { console: sink(), vmm: sink(), colours: false });
    const error = await session.run().then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).to.be.instanceOf(RunFailedError);
    return (error as RunFailedError).problem;
  }

  it('says that an extension ended the thread of the machine', async () => {
    const problem = await problemUnder(
      'exits',
      `export default vcpuModule(({ bind }) => bind(ExitContribution).toConstantValue(
         { name: 'exits', reasons: [ExitReason.Cpuid], handleExit: () => process.exit(7) }));`,
    );
    expect(problem.what).to.match(
      /^an extension's code ended the machine's thread, with status 7: do not call process/,
    );
    expect(problem.found).to.equal('process.exit(7)');
  });

  it('names the module that ended the thread of the machine while it was loaded', async () => {
    const problem = await problemUnder('exits_at_once', `process.exit(0); export default vcpuModule(() => {});`);
    expect(problem.what).to.match(/with status 0, during the loading of module \/.*exits_at_once\.ts: do not call/);
  });

  it('names the module whose top-level await never ends, and says what to do', async () => {
    const problem = await problemUnder('waits', `await new Promise(() => {}); export default vcpuModule(() => {});`);
    expect(problem).to.include({ name: 'ModuleFileError' });
    expect(problem.what).to.match(/waits\.ts: its top-level await has not come to its end: await only what/);
  });

  it('names the module that blocks while it is loaded', async () => {
    const file = folder.write(
      'blocks.ts',
      `import { vcpuModule } from 'bareflank'; for (;;) {} export default vcpuModule(() => {});`,
    );
    const session = new RunSession(
      { ...endless, modules: [file] },
      { console: sink(), vmm: sink(), colours: false, callPatience: 1000 },
    );
    expect((await session.run()).detail).to.match(/^the loading of module \/.*blocks\.ts did not come to its end$/);
  });

  it('counts a time-out from the first instruction of the guest, however long the start takes', async () => {
    const options = { console: sink(), vmm: sink(), colours: false, timeout: 0.001 };
    const { outcome, detail, forced } = await new RunSession(endless, options).run();
    expect([outcome, forced]).to.deep.equal(['timeout', undefined]);
    expect(detail).to.match(/^processor 0, /);
  });

  it('leaves no timer of a time-out behind when a replay says several times that it runs', async () => {
    const report = { outcome: 'replayed', detail: '', machine: {}, extensions: {}, milliseconds: 0 };
    const file = folder.write(
      'runs_twice.mjs',
      `import { parentPort, workerData } from 'node:worker_threads';
       for (const message of [{ kind: 'running' }, { kind: 'running' }, { kind: 'ended', report: ${JSON.stringify(report)} }])
         parentPort.postMessage({ seal: workerData.seal, message });`,
    );
    const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    // Mocha sets its own timer when the test waits for the first time.
    await Promise.resolve();
    const before = timers();
    const options = { console: sink(), vmm: sink(), colours: false, timeout: 1000 };
    expect(await new RunSession({}, options, pathToFileURL(file)).run()).to.deep.equal(report);
    expect(timers()).to.equal(before);
  });

  it('says so if it was interrupted before the guest ran', async () => {
    const session = new RunSession(endless, { console: sink(), vmm: sink(), colours: false });
    const report = session.run();
    session.interrupt();
    expect(await report).to.deep.include({
      outcome: 'interrupted',
      detail: 'before the guest ran',
      machine: { exits: {}, instructions: 0, virtualTime: 0, debugExit: null },
    });
  });
});
