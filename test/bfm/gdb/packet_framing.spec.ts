// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { framed, LONGEST_PACKET, PacketReader } from '../../../src/bfm/gdb/packet_framing.js';

const bytesOf = (text: string): Uint8Array => Buffer.from(text, 'latin1');
const read = (text: string) => new PacketReader().push(bytesOf(text));

describe('framed', () => {
  it('adds the checksum, and escapes what has a meaning in frames', () => {
    expect(framed('')).to.equal('$#00');
    expect(framed('OK')).to.equal('$OK#9a');
    expect(framed('a#b$c}d*').slice(0, -3)).to.equal('$a}\x03b}\x04c}]d}\x0a');
  });
});

describe('PacketReader', () => {
  it('gives back what was framed, in whatever pieces it comes', () => {
    const text = 'X1000,4:#$}*\x00\xff';
    const reader = new PacketReader();
    const received = [...framed(text)].flatMap((character) => reader.push(bytesOf(character)));
    expect(received).to.deep.equal([{ kind: 'packet', data: text }]);
  });

  it('tells acknowledgements and Ctrl-C between packets', () => {
    expect(read('+-\x03?$?#3f')).to.deep.equal([
      { kind: 'acknowledged' },
      { kind: 'again' },
      { kind: 'interrupt' },
      { kind: 'packet', data: '?' },
    ]);
    expect(read('$\x03#03'), 'within a packet it is a byte of it').to.deep.equal([{ kind: 'packet', data: '\x03' }]);
  });

  it('reports packets that are damaged, cut or too long, and goes on behind them', () => {
    expect(read('$g#00$?#3f')).to.deep.equal([{ kind: 'damaged' }, { kind: 'packet', data: '?' }]);
    expect(read('$g#zz')).to.deep.equal([{ kind: 'damaged' }]);
    expect(read('$abc$?#3f')).to.deep.equal([{ kind: 'damaged' }, { kind: 'packet', data: '?' }]);
    expect(read('$g#6$?#3f')).to.deep.equal([{ kind: 'damaged' }, { kind: 'packet', data: '?' }]);
    const long = 'a'.repeat(LONGEST_PACKET + 1);
    expect(read(`${framed(long)}$?#3f`)).to.deep.equal([{ kind: 'damaged' }, { kind: 'packet', data: '?' }]);
  });
});
