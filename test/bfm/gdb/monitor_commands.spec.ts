// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { FLAT_IMAGE_ADDRESS } from '../../../src/machine/boot/flat_image.js';
import { readSymbolFile } from '../../../src/machine/symbols/symbol_file.js';
import { assemble } from '../../support/assembler.js';
import { MonitorCommands } from '../../../src/bfm/gdb/monitor_commands.js';
import { GdbClient, sessionOf } from './gdb_client.js';

const code = assemble(['mov ecx, 5', 'again: loop again', 'cli', 'hlt'], 64, FLAT_IMAGE_ADDRESS);

describe('MonitorCommands', () => {
  let gdb: GdbClient;
  beforeEach(async () => {
    gdb = new GdbClient(await sessionOf(code)).attach();
  });
  /** What GDB shows of a command. */
  const shown = async (command: string): Promise<string> => {
    gdb.console = '';
    expect(await gdb.ask(`qRcmd,${Buffer.from(command).toString('hex')}`)).to.equal('OK');
    return gdb.console;
  };

  it('list themselves, also for what is none', async () => {
    const names = 'help exits walk ept vmcs segments symbol break-exit goto physical who eval where'.split(' ');
    const listed = (await shown('help')).trimEnd().split('\n');
    expect(listed.map((line) => /^monitor (\S+) .*\S/.exec(line)?.[1])).to.deep.equal(names);
    for (const wrong of ['', 'nothing', 'constructor', 'exits\0'])
      expect(await shown(wrong))
        .to.include('no monitor command')
        .and.include('monitor walk ADDRESS');
  });

  it('evaluate code for nobody but the owner of the machine', async () => {
    const evaluate = (): Promise<string> => Promise.resolve('evaluated');
    const eval1 = `qRcmd,${Buffer.from('eval 1').toString('hex')}`;
    const own = new GdbClient(await sessionOf(code), { evaluate }).attach();
    await own.ask(eval1);
    expect(own.console).to.equal('evaluated\n');
    const anybody = new GdbClient(await sessionOf(code), { evaluate }).attach(false);
    await anybody.ask(eval1);
    expect(anybody.console).to.match(/^eval runs code with the rights of the owner of the machine/);
  });

  it('go to an instruction, and say where the machine is', async () => {
    expect(await shown('goto 3')).to.include('instruction 3 of all processors');
    const place = `0x${(FLAT_IMAGE_ADDRESS + 5).toString(16)}`;
    expect(await shown('where')).to.equal(
      `instruction 3 of all processors, 0 VM exits, 3 ns\nprocessor 0: RIP ${place}\n`,
    );
    expect(await shown('goto 2')).to.include('only a recorded run goes back');
    expect(await shown('who 0x1000')).to.include('only a recorded run knows');
    expect(await shown('break-exit 99')).to.include('is no reason of a VM exit');
    expect(await shown('goto 1e3')).to.include('wants a number');
    expect(await shown('goto 1_000_000')).to.include('halted with interrupts off');
  });

  it('say that a recording begins behind the instruction to go to, and that the machine has not moved', async () => {
    const debug = { canReverse: true, goTo: () => Promise.resolve({ kind: 'begin' }) };
    const commands = new MonitorCommands(
      { debug, session: { pc: { instructions: 5000 } } } as never,
      {} as never,
      true,
    );
    expect(await commands.perform('goto 3', 0)).to.deep.equal([
      'the recording has no instruction 3: it begins later; the machine is where it was, at instruction 5 000',
    ]);
    expect(commands.hasMoved).to.equal(false);
  });

  it('walk page tables', async () => {
    expect(await shown('walk 0x200010'))
      .to.match(/4-level paging.*\n {2}PML4E/)
      .and.match(/physical 0x200010\n$/);
    expect(await shown('walk 0x400000000000')).to.include('no address');
    for (const wrong of ['', 'rip', '0x', '0x11112222333344445'])
      expect(await shown(`walk ${wrong}`)).to.include('is no address');
  });

  it('refuse the VMCS and EPT of a processor that has none', async () => {
    expect(await shown('vmcs')).to.equal('processor 0 has no current VMCS\n');
    expect(await shown('ept 0x1000')).to.equal('processor 0 runs no guest with EPT\n');
    expect(await shown('ept rip')).to.include('is no address');
  });

  it('show segment and table registers', async () => {
    const lines = await shown('segments');
    expect(lines).to.match(
      /^CS +0x10 +0x0 +0xffffffff 0xa09b: type = read_execute_accessed, s, present, l, granularity$/m,
    );
    expect(lines).to.match(/^GDTR +0x\w+ +0x\w+$/m);
  });

  it('know VM exits by name and number', async () => {
    expect(await shown('exits')).to.equal('processor 0 has had no VM exit\n');
    expect(await shown('break-exit CPUID')).to.equal('the machine stops after each VM exit of: cpuid\n');
    expect(await shown('break-exit ept-violation')).to.include('cpuid, ept_violation');
    expect(await shown('break-exit 30')).to.include('io_instruction');
    expect(await shown('break-exit none')).to.equal('no VM exit stops the machine\n');
    for (const wrong of ['', 'nothing', '-1']) expect(await shown(`break-exit ${wrong}`)).to.include('is no reason');
  });

  it('know the names of the guest', async () => {
    const map = `${FLAT_IMAGE_ADDRESS.toString(16)} T begin\n${(FLAT_IMAGE_ADDRESS + 5).toString(16)} T again\n`;
    const table = readSymbolFile({ name: 'System.map', bytes: Buffer.from(map) });
    gdb = new GdbClient(await sessionOf(code, 1, [{ table, offset: undefined }])).attach();
    const again = `0x${(FLAT_IMAGE_ADDRESS + 5).toString(16)}`;
    expect(await shown('symbol again')).to.equal(`again is ${again}\n`);
    expect(await shown(`symbol ${FLAT_IMAGE_ADDRESS + 2}`)).to.equal(
      `begin+0x2 is 0x${(FLAT_IMAGE_ADDRESS + 2).toString(16)}\n`,
    );
    expect(await shown('symbol 0x1000')).to.equal('0x1000 has no name\n');
    for (const wrong of ['symbol', 'symbol nobody', 'walk nobody'])
      expect(await shown(wrong)).to.include('no name of the guest');
    expect(await shown('walk again'))
      .to.include(`${again} (again): 4-level paging`)
      .and.include(`physical ${again}`);
    gdb.console = '';
    expect(await gdb.ask('s')).to.equal('T05thread:01;');
    expect(gdb.console).to.equal('processor 0 in again\n');
    expect(await shown('where')).to.include(`processor 0: RIP ${again} (again)\n`);
    const thread = Buffer.from(await gdb.ask('qThreadExtraInfo,1'), 'hex').toString();
    expect(thread).to.match(/outside VMX operation, in again$/);
  });

  it('switch between linear and physical addresses', async () => {
    expect(await shown('physical on')).to.include('are physical');
    expect(await shown('physical')).to.include('are physical');
    expect(await shown('physical off')).to.include('are linear');
    expect(await shown('physical maybe')).to.include('wants "on" or "off"');
  });
});
