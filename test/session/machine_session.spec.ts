// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildFolder } from '../../src/driver/node/package_paths.js';
import { LateStart } from '../../src/session/late_start.js';
import { MachineSession, type SessionOptions } from '../../src/session/machine_session.js';
import { SliceEnd, type SessionPorts } from '../../src/session/session_ports.js';
import { TextMatcher } from '../../src/session/text_matcher.js';
import { assemble } from '../support/assembler.js';

const coreModule = await WebAssembly.compile(readFileSync(join(buildFolder, 'cpu', 'cpu.wasm')));

/** The world around a session, as a test moves it. */
class World implements SessionPorts {
  time = 0;
  attention = false;
  typed: number[] = [];
  output = '';
  flushed = 0;
  quanta = 0;
  readonly console = {
    push: (byte: number) => void (this.output += String.fromCharCode(byte)),
    flush: () => void this.flushed++,
  };
  readonly vmm = { push: () => {}, flush: () => {} };
  isOpen = false;
  hasInput = () => this.typed.length > 0;
  isInputOpen = () => this.isOpen;
  takeInput = () => this.typed.splice(0);
  now = () => this.time;
  wantsAttention = () => this.attention;
  quantumEnded = () => void this.quanta++;
}

async function sessionOf(lines: readonly string[], options: Partial<SessionOptions> = {}) {
  const world = new World();
  const session = await MachineSession.create({ coreModule, memoryBytes: 16 << 20, pace: 'fast', ...options }, world);
  session.boot({ kernel: { name: 'guest', bytes: assemble([...lines], 64, 0x200000) }, modules: [], append: '' });
  return { world, session };
}

const endless = ['here: jmp here'];
const print = (text: string): string[] => [
  'mov dx, 0x3f8',
  ...[...text].flatMap((c) => [`mov al, ${c.charCodeAt(0)}`, 'out dx, al']),
];
const powerOff = ['mov edx, 0x604', 'mov eax, 0x2000', 'out dx, ax', 'hlt'];
/** Waits in HLT, interrupts on, for what never comes. */
const sleep = ['sti', 'again: hlt', 'jmp again'];

describe('MachineSession', () => {
  describe('.unheard', () => {
    it('lets the machine run without a sign of it, until the work has come to its end, even to a bad one', async () => {
      const { session, world } = await sessionOf([...print('abc'), ...powerOff], { until: new TextMatcher('b') });
      const failed = session.unheard(() => {
        for (let turns = 0; turns < 3; turns++) session.pc.runQuantum(() => true);
        throw new Error('it failed');
      });
      expect(await failed.catch((error: unknown) => (error as Error).message)).to.equal('it failed');
      expect([world.output, session.lastOutput.lines()]).to.deep.equal(['', []]);
      session.pc.chipset.bus.writePort(0x3f8, 1, 'x'.charCodeAt(0));
      expect([world.output, session.slice(Infinity)]).to.deep.equal(['x', SliceEnd.Ended]);
    });
  });

  describe('.wentTo', () => {
    it('makes a run that had ended, or had come to a text, go on from an earlier moment', async () => {
      const { session, world } = await sessionOf([...print('abc'), ...powerOff], { until: new TextMatcher('b') });
      const [start, output] = [session.pc.checkpoints.take(), session.lastOutput.save()];
      expect(session.slice(Infinity)).to.equal(SliceEnd.TextReached);
      session.passText();
      expect([session.slice(Infinity), session.end?.kind]).to.deep.equal([SliceEnd.Ended, 'powered-off']);
      session.pc.checkpoints.goTo(start);
      session.wentTo(output);
      expect([session.end, session.lastOutput.lines()]).to.deep.equal([undefined, []]);
      expect(session.slice(Infinity)).to.equal(SliceEnd.TextReached);
      session.passText();
      expect(session.slice(Infinity)).to.equal(SliceEnd.Ended);
      expect([world.output, session.lastOutput.lines()]).to.deep.equal(['abcabc', ['abc']]);
    });
  });

  describe('.slice', () => {
    it('runs until its virtual time, and the next one goes on from there', async () => {
      const { session, world } = await sessionOf(endless);
      expect(session.slice(1_000_000)).to.equal(SliceEnd.Time);
      const first = session.pc.virtualTime;
      expect(first).to.be.at.least(1_000_000);
      expect(session.slice(first), 'no time left').to.equal(SliceEnd.Time);
      expect(session.pc.virtualTime).to.equal(first);
      expect(session.slice(2 * first)).to.equal(SliceEnd.Time);
      expect(world.quanta).to.be.greaterThan(1);
    });

    it('gives one state however the time is cut', async () => {
      const whole = await sessionOf([...print('abc'), ...endless]);
      const cut = await sessionOf([...print('abc'), ...endless]);
      whole.session.slice(3_000_000);
      for (let time = 0; time < 3_000_000; time += 100_000) cut.session.slice(time);
      cut.session.slice(3_000_000);
      expect(cut.session.pc.virtualTime).to.equal(whole.session.pc.virtualTime);
      expect(cut.session.pc.stateHash()).to.equal(whole.session.pc.stateHash());
    });

    it('ends with the machine, and stays ended', async () => {
      const { session, world } = await sessionOf([...print('bye'), ...powerOff]);
      expect(session.slice(Infinity)).to.equal(SliceEnd.Ended);
      expect(session.end).to.include({ kind: 'powered-off' });
      expect([world.output, session.lastOutput.lines()]).to.deep.equal(['bye', ['bye']]);
      const { quanta } = world;
      expect(session.slice(Infinity)).to.equal(SliceEnd.Ended);
      expect(world.quanta, 'nothing runs any more').to.equal(quanta);
    });

    it('ends at the text that is waited for', async () => {
      const { session } = await sessionOf([...print('login:'), ...endless], { until: new TextMatcher('gin') });
      expect(session.slice(Infinity)).to.equal(SliceEnd.TextReached);
    });

    it('ends after exactly as many instructions as the owner wants', async () => {
      const { session } = await sessionOf(endless, { stopAt: { kind: 'instruction', count: 1234 } });
      for (let asked = 0; asked < 2; asked++) {
        expect(session.slice(Infinity)).to.equal(SliceEnd.PointReached);
        expect(session.pc.instructions).to.equal(1234);
      }
    });

    it('runs nothing from the moment of a late start until the owner has started the VMM', async () => {
      const lateStart = new LateStart('go');
      const { session } = await sessionOf([...print('go'), ...endless], { lateStart });
      expect(session.slice(Infinity)).to.equal(SliceEnd.LateStartDue);
      const { instructions } = session.pc;
      expect(session.slice(Infinity)).to.equal(SliceEnd.LateStartDue);
      expect(session.pc.instructions).to.equal(instructions);
      session.lateStarted();
      expect(lateStart.summary).to.match(/^the VMM took over after \d+ instructions$/);
      expect(session.slice(session.pc.virtualTime + 1000)).to.equal(SliceEnd.Time);
    });

    it('ends when its owner wants attention', async () => {
      const { session, world } = await sessionOf(endless);
      world.attention = true;
      expect(session.slice(Infinity)).to.equal(SliceEnd.Attention);
      expect(world.quanta).to.equal(0);
    });
  });

  describe('.guestEnd', () => {
    const halt = ['cli', 'hlt'];
    const ended = async (lines: readonly string[]) => {
      const { session } = await sessionOf(lines);
      expect(session.slice(Infinity)).to.equal(SliceEnd.Ended);
      return session.guestEnd!.kind;
    };

    it('is a halt on purpose if the guest said so before it halted with interrupts off', async () => {
      expect(await ended([...print('reboot: System halted\n'), ...halt])).to.equal('halted');
    });

    it('is a death without such words, or by something else than a halt', async () => {
      expect(await ended([...print('I am fine\n'), ...halt])).to.equal('dead');
      expect(await ended([...print('System halted\n'), 'push 0', 'push 0', 'lidt [rsp]', 'ud2'])).to.equal('dead');
    });

    it('is the port that switched the power off, whatever the guest printed', async () => {
      expect(await ended([...print('System halted\n'), ...powerOff])).to.equal('powered-off');
    });
  });

  describe('idle time', () => {
    it('without an end ends only by input where the owner waits for it', async () => {
      const { session, world } = await sessionOf(sleep);
      world.isOpen = true;
      expect(session.slice(Infinity)).to.equal(SliceEnd.Idle);
      expect(session.idleMilliseconds).to.equal(Infinity);
      world.typed = [65];
      expect(session.hasEvent).to.equal(true);
      expect(session.slice(Infinity)).to.equal(SliceEnd.Idle);
      expect(world.typed).to.deep.equal([]);
    });

    it('without an end is the end of a guest for which nobody types any more', async () => {
      const { session, world } = await sessionOf(sleep);
      world.isOpen = true;
      expect(session.slice(Infinity)).to.equal(SliceEnd.Idle);
      world.isOpen = false;
      expect(session.slice(Infinity)).to.equal(SliceEnd.Ended);
      expect(session.end!.detail).to.match(/^halted, and no device will ever interrupt it/);
    });

    it('passes as on the wall at a real pace, and not before', async () => {
      // The PIT's channel 0, mode 0, 65535 ticks of 838 ns, unmasked at the PIC: one interrupt after 55 ms.
      const timer = ['mov al, 0x30', 'out 0x43, al', 'mov al, 0xff', 'out 0x40, al', 'out 0x40, al'];
      const { session, world } = await sessionOf([...timer, 'mov al, 0xfe', 'out 0x21, al', ...sleep], {
        pace: 'real',
      });
      expect(session.slice(Infinity)).to.equal(SliceEnd.Idle);
      expect(session.idleMilliseconds).to.be.within(54, 56);
      const { virtualTime } = session.pc;
      world.time += 50;
      expect(session.slice(Infinity)).to.equal(SliceEnd.Idle);
      expect(session.idleMilliseconds).to.be.within(4, 6);
      expect(session.pc.virtualTime).to.equal(virtualTime);
      world.time += 10;
      session.slice(virtualTime + 1);
      expect(session.pc.virtualTime).to.be.greaterThan(virtualTime + 50_000_000);
    });
  });
});
