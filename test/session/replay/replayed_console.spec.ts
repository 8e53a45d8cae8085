// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { ReplayedConsole } from '../../../src/session/replay/replayed_console.js';

/** A console with what it has shown, of guest and VMM. */
function made(until?: string) {
  const console = new ReplayedConsole(until);
  const shown = { guest: '', vmm: '' };
  const sinkOf = (of: 'guest' | 'vmm') => ({
    push: (byte: number) => void (shown[of] += String.fromCharCode(byte)),
    flush: () => {},
  });
  const [guest, vmm] = [console.guestTo(sinkOf('guest')), console.vmmTo(sinkOf('vmm'))];
  /** As the session does. @returns the byte after which the run must stop, from 1 on */
  const print = (text: string): number =>
    [...Buffer.from(text)].findIndex((byte) => {
      guest.push(byte);
      return console.push(byte);
    }) + 1;
  const log = (text: string): void => [...Buffer.from(text)].forEach((byte) => vmm.push(byte));
  return { console, shown, print, log };
}

describe('ReplayedConsole', () => {
  it('shows each byte once, however often the run goes over it', () => {
    const { console, shown, print, log } = made();
    print('ab');
    log('v');
    const place = console.save();
    print('cd');
    log('w');
    console.restore(place);
    print('cde');
    log('wx');
    expect(shown).to.deep.equal({ guest: 'abcde', vmm: 'vwx' });
  });

  it('stops where a text is complete for the first time, also when the run has been there', () => {
    const { console, print } = made();
    const start = console.save();
    console.lookFor('yz');
    expect(print('xyzyz')).to.equal(3);
    expect(console.isTextThere).to.equal(true);
    print('yz');
    console.restore(start);
    expect([console.isBefore('yz', 2), console.isBefore('yz', 3)]).to.deep.equal([true, false]);
    console.lookFor('yz');
    expect(console.isTextThere).to.equal(false);
    expect(print('xyzyz')).to.equal(3);
    console.lookFor(undefined);
    expect(print('yz')).to.equal(0);
  });

  it('finds a text that began before the place from which the run goes on', () => {
    const { console, print } = made();
    print('ab');
    expect(console.isBefore('abc', 2)).to.equal(true);
    console.lookFor('abc');
    expect(print('cd')).to.equal(1);
  });

  it('stops at the text that ended the recorded run, from each place', () => {
    const { console, print } = made('end');
    print('e');
    const place = console.save();
    expect([console.hasEnded, print('nd'), console.hasEnded]).to.deep.equal([false, 2, true]);
    console.restore(place);
    expect(console.hasEnded).to.equal(false);
    expect(print('nd')).to.equal(2);
    expect(console.isTextThere).to.equal(false);
  });
});
