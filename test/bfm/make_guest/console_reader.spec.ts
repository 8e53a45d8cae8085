// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { ConsoleReader } from '../../../src/bfm/make_guest/console_reader.js';

describe('ConsoleReader', () => {
  it('counts lines, even if they come in pieces, and says that it has taken each piece', () => {
    const reader = new ConsoleReader('Setting up ');
    let taken = 0;
    for (const piece of ['Setting ', 'up a\r\nnot Setting up\r', '\nSetting up b\n', 'Setting up c'])
      reader.write(Buffer.from(piece), () => taken++);
    expect([reader.count, taken]).to.deep.equal([2, 4]);
    expect(reader.lastLines).to.deep.equal(['Setting up a', 'not Setting up', 'Setting up b']);
  });

  it('keeps the last twelve lines', () => {
    const reader = new ConsoleReader('x');
    for (let line = 1; line <= 30; line++) reader.write(`line ${line}\n`);
    expect(reader.lastLines).to.have.length(12);
    expect(reader.lastLines.at(-1)).to.equal('line 30');
  });
});
