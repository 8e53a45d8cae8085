// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { stub } from 'sinon';
import { FLAT_IMAGE_ADDRESS } from '../../../src/machine/boot/flat_image.js';
import type { CompiledTierOptions } from '../../../src/machine/compiled/compiled_tier.js';
import { assemble } from '../../support/assembler.js';
import { forcedTier, hotTier } from '../../support/compiled_tier.js';
import { raceGuest } from '../race_guest.js';
import { flat, machine, run } from './flat_guests.js';

/** Guests by what they do. */
const guests: Readonly<Record<string, Uint8Array>> = {
  'loops over memory with partial registers, carries and conditions': flat([
    'mov rsp, 0x180000',
    'mov ecx, 60000',
    'mov esi, 0x140000',
    'again: mov rax, [rsi + rcx*8]',
    'adc rax, rcx',
    'mov ah, cl',
    'ror rax, 7',
    'bt rax, 13',
    'setc bl',
    'sbb rdx, rax',
    'cmovo rdx, rcx',
    'xor byte ptr [rsi + rcx], dl',
    'lock xadd [rsi], rdx',
    'imul r9, rdx, 77',
    'shld r9, rdx, cl',
    'push r9',
    'inc dword ptr [rsi + 4]',
    'pop r10',
    'neg r10b',
    'jp even',
    'add ebx, 3',
    'even: dec ecx',
    'jnz again',
  ]),
  'calls that nest deeper than they are inlined, and returns that go elsewhere': flat([
    'mov rsp, 0x180000',
    'mov ebx, 0',
    'mov ebp, 20000',
    'again: mov edi, 7',
    'call down',
    'call elsewhere',
    'back: lea rax, [rip + table]',
    'mov ecx, ebp',
    'and ecx, 3',
    'add rax, [rax + rcx*8]',
    'jmp rax',
    'down: dec edi',
    'jz bottom',
    'call down',
    'bottom: inc ebx',
    'ret',
    'elsewhere: lea rax, [rip + back]',
    'mov [rsp], rax',
    'ret',
    'table: .quad first - table',
    '.quad second - table',
    '.quad third - table',
    '.quad first - table',
    'first: add ebx, 5',
    'second: xor ebx, ebp',
    'third: dec ebp',
    'jnz again',
  ]),
  'code that it changes, in its own page and in another one': flat([
    'mov rsp, 0x180000',
    'xor ebx, ebx',
    'mov ebp, 12',
    'outer: mov ecx, 20000',
    'again: add ebx, 0x11223344',
    'mov edi, 0x150000',
    'call rdi',
    'dec ecx',
    'jnz again',
    'add dword ptr [rip + again + 2], 0x01010101',
    'mov byte ptr [rdi], 0xb8',
    'mov [rdi + 1], ebp',
    'mov byte ptr [rdi + 5], 0xc3',
    'dec ebp',
    'jnz outer',
  ]),
  'an instruction that changes the one behind it': flat([
    'mov ebp, 20000',
    'xor ebx, ebx',
    'again: mov byte ptr [rip + changed + 1], bl',
    'changed: mov al, 0',
    'movzx eax, al',
    'add ebx, eax',
    'inc ebx',
    'dec ebp',
    'jnz again',
  ]),
};
// the routine at 150000H exists before it is called
const ret = 0xc3;

/** The guest with a routine that only returns, copied there first. */
function withRoutine(guest: Uint8Array): Uint8Array {
  return assemble([`mov byte ptr [0x150000], ${ret}`, `.byte ${[...guest].join()}`], 64, FLAT_IMAGE_ADDRESS);
}

describe('CompiledTier', () => {
  for (const [what, guest] of Object.entries(guests))
    it(`runs ${what} as the interpreter does`, async () => {
      const image = what.startsWith('code that') ? withRoutine(guest) : guest;
      const interpreted = await run(image);
      expect(interpreted.pc.debugExit, 'the guest came to its end').to.be.a('number');
      const forced = await run(image, forcedTier);
      expect(forced.state).to.deep.equal(interpreted.state);
      // a region that begins with a write to its own page executes nothing
      const least = what.startsWith('an instruction that changes') ? -1 : interpreted.pc.instructions / 20;
      expect(forced.pc.compiledTier!.executed.instructions).to.be.greaterThan(least);
    });

  it('executes most of a loop in regions, and says so', async () => {
    const { pc } = await run(
      guests['calls that nest deeper than they are inlined, and returns that go elsewhere']!,
      forcedTier,
    );
    const { instructions, entries } = pc.compiledTier!.executed;
    expect(instructions / pc.instructions).to.be.greaterThan(0.8);
    expect(instructions / entries).to.be.greaterThan(100);
    const { regions, modules, bytes } = pc.compiledTier!.statistics;
    expect(modules).to.be.within(1, regions);
    expect(bytes).to.be.greaterThan(regions * 100);
  });

  it('goes on without the host having room for more code, and says why', async () => {
    const guest = guests['loops over memory with partial registers, carries and conditions']!;
    const pc = await machine(guest, forcedTier);
    stub(pc.core.table, 'grow').throws(new RangeError('no room'));
    let end;
    while (end === undefined) end = pc.runQuantum(() => true);
    expect(pc.stateHash()).to.equal((await run(guest)).pc.stateHash());
    expect(pc.compiledTier!.failure).to.equal('no room');
    expect(pc.compiledTier!.statistics.regions).to.equal(0);
  });

  it('stops in the middle of a batch that takes long, and goes on with it after the next turn', async () => {
    const lines = Array.from({ length: 24 }, (_, index) => [
      `lea rax, [rip + l${index}]`,
      'jmp rax',
      `l${index}: inc ebx`,
    ]);
    const guest = flat(['mov ecx, 40000', 'again: inc ebx', ...lines.flat(), 'dec ecx', 'jnz again']);
    const interpreted = await run(guest);
    // each look at the clock finds that 10 ms have passed
    let now = 0;
    const clock = stub(performance, 'now').callsFake(() => (now += 10));
    try {
      const { pc, state } = await run(guest, forcedTier);
      expect(state).to.deep.equal(interpreted.state);
      const { regions, modules, longestMilliseconds } = pc.compiledTier!.statistics;
      expect(regions, 'all are compiled').to.be.greaterThan(20);
      expect(regions / modules, 'a few at a time').to.be.within(1, 2);
      expect(longestMilliseconds).to.be.within(30, 60);
      expect(pc.compiledTier!.executed.instructions / pc.instructions).to.be.greaterThan(0.8);
    } finally {
      clock.restore();
    }
  });

  it('serves several processors', async () => {
    const guest = raceGuest(4, 2000);
    const interpreted = await run(guest, undefined, 4);
    const forced = await run(guest, forcedTier, 4);
    expect(forced.state).to.deep.equal(interpreted.state);
  });

  it('leaves breakpoints and counted branches to the interpreter', async () => {
    const guest = guests['loops over memory with partial registers, carries and conditions']!;
    const count = async (tier?: CompiledTierOptions): Promise<readonly unknown[]> => {
      const pc = await machine(guest, tier);
      for (let turn = 0; turn < 4; turn++) pc.runQuantum(() => true, 30_000);
      pc.coverage.start();
      for (let turn = 0; turn < 4; turn++) pc.runQuantum(() => true, 30_000);
      return [pc.instructions, pc.core.branchCounts.reduce((sum, each) => sum + each, 0), pc.stateHash()];
    };
    expect(await count(forcedTier)).to.deep.equal(await count());
  });

  it('gives up a page whose code changes again and again', async () => {
    const guest = flat([
      'mov rsp, 0x180000',
      'mov ebp, 400',
      'outer: mov ecx, 1500',
      'again: add ebx, 0x11223344',
      'dec ecx',
      'jnz again',
      'add dword ptr [rip + again + 2], 0x01010101',
      'dec ebp',
      'jnz outer',
    ]);
    const { pc, state } = await run(guest, forcedTier);
    expect(state).to.deep.equal((await run(guest)).state);
    const { regions } = pc.compiledTier!.statistics;
    expect(regions).to.be.within(5, 60);
  });

  it('wants nothing for code that a device holds', async () => {
    // the timer's initial count holds JMP RAX; its page has the fetch-TLB entry of a page of RAM, and lies beyond the map of decoded pages
    const guest = flat([
      'mov rsp, 0x180000',
      'mov rbx, cr3',
      'mov rdx, [rbx]',
      'and rdx, -4096',
      'mov rdx, [rdx + 24]',
      'and rdx, -4096',
      'mov edi, 0xfee00083',
      'mov [rdx + 0x20*8], rdi',
      'mov byte ptr [16], 1',
      'mov byte ptr [0x400000], 0xc3',
      'mov edi, 0xfee00380',
      'mov dword ptr [rdi], 0xe0ff',
      'lea rax, [rip + back]',
      'mov ecx, 30000',
      'again: mov edi, 0x400000',
      'call rdi',
      'mov edi, 0xc4000380',
      'jmp rdi',
      'back: inc ebx',
      'dec ecx',
      'jnz again',
    ]);
    const interpreted = await run(guest);
    expect(interpreted.pc.debugExit, 'the guest came to its end').to.be.a('number');
    expect((await run(guest, forcedTier)).state).to.deep.equal(interpreted.state);
  });

  it('runs a LOOP to a target that is not canonical as the interpreter does', async () => {
    const guest = flat([
      'mov rsp, 0x180000',
      'mov rbx, cr3',
      'mov dword ptr [rbx + 255*8], 0x160003',
      'mov dword ptr [0x160ff8], 0x161003',
      'mov dword ptr [0x161ff8], 0x162003',
      'mov dword ptr [0x162ff8], 0x163003',
      // loop +126; ret
      'mov dword ptr [0x163ff0], 0xc37ee2',
      'mov rdi, 0x7ffffffffff0',
      'mov ebp, 20000',
      'xor ebx, ebx',
      'again: mov ecx, 1',
      'cmp ebp, 1',
      'jne once',
      'mov ecx, 2',
      'once: call rdi',
      'inc ebx',
      'dec ebp',
      'jnz again',
    ]);
    const interpreted = await run(guest);
    expect(interpreted.state[0], 'the last LOOP faults').to.equal('dead');
    const { pc, state } = await run(guest, forcedTier);
    expect(state).to.deep.equal(interpreted.state);
    expect(pc.compiledTier!.executed.instructions / pc.instructions).to.be.greaterThan(0.5);
  });

  it('compiles what is hot, also after all decoded code was forgotten, and changes nothing', async () => {
    const guest = flat(['again: add ebx, 3', 'xor [0x140000], ebx', 'dec rcx', 'jnz again']);
    const [hot, interpreted] = await Promise.all([machine(guest, hotTier), machine(guest)]);
    for (let time = 0; time < 4; time++) {
      const before = hot.compiledTier!.executed.instructions;
      for (let turn = 0; turn < 60; turn++) for (const pc of [hot, interpreted]) pc.runQuantum(() => true);
      expect(hot.compiledTier!.executed.instructions - before).to.be.greaterThan(1_000_000);
      expect(hot.stateHash()).to.equal(interpreted.stateHash());
      hot.core.flushCode();
    }
  });

  it('compiles a page with many regions again after one change', async () => {
    const guest = flat([
      'mov rsp, 0x180000',
      'mov ebp, 3',
      'outer: mov ecx, 20000',
      'lea rax, [rip + next]',
      'again: add ebx, 0x11223344',
      ...Array.from({ length: 24 }, (_, index) => [
        `lea rax, [rip + l${index}]`,
        'jmp rax',
        `l${index}: inc ebx`,
      ]).flat(),
      'next: dec ecx',
      'jnz again',
      'add dword ptr [rip + again + 2], 0x01010101',
      'dec ebp',
      'jnz outer',
    ]);
    const { pc, state } = await run(guest, forcedTier);
    expect(state).to.deep.equal((await run(guest)).state);
    expect(pc.compiledTier!.executed.instructions / pc.instructions).to.be.greaterThan(0.9);
    expect(pc.compiledTier!.statistics.regions).to.be.greaterThan(40);
  });
});
