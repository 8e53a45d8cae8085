// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { FLAT_IMAGE_ADDRESS } from '../../../src/machine/boot/flat_image.js';
import { assemble } from '../../support/assembler.js';
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
    expect(await shown('help')).to.match(/^monitor help/);
    for (const wrong of ['', 'nothing', 'constructor', 'exits\0'])
      expect(await shown(wrong))
        .to.include('no monitor command')
        .and.include('monitor walk ADDRESS');
  });

  it('go to an instruction, and say where the machine is', async () => {
    expect(await shown('goto 3')).to.include('instruction 3 of all processors');
    expect(await shown('where')).to.equal('instruction 3 of all processors, 0 VM exits, 3 ns\n');
    expect(await shown('goto 2')).to.include('only a recorded run goes back');
    expect(await shown('who 0x1000')).to.include('only a recorded run knows');
    expect(await shown('goto 1e3')).to.include('wants a number');
    expect(await shown('goto 1_000_000')).to.include('halted with interrupts off');
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

  it('know VM exits by name and number', async () => {
    expect(await shown('exits')).to.equal('processor 0 has had no VM exit\n');
    expect(await shown('break-exit CPUID')).to.equal('the machine stops behind each VM exit of: cpuid\n');
    expect(await shown('break-exit ept-violation')).to.include('cpuid, ept_violation');
    expect(await shown('break-exit 30')).to.include('io_instruction');
    expect(await shown('break-exit none')).to.equal('no VM exit stops the machine\n');
    for (const wrong of ['', 'nothing', '-1']) expect(await shown(`break-exit ${wrong}`)).to.include('is no reason');
  });

  it('switch between linear and physical addresses', async () => {
    expect(await shown('physical on')).to.include('are physical');
    expect(await shown('physical')).to.include('are physical');
    expect(await shown('physical off')).to.include('are linear');
    expect(await shown('physical maybe')).to.include('wants "on" or "off"');
  });
});
