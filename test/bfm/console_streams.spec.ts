// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { GuestConsole, VmmLines } from '../../src/bfm/console_streams.js';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

function sink(): { text: string; write(chunk: string | Uint8Array): void } {
  const target = {
    text: '',
    write(chunk: string | Uint8Array) {
      target.text += typeof chunk === 'string' ? chunk : new TextDecoder().decode(chunk);
    },
  };
  return target;
}

describe('VmmLines', () => {
  it('puts its name before whole lines, whatever the pieces', () => {
    const target = sink();
    const lines = new VmmLines(target);
    lines.write(bytes('one\r\ntw'));
    expect(target.text).to.equal('vmm: one\n');
    lines.write(bytes('o\nthree'));
    lines.end();
    expect(target.text).to.equal('vmm: one\nvmm: two\nvmm: three\n');
  });
});

describe('GuestConsole', () => {
  it('ends an open line, and only an open one', () => {
    const target = sink();
    const guest = new GuestConsole(target);
    guest.write(bytes('done\n'));
    guest.end();
    guest.write(bytes('Linux version'));
    guest.end();
    guest.end();
    expect(target.text).to.equal('done\nLinux version\n');
  });
});
