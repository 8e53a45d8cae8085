// SPDX-License-Identifier: LGPL-2.1-only
// The proof that a guest does not notice a VMM that comes and goes: its checksum, its memory and its time are those of a run alone.
import { expect } from 'chai';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DriverCommands } from '../../../src/bfm/host/driver_commands.js';
import { moduleFiles } from '../../../src/driver/node/module_files.js';
import { HostClient } from '../../../src/bfm/client/host_client.js';
import { Driver } from '../../../src/driver/driver.js';
import { packageRoot } from '../../../src/driver/node/package_paths.js';
import { ErrorCode } from '../../../src/vmm/error_codes.js';
import { VmcallDataType } from '../../../src/vmm/exit/vmcall_interface.js';
import { Word } from '../../../src/machine/vmx/words.js';
import { bfm, ended, startBfm } from '../bfm_process.js';
import { checksumGuest, untouched } from './checksum_guest.js';
import { ownRuntimeFolder } from './host_machine.js';

const rounds = 20;
const cpuidCount = join(packageRoot, 'extensions', 'hypervisor_example_cpuidcount', 'cpuidcount.modules');
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

async function guestWithDriver(guestRounds: number) {
  const guest = await checksumGuest(guestRounds);
  const driver = await Driver.create({ source: moduleFiles, machine: guest.pc.driverAccess });
  return { ...guest, driver, commands: new DriverCommands(driver), words: guest.pc.core.u32 };
}

/** One round of what `bfm` does, step by step; the guest runs between two steps. */
function steps(commands: DriverCommands): (() => unknown)[] {
  const { VMCALL_DATA_STRING_UNFORMATTED, VMCALL_DATA_STRING_JSON, VMCALL_DATA_BINARY_UNFORMATTED } = VmcallDataType;
  const send = (type: number, data: string): string => text(commands.vmcallData(0, type, Buffer.from(data)));
  return [
    () => commands.load([cpuidCount]),
    () => commands.start(),
    () => expect(send(VMCALL_DATA_STRING_UNFORMATTED, 'hello')).to.equal('hello'),
    () => expect(send(VMCALL_DATA_STRING_JSON, '{"get":"count"}')).to.match(/^\[\d+\]$/),
    () => expect(send(VMCALL_DATA_BINARY_UNFORMATTED, 'x'.repeat(5000))).to.equal('x'.repeat(5000)),
    () => expect(commands.dump(0n)).to.include('received in vmm: hello'),
    () => commands.stop(),
    () => commands.unload(),
  ];
}

describe('A guest does not notice', () => {
  it(`${rounds} rounds of load, start, vmcall string, json, data, dump, stop, unload, between any two quanta`, async () => {
    const { quantum, result, commands, words } = await guestWithDriver(192);
    const started = { cpl0: 0, cpl3: 0, halted: 0 };
    for (let round = 0; round < rounds; round++) {
      // A round of the guest's takes as many quanta as one of ours, which therefore begins elsewhere each time.
      for (let each = 0; each < round % 7; each++) quantum();
      for (const [at, step] of steps(commands).entries()) {
        expect(quantum(), 'the guest still computes').to.equal(true);
        if (at === 1) started[words[Word.activity] === 1 ? 'halted' : words[Word.cpl] === 3 ? 'cpl3' : 'cpl0']++;
        await step();
      }
    }
    while (quantum());
    expect(result()).to.deep.equal(await untouched(192));
    expect(Math.min(...Object.values(started)), `starts ${JSON.stringify(started)}`).to.be.greaterThan(0);
  });

  it('1,000 VMCALLs while it computes', async () => {
    const { pc, quantum, result, commands } = await guestWithDriver(256);
    await commands.load([]);
    quantum();
    commands.start();
    for (let call = 0; call < 1000; call++) {
      expect(quantum(), 'the guest still computes').to.equal(true);
      expect(commands.vmcall(0, { r00: 2n, r02: BigInt(call) }).r02).to.equal(BigInt(call));
    }
    while (quantum());
    expect(result()).to.deep.equal(await untouched(256));
    expect(pc.exits()[18], 'VMCALL exits: start, and a thousand').to.equal(1001);
  });

  for (const [where, isThere] of [
    ['in HLT', (words: Uint32Array) => words[Word.activity] === 1],
    ['in an STI shadow', (words: Uint32Array) => (words[Word.interruptibility]! & 1) !== 0],
    ['at CPL 3', (words: Uint32Array) => words[Word.cpl] === 3],
  ] as const)
    it(`start and stop ${where}`, async () => {
      const { pc, quantum, result, commands, words } = await guestWithDriver(16);
      await commands.load([]);
      const processor = pc.processors[0]!;
      // By quanta to the neighbourhood, then instruction by instruction.
      for (let each = 0; each < 8; each++) quantum();
      for (let each = 0; each < 2_000_000 && !isThere(words); each++) if (processor.run(1) !== 0) quantum();
      expect(isThere(words), `the guest is ${where}`).to.equal(true);
      commands.start();
      expect(isThere(words), `it still is, in a VM`).to.equal(true);
      expect(processor.engine.nonRoot).to.equal(true);
      commands.vmcall(0, { r00: 4n });
      commands.stop();
      expect(isThere(words), `and out of it`).to.equal(true);
      while (quantum());
      const { console, memory } = await untouched(16);
      expect(result()).to.include({ console, memory });
    });

  it('VMCALLs with wild addresses, which the VMM refuses', async () => {
    const { quantum, result, commands, driver } = await guestWithDriver(32);
    await commands.load([]);
    quantum();
    commands.start();
    const good = driver.vmcallData(0, VmcallDataType.VMCALL_DATA_STRING_UNFORMATTED, Buffer.from('x')).registers;
    for (const address of [0n, 8n, 0xdead_0000n, 0x8000_0000_0000n, 0xffff_ffff_ffff_f000n, 0xffff_a000_4000_0000n]) {
      for (const wild of [{ r05: address }, { r08: address }]) {
        quantum();
        const { r01 } = driver.vmcall(0, { ...good, r00: 3n, r06: 16n, r09: 64n, ...wild });
        expect(r01, `0x${address.toString(16)}`).to.equal(ErrorCode.BF_VMCALL_FAILURE);
      }
    }
    expect(driver.vmcall(0, { r00: 1n, r02: 0n }).r01).to.equal(0n);
    while (quantum());
    expect(result()).to.deep.equal(await untouched(32));
  });

  describe('what bfm does to its machine through the socket', () => {
    let own: ReturnType<typeof ownRuntimeFolder>;
    before(() => (own = ownRuntimeFolder()));
    after(() => own.close());

    const commandLine = async (...args: string[]): Promise<void> => {
      const { status, stderr } = await bfm('--machine', 'proof', ...args);
      expect([args[0], status, stderr]).to.deep.equal([args[0], 0, '']);
    };

    async function roundOfCommands(): Promise<void> {
      const [input, output] = [join(own.folder, 'in'), join(own.folder, 'out')];
      writeFileSync(input, 'some bytes');
      await commandLine('load', cpuidCount);
      await commandLine('start');
      await commandLine('vmcall', 'string', 'unformatted', 'hello');
      await commandLine('vmcall', 'string', 'json', '{"get":"count"}');
      await commandLine('vmcall', 'data', 'unformatted', input, output);
      expect(readFileSync(output, 'utf8')).to.equal('some bytes');
      await commandLine('dump');
      await commandLine('stop');
      await commandLine('unload');
    }

    /** The same requests, without the time that a process takes to begin. */
    async function roundOfRequests(host: HostClient): Promise<void> {
      const send = (type: number, data: string) =>
        host.request('vmcallData', { cpuid: 0, type, data: Buffer.from(data).toString('base64') });
      await host.request('load', { files: [cpuidCount] });
      await host.request('start', {});
      expect((await send(VmcallDataType.VMCALL_DATA_STRING_UNFORMATTED, 'hello')).data).to.equal('aGVsbG8=');
      await send(VmcallDataType.VMCALL_DATA_STRING_JSON, '{"get":"count"}');
      await send(VmcallDataType.VMCALL_DATA_BINARY_UNFORMATTED, 'x'.repeat(5000));
      expect((await host.request('dump', { vcpuid: '0x0' })).text).to.include('received in vmm: hello');
      await host.request('stop', {});
      await host.request('unload', {});
    }

    it(`${rounds} rounds while it computes and sleeps`, async function () {
      // All rounds by the command line are 160 processes; its requests are what reaches the machine.
      const byCommandLine = process.env.BAREFLANK_FULL === undefined ? 1 : rounds;
      // A round of the guest's lasts 10 ms of wall time. It must outlast ours, for each process of which there is a second.
      const guestRounds = byCommandLine === 1 ? 800 : 16_000;
      if (byCommandLine === rounds) this.timeout(600_000);
      await own.load('proof', '--guest', 'checksum', '--append', String(guestRounds), '--memory', '16M');
      // Attached from the beginning: the host keeps only the last of a console for those who come later.
      const console = ended(startBfm(['console', '--machine', 'proof']));
      const host = await HostClient.connect('proof');
      for (let round = 0; round < rounds; round++) {
        if (round < byCommandLine) await roundOfCommands();
        else await roundOfRequests(host);
      }
      expect((await host.request('status', {})).ending, 'the guest outlasts all rounds').to.equal(undefined);
      const wanted = await untouched(guestRounds);
      const shown = await console;
      expect(shown.status, shown.stderr).to.equal(0);
      // Not compared as whole texts: the difference would be thousands of lines.
      expect(shown.stdout === wanted.console, `the console ends with ${shown.stdout.slice(-200)}`).to.equal(true);
      expect((await host.request('memoryHash', {})).sha256).to.equal(wanted.memory);
      host.close();
    });
  });
});
