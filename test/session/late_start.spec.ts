// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { LateStart } from '../../src/session/late_start.js';
import { bfm } from '../bfm/bfm_process.js';

const type = (it: LateStart, text: string): boolean[] => [...Buffer.from(text)].map((byte) => it.consoleByte(byte));

describe('LateStart', () => {
  it('is due at the last byte of the text, once', () => {
    const it = new LateStart('ab');
    expect(it.idle(), 'idle time is none of its business').to.equal(false);
    expect(type(it, 'aab')).to.deep.equal([false, false, true]);
    expect(it.isDue).to.equal(true);
    it.started(1_234);
    expect(type(it, 'ab')).to.deep.equal([false, false]);
    expect([it.isDue, it.hasStarted]).to.deep.equal([false, true]);
    expect(it.summary).to.equal('the VMM took over after 1 234 instructions');
  });

  it('without a text is due the first time that every processor is idle', () => {
    const it = new LateStart(undefined);
    expect(type(it, 'ab')).to.deep.equal([false, false]);
    expect(it.isDue).to.equal(false);
    expect(it.idle()).to.equal(true);
    expect(it.isDue).to.equal(true);
    it.started(1_234);
    expect(it.idle()).to.equal(false);
  });

  it('goes on from where another one was, in the middle of its text and after its start', () => {
    const it = new LateStart('abc');
    type(it, 'ab');
    const middle = it.save();
    type(it, 'c');
    it.started(7);
    const end = it.save();
    const other = new LateStart('abc');
    other.restore(middle);
    expect(type(other, 'c')).to.deep.equal([true]);
    other.restore(end);
    expect([other.isDue, other.summary]).to.deep.equal([false, it.summary]);
    other.restore(middle);
    expect([other.isDue, other.hasStarted, ...type(other, 'c')]).to.deep.equal([false, false, true]);
  });

  it('says what never came', () => {
    expect(new LateStart('x').reasonForNone).to.equal('the VMM was never started: "x" never appeared on the console');
    expect(new LateStart(undefined).reasonForNone).to.include('never all idle');
  });
});

describe('bfm run --start late', () => {
  it('takes a running guest at a text of its console, and the guest goes on', async () => {
    const { status, stdout } = await bfm(
      ...['run', '--guest', 'cpuid', '--append', '1000', '-m', 'cpuidcount'],
      ...['--start', 'late', '--start-at', 'hello', '--json'],
    );
    const { machine, extensions } = JSON.parse(stdout) as {
      machine: { exits: Record<string, number> };
      extensions: unknown;
    };
    expect(status).to.equal(0);
    expect(machine.exits.cpuid).to.equal(1000);
    expect(extensions).to.deep.equal({ cpuidcount: { count: 1000 } });
  });

  it('takes a guest that sleeps', async () => {
    const { status, stdout } = await bfm(
      ...['run', '--guest', 'checksum', '--append', '8', '-m', 'cpuidcount', '--start', 'late', '--json'],
    );
    const { machine } = JSON.parse(stdout) as { machine: { exits: Record<string, number> } };
    expect(status).to.equal(0);
    expect(machine.exits.vmcall, "the driver's VMCALL start").to.equal(1);
    expect((JSON.parse(stdout) as { lateStart: string }).lateStart).to.match(
      /^the VMM took over after [\d ]+ instructions$/,
    );
  });

  it('of a guest that was stopped before the moment came says that the VMM never started', async () => {
    const { status, stderr } = await bfm(
      ...['run', '--guest', 'checksum', '--append', '100000000', '--start-at', 'nothing of this', '--timeout', '3'],
    );
    expect(status).to.equal(124);
    expect(stderr).to.match(/^bfm: the VMM was never started: "nothing of this" never appeared on the console$/m);
  });

  it('is an error if the moment never comes', async () => {
    const { status, stderr } = await bfm('run', '--guest', 'cpuid', '--append', '10', '--start-at', 'nothing of this');
    expect(status).to.equal(1);
    expect(stderr).to.include('the VMM was never started: "nothing of this" never appeared on the console');
  });

  it('refuses options that exclude each other', async () => {
    const { status, stderr } = await bfm('run', '--guest', 'cpuid', '--start', 'boot', '--start-at', 'x');
    expect(status).to.equal(2);
    expect(stderr).to.include('--start-at is for --start late');
  });
});
