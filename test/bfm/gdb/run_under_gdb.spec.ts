// SPDX-License-Identifier: LGPL-2.1-only
// Stock GDB against machines of bfm.
import { expect } from 'chai';
import { join } from 'node:path';
import { ExitStatus } from '../../../src/bfm/failures/exit_status.js';
import { packageRoot } from '../../../src/driver/node/package_paths.js';
import { skipWithoutGdb, StockGdb } from './stock_gdb.js';

describe('Stock GDB', function () {
  this.timeout(120_000);
  const gdb = new StockGdb();
  before(skipWithoutGdb);
  afterEach(() => gdb.end());
  after(() => gdb.close());

  it('breaks, steps, watches and shows a guest under a VMM', async () => {
    const { shown, status } = await gdb.debugged(
      ['run', '--guest', 'cpuid', '--append', '20', '-m', 'cpuidcount', '--wait'],
      [
        'break *0x200053',
        'continue',
        'info threads',
        'printf "rcx %ld cr0 %lx\\n", $rcx, $cr0',
        'stepi',
        'set $xmm1.uint128 = 77',
        'set $cr0 = 0x80000000',
        'maintenance flush register-cache',
        'printf "xmm1 %d cr0 %lx\\n", $xmm1.v4_int32[0], $cr0',
        'info registers',
        'monitor segments',
        'printf "cs %x base %lx fs_base %lx\\n", $cs, $cs_base, $fs_base',
        'set $fs_base = 0x1234',
        'set $cs = 8',
        'set $ds = 0x7f8',
        'set $es = 0',
        'printf "es %x fs_base %lx\\n", $es, $fs_base',
        'delete',
        'monitor break-exit cpuid',
        'continue',
        'monitor exits',
        'monitor vmcs guestrip',
        'monitor eval const   twice: number = 2; twice * Number(vmcs.guestRip)',
        "monitor eval [twice, 'a  b', vmm.status]",
        'monitor eval vmcs.noSuchField.x',
        'monitor eval (',
        'monitor ept 0x200000',
        'x/i $pc',
        'monitor break-exit none',
        'continue',
        'continue',
      ],
    );
    expect(shown).to.include('Breakpoint 1, 0x0000000000200053');
    expect(shown).to.include('processor 0, active, 64-bit, VMX non-root operation');
    expect(shown).to.include('VM exit cpuid at RIP 0x200053, handled by ExitHandlerCpuidCount: advanced');
    expect(shown).to.match(/cr0 80000031/);
    expect(shown).to.match(
      /Could not write register "cr0"; remote failure reply 'E\.cr0 cannot be 0x80000000: MOV to CR0/,
    );
    expect(shown).to.include('xmm1 77 cr0 80000031');
    for (const name of 'cr3 cr4 efer gdtr_base gdtr_limit idtr_base idtr_limit ldtr tr tr_base cs_base'.split(' '))
      expect(shown).to.match(new RegExp(`^${name} +0x[0-9a-f]+`, 'm'));
    expect(shown).to.match(/cs \w+ base 0 fs_base 0/);
    expect(shown).to.match(/^TR +0x\w+ +0x\w+ +0x\w+ +0x\w*8b: type = /m);
    expect(shown).to.include("reply 'E.cs cannot be written: a far jump");
    expect(shown).to.include("reply 'E.ds cannot be 0x7f8: MOV to DS does not take it: GP, ");
    expect(shown).to.include('es 0 fs_base 1234');
    expect(shown)
      .to.include('GuestRip = 0x200055')
      .and.match(/physical 0x200000/);
    expect(shown)
      .to.include(`\n${2 * 0x200055}\n`)
      .and.include("[ 2, 'a  b', 'VMM_RUNNING' ]")
      .and.match(/TypeError: .*undefined/)
      .and.match(/eval:1:\d+: /);
    expect(shown).to.include('0x200055:');
    expect(shown).to.include('exited normally');
    expect(status).to.equal(0);
  });

  it('goes back through a recorded run, across VM exits', async () => {
    const recording = join(gdb.folder, 'recording');
    await gdb.bfm('run', '--guest', 'cpuid', '--append', '20', '-m', 'cpuidcount', '--record', recording);
    const { shown, status } = await gdb.debugged(
      ['replay', recording],
      [
        'break *0x200053',
        'continue',
        'continue',
        'continue',
        'printf "first %ld\\n", $r12',
        'reverse-stepi',
        'stepi',
        'reverse-continue',
        'monitor where',
        'reverse-continue',
        'monitor where',
        'delete',
        'reverse-continue',
        'printf "begin %lx\\n", $pc',
        'continue',
        'detach',
      ],
    );
    expect(shown).to.include('0x0000000000200051');
    const places = [...shown.matchAll(/instruction (\d+) of all processors/g)].map(([, count]) => Number(count));
    expect(places.length).to.equal(2);
    expect(places[0]).to.be.greaterThan(places[1]!);
    expect(shown).to.include('No more reverse-execution history').and.include('begin 200000');
    expect(status).to.equal(0);
  });

  if (process.env.BAREFLANK_FULL === '1')
    it('opens the run that bfm explore has found, and goes back to its preemption', async () => {
      const recording = join(gdb.folder, 'explored');
      const predicate = 'extensions/hypervisor_example_racing_hook/predicates/hook_missed.ts';
      const explored: unknown = await gdb
        .bfm(
          ...['explore', '--guest', 'race_hook', '--cpus', '2', '-m', 'racing_hook'],
          ...['--until', join(packageRoot, predicate), '--record', recording],
        )
        .catch((error: unknown) => error);
      expect(explored).to.have.property('code', ExitStatus.Found);
      const { shown, status } = await gdb.debugged(
        ['replay', recording],
        [
          'monitor physical on',
          // The call of the function without its hook.
          'watch *(unsigned char *) 0x600',
          'continue',
          'info threads',
          'reverse-continue',
          'printf "called %d\n", *(unsigned char *) 0x600',
          'delete',
          'monitor break-exit ept_violation',
          'reverse-continue',
          'monitor exits',
          'monitor break-exit none',
          'reverse-continue',
          'continue',
          'detach',
        ],
      );
      expect(shown)
        .to.include('Hardware watchpoint 1')
        .and.match(/New value = 1 /);
      expect(shown)
        .to.match(/Thread 2 .*processor 1/)
        .and.include('called 0');
      expect(shown).to.match(/13 {2}ept_violation +0x20005d/);
      expect(shown).to.include('No more reverse-execution history');
      expect(status, shown).to.equal(0);
    });
});
