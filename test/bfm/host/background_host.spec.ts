// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { HostClient } from '../../../src/bfm/client/host_client.js';
import { bfm, ended, shows, startBfm } from '../bfm_process.js';
import { hostProcess, ownRuntimeFolder } from './host_machine.js';

/** Waits for the end of a process that was killed. */
async function untilGone(id: number): Promise<void> {
  for (;;) {
    try {
      process.kill(id, 0);
    } catch {
      return;
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe('The background host', () => {
  let own: ReturnType<typeof ownRuntimeFolder>;
  const on = (...args: string[]) => bfm('--machine', 'm', ...args);
  before(() => (own = ownRuntimeFolder()));
  after(() => own.close());

  it("is not there: status says how to get one, a command of the VMM's fails", async () => {
    const [status, named, start] = await Promise.all([
      bfm('status'),
      bfm('status', '--machine', 'nobody'),
      bfm('start'),
    ]);
    expect([status.status, status.stdout]).to.deep.equal([1, 'no machine (bfm driver_load starts one)\n']);
    expect([named.status, named.stdout]).to.deep.equal([
      1,
      'no machine nobody (bfm driver_load --machine nobody starts one)\n',
    ]);
    expect([start.status, start.stderr]).to.deep.equal([1, 'bfm: no machine (bfm driver_load starts one)\n']);
  });

  it('fails with the reason if its machine cannot begin', async () => {
    writeFileSync(join(own.folder, 'bad'), '');
    const { status, stderr } = await bfm('driver_load', '--kernel', join(own.folder, 'bad'));
    expect(status).to.equal(1);
    expect(stderr).to.match(/^bfm: bad is an empty file/);
  });

  it('is started once by commands that run at the same time, also over the socket of a killed one', async () => {
    for (let round = 0; round < 2; round++) {
      const results = await Promise.all(Array.from({ length: 4 }, () => own.load('raced')));
      const refused = results.filter(({ status }) => status !== 0);
      expect(results.filter(({ status }) => status === 0)).to.have.length(1);
      for (const { status, stderr } of refused) {
        expect(status).to.equal(1);
        expect(stderr).to.match(/^bfm: machine raced runs already; bfm driver_unload ends it/);
      }
      expect((await bfm('status', '--machine', 'raced')).stdout).to.equal('VMM_UNLOADED\n');
      const id = hostProcess(join(own.sockets, 'raced.sock'));
      process.kill(id, 'SIGKILL');
      await untilGone(id);
    }
    await bfm('driver_unload', '--machine', 'raced');
  });

  it('is lost, with the name of the module, if a module ends the thread of the machine while it is loaded', async () => {
    await own.load('ended');
    const file = join(own.folder, 'exits.ts');
    writeFileSync(
      file,
      `import { vcpuModule } from 'bareflank'; process.exit(0); export default vcpuModule(() => {});`,
    );
    const { status, stderr } = await bfm('load', file, '--machine', 'ended');
    expect(status).to.equal(1);
    expect(stderr).to.include(`with status 0, during the loading of module ${file}: do not call process.exit`);
  });

  describe('with a machine', () => {
    before(async () => expect((await own.load('m')).status).to.equal(0));

    it('listens on a socket for its owner only', () => {
      expect(statSync(join(own.sockets, 'm.sock')).mode & 0o777).to.equal(0o600);
      expect(statSync(own.sockets).mode & 0o777).to.equal(0o700);
    });

    it('is there once', async () => {
      const { status, stderr } = await bfm('driver_load', '--machine', 'm');
      expect(status).to.equal(1);
      expect(stderr).to.include('machine m runs already');
    });

    it('loads, starts, calls, dumps, stops, unloads', async () => {
      expect((await on('status')).stdout).to.equal('VMM_UNLOADED\n');
      for (const call of ['start', 'dump'])
        expect((await on(call)).stderr, call).to.equal(
          'bfm: vmm must be loaded first: bfm load MODULE, or bfm quick MODULE\n',
        );
      expect((await on('load', 'cpuidcount')).status).to.equal(0);
      expect((await on('status')).stdout).to.equal('VMM_LOADED\n');
      expect((await on('vmcall', 'event', '1')).stderr).to.equal('bfm: vmm must be running first: bfm start\n');
      expect((await on('start')).status).to.equal(0);
      expect((await on('status')).stdout).to.equal('VMM_RUNNING\n');
      expect((await on('vmcall', 'string', 'json', '{"get":"count"}')).stdout).to.match(
        /^received from vmm: \n\[\n {4}\d+\n\]\n$/,
      );
      expect((await on('dump')).stdout).to.include('success: host os is now in a vm on vcpuid = 0');
      expect((await on('stop')).status).to.equal(0);
      expect((await on('stop')).status, 'nothing to stop').to.equal(0);
      expect((await on('unload')).status).to.equal(0);
      expect((await on('status')).stdout).to.equal('VMM_UNLOADED\n');
    });

    it('starts in one go, and again over a running VMM', async () => {
      for (let round = 0; round < 2; round++) {
        expect((await on('quick', 'cpuidcount')).status).to.equal(0);
        expect((await on('status')).stdout).to.equal('VMM_RUNNING\n');
      }
    });

    for (const [args, output] of [
      [['versions', '0'], 'VMCALL_VERSIONS: 0x1\n'],
      [['versions', '1'], 'BAREFLANK_VERSION_MAJOR: 0x1\nBAREFLANK_VERSION_MINOR: 0x1\nBAREFLANK_VERSION_PATCH: 0x0\n'],
      [['versions', '0xa'], 'USER_VERSION_MAJOR: 0x0\nUSER_VERSION_MINOR: 0x0\nUSER_VERSION_PATCH: 0x0\n'],
      [['string', 'unformatted', 'hello there'], 'received from vmm: hello there\n'],
      [['event', 'ff'], 'success\n'],
      [['unittest', '1001'], '0x1001: passed\n'],
    ] as const)
      it(`vmcall ${args.join(' ')}`, async () => expect((await on('vmcall', ...args)).stdout).to.equal(output));

    it('vmcall registers: bare digits are hexadecimal; 11 values fit', async () => {
      const answer = (await on('vmcall', 'registers', '10', '0x20')).stdout.split('\n');
      expect(answer.slice(0, 3)).to.deep.equal(['r02: 0x10', 'r03: 0x20', 'r04: 0x0']);
      expect(answer[10]).to.equal('r12: 0x0');
      expect((await on('vmcall', 'registers', ...'123456789ab')).stdout)
        .to.match(/^r02: 0x1\nr03: 0x2\n/)
        .and.to.match(/r12: 0xb\n$/);
    });

    it('vmcall data: from a file into a file, up to 128 KiB', async () => {
      const [input, output] = [join(own.folder, 'in'), join(own.folder, 'out')];
      const bytes = Buffer.from(Array.from({ length: 131072 }, (_, at) => (at * 7) & 0xff));
      writeFileSync(input, bytes);
      expect((await on('vmcall', 'data', 'unformatted', input, output)).status).to.equal(0);
      expect(readFileSync(output).equals(bytes)).to.equal(true);
      writeFileSync(input, Buffer.concat([bytes, bytes]));
      expect((await on('vmcall', 'data', 'unformatted', input, output)).stderr).to.match(/262144 bytes are too much/);
    });

    for (const [what, args, status, message] of [
      ['an unknown version', ['versions', '7'], 1, /unknown version index 7; 0 protocol, 1 Bareflank, 10 user\n$/],
      ['an unknown self test', ['unittest', '1'], 1, /unknown unittest 0x1/],
      ['a processor that is none', ['event', '1', '--cpuid', '10'], 1, /vmcall on processor 16/],
      ['trailing garbage', ['event', '1x'], 2, /event 1x: it must be a hexadecimal number/],
      ['an option without a value', ['event', '1', '--cpuid'], 2, /--cpuid/],
      ['bad JSON', ['string', 'json', '{'], 2, /not JSON/],
      ['a missing argument', ['event'], 2, /missing required argument 'index'/],
      ['an unknown kind', ['frobnicate'], 2, /unknown command 'frobnicate'/],
      ['a file that is not there', ['data', 'unformatted', '/nowhere', '/tmp/x'], 1, /\/nowhere cannot be read/],
    ] as const)
      it(`vmcall refuses ${what}`, async () => {
        const result = await on('vmcall', ...args);
        expect(result.status).to.equal(status);
        expect(result.stderr)
          .to.match(message)
          .and.to.match(/^bfm: /);
      });

    it('leaves the VMM unloaded after a load that failed, and says why', async () => {
      const file = join(own.folder, 'bad.modules');
      writeFileSync(file, '{');
      const { status, stderr } = await on('load', file);
      expect(status).to.equal(1);
      expect(stderr).to.include('bad.modules:1:');
      expect((await on('status')).stdout).to.equal('VMM_UNLOADED\n');
    });

    it('serves two clients at once: each command is done as a whole', async () => {
      const clients = await Promise.all([HostClient.connect('m'), HostClient.connect('m')]);
      await clients[0]!.request('load', { files: [] });
      await clients[1]!.request('start', {});
      const calls = clients.flatMap((client) =>
        Array.from({ length: 50 }, (_, at) =>
          client.request('vmcall', { cpuid: 0, registers: { r00: '0x2', r02: `0x${at.toString(16)}` } }),
        ),
      );
      const answers = (await Promise.all(calls)).map(({ registers }) => Number(registers.r02));
      const counted = Array.from({ length: 50 }, (_, at) => at);
      expect(answers).to.deep.equal([...counted, ...counted]);
      await Promise.all(clients.map((client, at) => client.request(at === 0 ? 'stop' : 'unload', {})));
      clients.forEach((client) => client.close());
      expect((await on('status')).stdout).to.equal('VMM_UNLOADED\n');
    });

    it("shows the guest's console from its beginning, and types at it", async () => {
      const console = startBfm(['console', '--machine', 'm', '--until', 'typed!', '--timeout', '60']);
      const result = ended(console);
      await shows(console, 'echoes what you type');
      console.stdin.write('typed!');
      expect((await result).status).to.equal(0);
    });

    it('ends with its machine on driver_unload, and another one can begin at once', async () => {
      expect((await on('driver_unload')).status).to.equal(0);
      expect(existsSync(join(own.sockets, 'm.sock'))).to.equal(false);
      expect((await own.load('m')).status).to.equal(0);
    });

    it('that was killed leaves a socket, which status removes', async () => {
      const socket = join(own.sockets, 'm.sock');
      process.kill(hostProcess(socket), 'SIGKILL');
      const client = await HostClient.find('m');
      await client?.closed;
      expect(existsSync(socket)).to.equal(client !== undefined);
      const { status, stdout } = await on('status');
      expect(status).to.equal(1);
      expect(stdout).to.include('no machine m');
      expect(existsSync(socket)).to.equal(false);
    });
  });

  it('says what a guest takes of a command line that is longer than the system lets one of JSON be', async () => {
    const { status, stderr } = await own.load('long', '--append', '"'.repeat(100_000));
    expect([status, stderr]).to.deep.equal([
      1,
      'bfm: the command line (--append) has 100000 bytes; echo.bin takes at most 4095\n',
    ]);
  });

  it('can be removed while a module that it loads never ends', async () => {
    const module = join(own.folder, 'endless.ts');
    writeFileSync(module, 'for (;;);');
    await own.load('e');
    const client = await HostClient.connect('e');
    const load = client.request('load', { files: [module] }).then(
      () => 'loaded',
      (error: Error) => error.message,
    );
    expect((await bfm('driver_unload', '--machine', 'e')).status).to.equal(0);
    expect(await load).to.match(/its machine was removed/);
    client.close();
  });

  it('starts the VMM late by itself, if it was told to', async () => {
    await own.load('late', '-m', 'cpuidcount', '--start-at', 'echoes what');
    const { status } = await bfm('console', '--machine', 'late', '--until', 'switches it off', '--timeout', '60');
    expect(status).to.equal(0);
    expect((await bfm('status', '--machine', 'late')).stdout).to.equal('VMM_RUNNING\n');
  });

  it('ends a handler that never returns, says so, and is corrupt', async () => {
    const module = join(own.folder, 'hang.ts');
    writeFileSync(
      module,
      `import { VmcallContribution, vcpuModule } from 'bareflank';
       export default vcpuModule(({ bind }) => bind(VmcallContribution).toConstantValue({
         name: 'hang', opcodes: [4], handleVmcall(): boolean { for (;;); } }));`,
    );
    await own.load('h', '-m', module);
    const { status, stderr } = await bfm('vmcall', 'event', '1', '--machine', 'h');
    expect(status).to.equal(1);
    expect(stderr).to.match(/did not return from exit 18 \(vmcall\)/);
    expect((await bfm('status', '--machine', 'h')).stdout).to.match(
      /^VMM_CORRUPT\nthe guest has ended: .* did not return from exit 18 \(vmcall\)\n$/,
    );
    expect((await bfm('dump', '--machine', 'h')).stderr).to.match(/vmm is corrupt: .*driver_unload/);
    expect((await bfm('driver_unload', '--machine', 'h')).status).to.equal(0);
  });
});
