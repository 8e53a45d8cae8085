// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BootArea } from '../../../../src/machine/boot/boot_area.js';
import { FLAT_IMAGE_ADDRESS } from '../../../../src/machine/boot/flat_image.js';
import { Pc } from '../../../../src/machine/pc.js';
import { root } from '../../../architecture/source_files.js';
import { assemble } from '../../../support/assembler.js';
import { Flat, run, runBytes } from '../../../support/run.js';

const source = Flat.data + 0x100;
const target = Flat.data + 0x800;
const counting = (count: number): number[] => Array.from({ length: count }, (_, i) => (i + 1) & 255);

/** What a guest in 64-bit code wrote before it halted. */
async function resultsOf(lines: string[], at: number, words: number): Promise<bigint[]> {
  const pc = await pcWith(lines);
  expect(pc.runQuantum(() => true)?.isHalted).to.equal(true);
  return [...new BigUint64Array(pc.ram.slice(at, at + 8 * words).buffer)];
}

/** A machine whose guest copies bytes by REP MOVSQ and halts. */
function pcThatCopies(bytes: number, from: number, to: number): Promise<Pc> {
  return pcWith([`mov esi, ${from}`, `mov edi, ${to}`, `mov ecx, ${bytes / 8}`, 'rep movsq', 'hlt']);
}

async function pcWith(lines: string[]): Promise<Pc> {
  const coreModule = new WebAssembly.Module(readFileSync(join(root, 'build/cpu/cpu.wasm')));
  const pc = await Pc.create({ coreModule, memoryBytes: 16 << 20, com1: () => {}, com2: () => {} });
  pc.boot({ kernel: { name: 'copy', bytes: assemble(lines, 64, FLAT_IMAGE_ADDRESS) }, modules: [], append: '' });
  return pc;
}

describe('String instructions', () => {
  it('clear the upper halves of what they use when they repeat with 32-bit addresses, even 0 times', () => {
    const high = 1n << 32n;
    const registers = { rcx: high, rsi: high | 1n, rdi: high | 2n };
    expect(runBytes([0x67, 0xf3, 0xa4], registers)).to.include({ rcx: 0n, rsi: 1n, rdi: 2n });
    expect(runBytes([0x67, 0xf3, 0xaa], registers)).to.include({ rcx: 0n, rsi: high | 1n, rdi: 2n });
    expect(runBytes([0x67, 0xf3, 0xac], registers)).to.include({ rcx: 0n, rsi: high | 1n, rdi: high | 2n });
  });
  describe('MOVS', () => {
    it('moves one element and both indexes, up or down by DF', () => {
      const memory = { [source]: counting(8) };
      expect(run({ rsi: source, rdi: target, memory }, 'movsq')).to.include({
        rsi: BigInt(source + 8),
        rdi: BigInt(target + 8),
      });
      expect(
        run({ rsi: source, rdi: target, memory }, 'std', 'movs dword ptr [rdi], dword ptr [rsi]', 'cld'),
      ).to.include({ rsi: BigInt(source - 4), rdi: BigInt(target - 4) });
    });
    it('repeats over pages', () => {
      const state = run({ rsi: source, rdi: target, rcx: 0x1100, memory: { [source]: counting(0x600) } }, 'rep movsb');
      expect(state).to.include({ rcx: 0n, rsi: BigInt(source + 0x1100), rdi: BigInt(target + 0x1100) });
      expect(state.bytes(target, 0x600)).to.deep.equal(counting(0x600));
    });
    it('propagates when the destination overlaps the source from above', () => {
      const state = run({ rsi: source, rdi: source + 1, rcx: 20, memory: { [source]: [7] } }, 'rep movsb');
      expect(state.bytes(source, 21)).to.deep.equal(Array(21).fill(7));
    });
    it('copies backwards without loss', () => {
      const state = run(
        { rsi: source + 7, rdi: source + 9, rcx: 8, memory: { [source]: counting(8) } },
        'std',
        'rep movsb',
        'cld',
      );
      expect(state.bytes(source + 2, 8)).to.deep.equal(counting(8));
    });
    it('stops at the faulting element with exact registers, and goes on after it', () => {
      const state = run(
        { rsi: source, rdi: Flat.absent - 10, rcx: 8, memory: { [source]: counting(32) } },
        'rep movs dword ptr [rdi], dword ptr [rsi]',
      );
      expect(state.fault).to.deep.equal({ vector: 14, code: 2, address: BigInt(Flat.absent) });
      expect(state).to.include({ rcx: 6n, rsi: BigInt(source + 8), rdi: BigInt(Flat.absent - 2), ripOffset: 0 });
      expect(state.bytes(Flat.absent - 10, 10)).to.deep.equal([...counting(8), 0, 0]);
    });
    it('translates each page of a piece once, even if source and destination share a place in the TLB', async () => {
      const pc = await pcThatCopies(4096, 0x801000, 0x401000);
      // The copy overwrites the page table of its own source: a second translation would lead to other memory, which is 0.
      const [table, from] = [0x401000, 0x500000];
      const put = (address: number, ...quads: bigint[]): void =>
        pc.core.guestRam.set(new Uint8Array(BigUint64Array.from(quads).buffer), address);
      put(BootArea.PAGE_TABLES + 0x2000 + 8 * (0x800000 >> 21), BigInt(table) | 3n);
      put(table + 8, BigInt(from) | 3n);
      const entries = Array.from({ length: 512 }, (_, i) => 0x600003n | (BigInt(i) << 52n));
      put(from, ...entries);
      expect(pc.runQuantum(() => true)?.isHalted).to.equal(true);
      expect([...new BigUint64Array(pc.ram.slice(table, table + 4096).buffer)]).to.deep.equal(entries);
    });
    it('does nothing when RCX is 0', () => {
      expect(run({ rsi: 1, rdi: 2 }, 'rep movsb')).to.include({ rsi: 1n, rdi: 2n, fault: undefined });
    });
    it('uses 32-bit indexes with prefix 67', () => {
      const state = runBytes([0x67, 0xf3, 0xa4], {
        rsi: 0xffffffff00000000n + BigInt(source),
        rdi: target,
        rcx: 0xffffffff00000003n,
        memory: { [source]: [1, 2, 3, 4] },
      });
      expect(state).to.include({ rsi: BigInt(source + 3), rcx: 0n });
      expect(state.bytes(target, 4)).to.deep.equal([1, 2, 3, 0]);
    });
    it('wraps 16-bit indexes', () => {
      const state = run(
        { bits: 16, rsi: 0xfffe, rdi: 0x100, rcx: 4, memory: { [Flat.data + 0xfffe]: [1, 2], [Flat.data]: [3, 4] } },
        'rep movsb',
      );
      expect(state.bytes(Flat.data + 0x100, 4)).to.deep.equal([1, 2, 3, 4]);
      expect(state.rsi).to.equal(2n);
    });
  });

  it('checks source and destination against their own segments', () => {
    const state = runBytes([0x2e, 0xa4, 0x2e, 0xf3, 0xa4], { bits: 16, rsi: 0, rdi: 0x100, rcx: 2 });
    expect(state.fault).to.equal(undefined);
    expect(state.bytes(Flat.data + 0x100, 3)).to.deep.equal([0x2e, 0xa4, 0x2e]);
  });
  it('a repeated instruction traps after each element while TF is set', () => {
    const state = run(
      { rsi: source, rdi: target, rcx: 5, rflags: 0x102, memory: { [source]: counting(5) } },
      'rep movsb',
    );
    expect(state.fault?.vector).to.equal(1);
    expect(state).to.include({ rcx: 4n, ripOffset: 0 });
  });
  it('STOS fills', () => {
    const state = run({ rax: 0x11223344, rdi: Flat.data + 0xff8, rcx: 5 }, 'rep stosd');
    expect(state.bytes(Flat.data + 0xff8, 20)).to.deep.equal(Array(5).fill([0x44, 0x33, 0x22, 0x11]).flat());
    expect(state.rdi).to.equal(BigInt(Flat.data + 0xff8 + 20));
  });
  it('LODS loads the last element', () => {
    expect(run({ rsi: source, rcx: 3, memory: { [source]: counting(3) } }, 'rep lodsb')).to.include({
      rax: 3n,
      rcx: 0n,
    });
  });
  it('SCAS with REPNE stops after the element it finds', () => {
    const state = run({ rax: 5, rdi: source, rcx: 20, memory: { [source]: counting(20) } }, 'repne scasb');
    expect(state).to.include({ rcx: 15n, rdi: BigInt(source + 5), flags: 'PF ZF' });
  });
  it('CMPS with REPE stops after the first difference', () => {
    const state = run(
      { rsi: source, rdi: target, rcx: 8, memory: { [source]: counting(8), [target]: [1, 2, 3, 5] } },
      'repe cmpsb',
    );
    expect(state).to.include({ rcx: 4n, rsi: BigInt(source + 4), rdi: BigInt(target + 4) });
    expect(state.flags).to.contain('CF');
  });
  it('CMPS compares pages that share a place in the TLB, up and down, to their first difference', () => {
    // The TLB has 1024 places; the pages are 4 MiB apart.
    const compare = (first: string, second: string, ...rest: string[]): string[] => [
      ...['mov ecx, 600', `lea rsi, ${first}`, `lea rdi, ${second}`, ...rest, 'cld'],
      ...['mov [r8], rcx', 'mov [r8 + 8], rsi', 'mov [r8 + 16], rdi', 'lahf', 'mov [r8 + 24], rax', 'add r8, 32'],
    ];
    const guest = [
      ...['mov ebx, 0x600010', 'mov ebp, 0xa00010', 'mov r8d, 0x500000', 'mov byte ptr [rbp + 300], 1', 'xor eax, eax'],
      ...compare('[rbx]', '[rbp]', 'repe cmpsb'),
      ...compare('[rbx + 1200]', '[rbp + 1200]', 'std', 'repe cmpsw'),
      ...compare('[rbx + 0xffd]', '[rbp + 0xffd]', 'repe cmpsq'),
      ...compare('[rbx]', '[rbp + 300]', 'repne cmpsb'),
      'hlt',
    ];
    return resultsOf(guest, 0x500000, 16).then((found) => {
      expect([found[0], found[1], found[2]]).to.deep.equal([299n, 0x60013dn, 0xa0013dn]);
      expect([found[4], found[5], found[6]]).to.deep.equal([149n, 0x60013an, 0xa0013an]);
      expect([found[8], found[9], found[10]]).to.deep.equal([
        0n,
        0x600010n + 0xffdn + 4800n,
        0xa00010n + 0xffdn + 4800n,
      ]);
      expect([found[12], found[13], found[14]]).to.deep.equal([598n, 0x600012n, 0xa0013en]);
    });
  });

  it('CMPS restores the flags when it faults in the middle', () => {
    const state = run({ rsi: source, rdi: Flat.absent - 2, rcx: 8, rflags: 0x8d7 }, 'repe cmpsb');
    expect(state.fault?.vector).to.equal(14);
    expect(state).to.include({ rcx: 6n, rflags: 0x8d7 });
  });
  it('a repeat count of 0 leaves the flags', () => {
    expect(run({ rflags: 0x8d7 }, 'repe cmpsb').rflags).to.equal(0x8d7);
  });
  it('takes the source from the overriding segment', () => {
    expect(runBytes([0x64, 0xac], { bits: 32, rsi: source, memory: { [source]: [9] } }).rax).to.equal(9n);
  });
});
