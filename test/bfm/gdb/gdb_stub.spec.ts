// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import sinon from 'sinon';
import { FLAT_IMAGE_ADDRESS } from '../../../src/machine/boot/flat_image.js';
import { gdbRegisters } from '../../../src/bfm/gdb/gdb_registers.js';
import { assemble } from '../../support/assembler.js';
import { randomNumbers } from '../../machine/random_numbers.js';
import { RaceGuest, raceGuest } from '../../machine/race_guest.js';
import { framed } from '../../../src/bfm/gdb/packet_framing.js';
import { GdbClient, sessionOf } from './gdb_client.js';

const at = (offset: number): string => (FLAT_IMAGE_ADDRESS + offset).toString(16);
const monitor = (command: string): string => `qRcmd,${Buffer.from(command).toString('hex')}`;
const littleEndian = (value: bigint, bytes: number): string => {
  const all = Buffer.alloc(8);
  all.writeBigUInt64LE(value);
  return all.subarray(0, bytes).toString('hex');
};

/** Counts down from 5, with a store in each round. */
const code = assemble(
  [
    'mov ecx, 5',
    'mov edi, 0x300ffe',
    'again: mov [rdi], ecx',
    'dec ecx',
    'jnz again',
    'mov rax, cr4',
    'or eax, 0x600',
    'mov cr4, rax',
    'movq xmm3, rdi',
    'fninit',
    'fld1',
    'cli',
    'hlt',
  ],
  64,
  FLAT_IMAGE_ADDRESS,
);
const store = 10;

async function client(image = code, processors = 1, options = {}): Promise<GdbClient> {
  return new GdbClient(await sessionOf(image, processors), options).attach();
}

/** Reads a register by its name. */
async function register(gdb: GdbClient, name: string): Promise<string> {
  return gdb.ask(`p${gdbRegisters.findIndex((each) => each.name === name).toString(16)}`);
}

describe('GdbStub', () => {
  it('is at the first instruction, and tells what it can', async () => {
    const gdb = await client();
    expect(await gdb.ask('?')).to.equal('T05thread:01;');
    const supported = await gdb.ask('qSupported:swbreak+');
    expect(supported).to.include('PacketSize=4000').and.include('qXfer:features:read+').and.not.include('Reverse');
    expect(await gdb.ask('vCont?')).to.equal('vCont;c;C;s;S');
    expect(await gdb.ask('QStartNoAckMode')).to.equal('OK');
    expect(await register(gdb, 'rip')).to.equal(littleEndian(BigInt(FLAT_IMAGE_ADDRESS), 8));
    gdb.send(framed('k'));
    expect(await gdb.done).to.deep.equal({ end: undefined });
  });

  it('stops at breakpoints, and steps', async () => {
    const gdb = await client();
    expect(await gdb.ask(`Z0,${at(store)},1`)).to.equal('OK');
    for (let round = 0; round < 2; round++) {
      expect(await gdb.ask('vCont;c')).to.equal('T05thread:01;swbreak:;');
      expect(await register(gdb, 'rip')).to.equal(littleEndian(BigInt(FLAT_IMAGE_ADDRESS + store), 8));
      expect(await register(gdb, 'rcx')).to.equal(littleEndian(BigInt(5 - round), 8));
    }
    expect(await gdb.ask('vCont;s:1;c')).to.equal('T05thread:01;');
    expect(await register(gdb, 'rip')).to.equal(littleEndian(BigInt(FLAT_IMAGE_ADDRESS + store + 2), 8));
    expect(await gdb.ask(`z0,${at(store)},1`)).to.equal('OK');
    expect(await gdb.ask(`Z1,${at(store)},1`)).to.equal('OK');
    expect(await gdb.ask('c')).to.equal('T05thread:01;hwbreak:;');
    expect(await gdb.ask('s')).to.equal('T05thread:01;');
  });

  it('stops behind what watchpoints see, across a page too', async () => {
    const gdb = await client();
    expect(await gdb.ask('Z2,300ffe,4')).to.equal('OK');
    expect(await gdb.ask('c')).to.equal('T05thread:01;watch:300ffe;');
    expect(await gdb.ask('m300ffe,4')).to.equal('05000000');
    await gdb.ask('z2,300ffe,4');
    expect(await gdb.ask('Z4,301000,1')).to.equal('OK');
    expect(await gdb.ask('c')).to.equal('T05thread:01;awatch:301000;');
    expect(await gdb.ask('m300ffe,4')).to.equal('04000000');
    await gdb.ask('z4,301000,1');
    expect(await gdb.ask('Z3,300ffe,1')).to.equal('OK');
    expect(await gdb.ask('c')).to.match(/^T06thread:01;/);
    expect(gdb.console).to.include('halted');
    expect(await gdb.ask('c')).to.equal('W00');
    expect((await gdb.done).end).to.not.equal(undefined);
  });

  it('has all registers, and writes those of a run that is not recorded', async () => {
    const gdb = await client();
    const all = await gdb.ask('g');
    expect(all.length).to.equal(gdbRegisters.reduce((sum, { bits }) => sum + bits / 4, 0));
    expect(await gdb.ask(`P0=${littleEndian(0x1122334455667788n, 8)}`)).to.equal('OK');
    expect((await gdb.ask('g')).slice(0, 16)).to.equal('8877665544332211');
    expect(await gdb.ask('P0=11')).to.equal('E01');
    expect(await gdb.ask(`Z0,${at(code.length - 2)},1`)).to.equal('OK');
    await gdb.ask('c');
    expect(await register(gdb, 'xmm3')).to.equal(littleEndian(0x300ffen, 8) + '00'.repeat(8));
    expect(await register(gdb, 'st0')).to.equal('0000000000000080ff3f');
    expect(await register(gdb, 'ftag')).to.equal(littleEndian(0x3fffn, 4));
    const recorded = await client(code, 1, { canChange: false });
    const why = 'E.the run is recorded, and a replay would not have the change';
    expect(await recorded.ask(`P0=${littleEndian(1n, 8)}`)).to.equal(why);
    expect(await recorded.ask(`G${await recorded.ask('g')}`)).to.equal(why);
    expect(await recorded.ask('M300000,1:41')).to.equal(why);
  });

  it('writes all registers, and the guest goes on with them', async () => {
    const gdb = await client();
    expect(await gdb.ask(`Z0,${at(store)},1`)).to.equal('OK');
    await gdb.ask('c');
    const all = Buffer.from(await gdb.ask('g'), 'hex');
    let from = 0;
    const places = Object.fromEntries(
      gdbRegisters.map(({ name, bits }) => [name, ((from += bits / 8), from - bits / 8)]),
    );
    all.writeBigUInt64LE(2n, places.rcx);
    all.writeBigUInt64LE(0x77n, places.xmm3! + 8);
    all.writeBigUInt64LE(0x1234n, places.cr2);
    expect(await gdb.ask(`G${all.toString('hex')}`)).to.equal('OK');
    expect(await gdb.ask('g')).to.equal(all.toString('hex'));
    // The loop of 5 rounds has 2 left.
    expect(await gdb.ask('c')).to.match(/swbreak/);
    expect(await register(gdb, 'rcx')).to.equal(littleEndian(1n, 8));
    expect(await gdb.ask('c')).to.match(/^T06/);
    expect(await gdb.ask('G00')).to.equal('E01');
  });

  it('reads and writes memory by linear and by physical address, and changes nothing by reading', async () => {
    const gdb = await client();
    const { pc } = gdb.session;
    const hash = pc.stateHash();
    expect(await gdb.ask(`m${at(0)},5`)).to.equal('b905000000');
    expect(await gdb.ask('mffff800000000000,8')).to.equal('E14');
    expect(await gdb.ask('mfee00000,4'), 'no device is touched').to.equal('E14');
    expect(await gdb.ask(monitor('physical on'))).to.equal('OK');
    expect(await gdb.ask(`m${at(0)},5`)).to.equal('b905000000');
    expect(pc.stateHash()).to.equal(hash);
    expect(await gdb.ask('M400ffe,4:0a0b0c0d')).to.equal('OK');
    expect(await gdb.ask('m400ffe,4')).to.equal('0a0b0c0d');
    expect(await gdb.ask('X400ffe,2:#}')).to.equal('OK');
    expect(await gdb.ask('m400ffe,3')).to.equal('237d0c');
    expect(await gdb.ask('Mfee00000,1:41')).to.equal('E14');
  });

  it('shows processors as threads', async () => {
    const gdb = await client(raceGuest(3, 50), 3);
    expect(await gdb.ask('qfThreadInfo')).to.equal('m01,02,03');
    expect(await gdb.ask('qsThreadInfo')).to.equal('l');
    expect(Buffer.from(await gdb.ask('qThreadExtraInfo,2'), 'hex').toString()).to.match(
      /^processor 1, waits for a start-up IPI/,
    );
    expect(await gdb.ask('T3')).to.equal('OK');
    expect(await gdb.ask('T4')).to.equal('E01');
    await gdb.ask(`Z2,${RaceGuest.done.toString(16)},2`);
    const threads = new Set<string>();
    for (let i = 0; i < 3; i++) threads.add((await gdb.ask('vCont;c')).slice(0, 12));
    expect(threads).to.deep.equal(new Set(['T05thread:01', 'T05thread:02', 'T05thread:03']));
    expect(await gdb.ask('Hg2')).to.equal('OK');
    expect(await gdb.ask('qC')).to.equal('QC02');
    expect(await gdb.ask('Hg9')).to.equal('E01');
  });

  it('answers what is wrong with an error, and what it does not know with nothing', async () => {
    const gdb = await client();
    for (const wrong of [
      'm',
      'mzz,1',
      'm0',
      'm0,ffffff',
      'p',
      'pffff',
      'P',
      'P0',
      'M0,4:00',
      'M0,1:0',
      'X0,2:a',
      'Hx1',
      'T',
      'Z0',
      'Z0,zz,1',
      'z0',
    ])
      expect(await gdb.ask(wrong), wrong).to.equal('E01');
    for (const wrong of [
      'vCont;x',
      'vCont;c;',
      'vCont;s:9',
      'qRcmd,4',
      'bs',
      'bc',
      'G00',
      `Z2,0,0`,
      'qThreadExtraInfo,99',
    ])
      expect(await gdb.ask(wrong), wrong).to.equal('E01');
    for (const unknown of [
      '',
      '!',
      'vMustReplyEmpty',
      'qTStatus',
      'Z9,0,1',
      'qXfer:features:read:other.xml:0,100',
      'qXfer:auxv:read::0,1',
      'constructor',
      'vAttach;1',
    ])
      expect(await gdb.ask(unknown), unknown).to.equal('');
  });

  it('gives a sign of life each second while a monitor command works', async () => {
    const clock = sinon.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    try {
      const gdb = await client(code, 1, { evaluate: () => Promise.resolve(void clock.tick(2500)) });
      await gdb.ask('?');
      gdb.raw = '';
      expect(await gdb.ask(monitor('eval work'))).to.equal('OK');
      expect(gdb.raw.split(framed('O'))).to.have.length(3);
      clock.tick(5000);
      expect(gdb.raw.split(framed('O')), 'no more behind it').to.have.length(3);
    } finally {
      clock.restore();
    }
  });

  it('has its description in pieces', async () => {
    const gdb = await client();
    let text = '';
    for (let piece = 'm'; piece.startsWith('m'); text += piece.slice(1))
      piece = await gdb.ask(`qXfer:features:read:target.xml:${text.length.toString(16)},3f0`);
    expect(text)
      .to.match(/^<\?xml/)
      .and.match(/<\/target>$/);
    for (const { name } of gdbRegisters) expect(text).to.include(`<reg name="${name}"`);
    expect(await gdb.ask('qXfer:features:read:target.xml:fffff,10')).to.equal('l');
  });

  it('asks for damaged packets again, repeats its own, and survives noise', async () => {
    const gdb = await client();
    gdb.send('$?#00');
    gdb.send('$g#');
    expect(await gdb.ask('?')).to.equal('T05thread:01;');
    expect(gdb.raw).to.include('-');
    gdb.send('-');
    expect(await gdb.reply()).to.equal('T05thread:01;');
    const next = randomNumbers(7);
    const letters = 'mMgGpPcHTqQvzZXkD$#}*:,;0123456789abcdef'.replace(/[kDcv$]/g, '');
    for (let i = 0; i < 300; i++) {
      const packet = Array.from({ length: next(20) }, () => letters[next(letters.length)]!).join('');
      const answer = await gdb.ask(packet);
      expect(answer).to.be.a('string');
    }
    gdb.send(`$${'a'.repeat(0x5000)}#00`);
    expect(await gdb.ask('vCont?')).to.equal('vCont;c;C;s;S');
  });

  it('takes no more points than the machine has room for', async () => {
    const gdb = await client();
    for (let i = 0; i < 32; i++) expect(await gdb.ask(`Z2,${(0x1000 + i).toString(16)},1`)).to.equal('OK');
    expect(await gdb.ask('Z2,2000,1')).to.equal('E01');
    await gdb.ask('z2,1000,1');
    expect(await gdb.ask('Z2,2000,1')).to.equal('OK');
  });
});
