// SPDX-License-Identifier: LGPL-2.1-only
// Stock GDB and Debian's kernel, which brings its processors up, under a VMM: live, and in the replay.
import { expect } from 'chai';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { skipWithoutGdb, StockGdb } from './stock_gdb.js';
import { symbolFileForGdb } from './symbol_file_for_gdb.js';

/** Counts of instructions of all processors, as `monitor where` tells them. */
const places = (shown: string): number[] =>
  [...shown.matchAll(/instruction ([\d ]+) of all processors,/g)].map(([, digits]) =>
    Number(digits!.replace(/ /g, '')),
  );

describe("Stock GDB with Debian's kernel", function () {
  this.timeout(900_000);
  const kernel = process.env.BAREFLANK_DEBIAN_KERNEL ?? '';
  const gdb = new StockGdb();
  before(function () {
    if (process.env.BAREFLANK_FULL !== '1' || kernel === '') this.skip();
    skipWithoutGdb.call(this);
  });
  afterEach(() => gdb.end());
  after(() => gdb.close());

  for (const cpus of [1, 4])
    it(`breaks by symbol, steps over VM exits, goes back and finds who wrote: processors ${cpus}`, async () => {
      // The kernel stays where it was linked, as a vmlinux for GDB says.
      const append = 'nokaslr earlyprintk=serial,ttyS0,115200 console=ttyS0';
      const machine = ['--kernel', kernel, '--memory', '512M', '--cpus', String(cpus), '--append', append];
      const run = ['run', ...machine, '-m', 'cpuidcount'];
      const recording = join(gdb.folder, `debian${cpus}.bfr`);
      await gdb.bfm(...run, '--record', recording, '--until', 'smp: Brought up 1 node');

      const asked = await gdb.debugged(
        ['replay', recording],
        [...['continue', 'info threads', 'monitor symbol start_kernel', 'monitor symbol __num_online_cpus', 'kill']],
      );
      const addressOf = (name: string): string => new RegExp(`${name} is (0x[0-9a-f]+)`).exec(asked.shown)![1]!;
      const threads = asked.shown.match(/Thread \d+ \(processor \d, .*VMX non-root operation, in \w+\+0x/g);
      expect(threads, 'each processor is in a function of Linux').to.have.length(cpus);
      const symbols = join(gdb.folder, 'symbols');
      writeFileSync(symbols, symbolFileForGdb({ start_kernel: BigInt(addressOf('start_kernel')) }));
      const toStart = [
        'break start_kernel',
        'continue',
        'monitor where',
        'delete',
        'monitor break-exit cpuid',
        'continue',
      ];

      const replayed = await gdb.debugged(
        ['replay', recording],
        [
          ...[...toStart, 'monitor break-exit none', 'monitor where', 'reverse-stepi', 'x/i $pc', 'monitor where'],
          ...['stepi', 'monitor where', 'continue', `watch *(int*)${addressOf('__num_online_cpus')}`],
          ...[
            'reverse-continue',
            'x/i $pc',
            'monitor where',
            `monitor who ${addressOf('__num_online_cpus')},4`,
            'kill',
          ],
        ],
        [`file ${symbols}`],
      );
      const { shown } = replayed;
      expect(shown).to.match(/Breakpoint 1, 0x[0-9a-f]+ in start_kernel \(\)/);
      const [atStart, behindExit, before, again, write] = places(shown);
      expect(behindExit! - before!).to.equal(1);
      expect(again).to.equal(behindExit);
      expect(shown).to.match(/=> 0x[0-9a-f]+.*:\tcpuid/);
      expect(shown).to.match(/VM exit cpuid at RIP 0x[0-9a-f]+.*handled by ExitHandlerCpuidCount: advanced/);
      expect(shown).to.match(new RegExp(`Old value = ${cpus}\\nNew value = ${cpus - 1}\\n`));
      expect(shown).to.match(/=> 0x[0-9a-f]+.*:\tlock incl/);
      expect(write).to.be.greaterThan(atStart!);
      // The write before this one; the first of all is that of the decompressor.
      const writer = cpus === 1 ? 'processor 0, at RIP ' : `processor ${cpus - 2}, at RIP .*set_cpu_online.*: lock inc`;
      expect(shown).to.match(new RegExp(`4 bytes: last written by ${writer}`));

      const live = await gdb.debugged(
        [...run, '--wait'],
        [...toStart, 'monitor break-exit none', 'monitor where', 'info threads', 'stepi', 'kill'],
        [`file ${symbols}`],
      );
      expect(places(live.shown), 'a run is the same with and without GDB').to.deep.equal([atStart, behindExit]);
      expect(live.shown.match(/Thread \d+ \(processor \d, /g)).to.have.length(cpus);
    });
});
