// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { Constants } from '../../../../src/machine/layout/core_constants.js';
import { Layout } from '../../../../src/machine/layout/layout.js';
import { Page } from '../../../support/processor_setup.js';
import { At, Select, SystemMachine, type PagingMode, type Start } from '../../../support/system_machine.js';

const machine = await SystemMachine.make();
const linear = 0x200000;
const WP = 0x10000;
const SMEP = 0x100000;
const SMAP = 0x200000;
const AC = 0x40000;
const PF = 14;

type Access = 'read' | 'write' | 'fetch';
interface Case {
  readonly access: Access;
  readonly cpl: 0 | 3;
  readonly present: boolean;
  readonly writable: boolean;
  readonly user: boolean;
  readonly noExecute: boolean;
  readonly wp: boolean;
  readonly smep: boolean;
  readonly smap: boolean;
  readonly ac: boolean;
  readonly nxe: boolean;
}

/** The page fault that SDM 3A "Access Rights" and "Page-Fault Exceptions" want, or undefined. */
function expected(c: Case, paging: PagingMode): number | undefined {
  const hasNx = paging !== '32-bit' && c.nxe;
  const reservedNx = paging !== '32-bit' && c.noExecute && !c.nxe;
  const code = (present: number): number =>
    present |
    (c.access === 'write' ? 2 : 0) |
    (c.cpl === 3 ? 4 : 0) |
    (c.access === 'fetch' && (hasNx || c.smep) ? 16 : 0);
  if (!c.present) return code(0);
  if (reservedNx) return code(9);
  const isUser = c.cpl === 3;
  const denied =
    (isUser && !c.user) ||
    (c.access === 'write' && !c.writable && (isUser || c.wp)) ||
    (c.access === 'fetch' && c.noExecute && hasNx) ||
    (!isUser && c.user && (c.access === 'fetch' ? c.smep : c.smap && !c.ac));
  return denied ? code(1) : undefined;
}

function* cases(): Generator<Case> {
  for (let bits = 0; bits < 1 << 9; bits++) {
    const bit = (n: number): boolean => ((bits >> n) & 1) === 1;
    for (const access of ['read', 'write', 'fetch'] as const) {
      for (const cpl of [0, 3] as const) {
        const [present, writable, user, noExecute, wp, smep, smap, ac, nxe] = [0, 1, 2, 3, 4, 5, 6, 7, 8].map(bit) as [
          boolean,
          boolean,
          boolean,
          boolean,
          boolean,
          boolean,
          boolean,
          boolean,
          boolean,
        ];
        yield { access, cpl, present, writable, user, noExecute, wp, smep, smap, ac, nxe };
      }
    }
  }
}

const code: Readonly<Record<Access, readonly number[]>> = {
  // mov al, [ebx] · mov [ebx], al · jmp ebx; the page holds HLT … which is #GP at CPL 3
  read: [0x8a, 0x03, 0xf4],
  write: [0x88, 0x03, 0xf4],
  fetch: [0xff, 0xe3],
};

function startFor(c: Case, paging: PagingMode): Start {
  const long = paging === '4-level';
  return {
    bits: long ? 64 : 32,
    cpl: c.cpl,
    paging,
    cr0: (0x80000031 | (c.wp ? WP : 0)) >>> 0,
    cr4: 0x210 | (paging === '32-bit' ? 0 : 0x20) | (c.smep ? SMEP : 0) | (c.smap ? SMAP : 0),
    efer: (long ? 0x500 : 0) | (c.nxe ? 0x800 : 0),
    rflags: 2 | (c.ac ? AC : 0),
  };
}

/** Runs one case. @returns the error code of its page fault, or undefined. */
function faultOf(c: Case, paging: PagingMode): number | undefined {
  machine.start(startFor(c, paging));
  const noExecute = c.noExecute && paging !== '32-bit' ? Page.noExecute : 0n;
  const flags = (c.present ? 1n : 0n) | (c.writable ? 2n : 0n) | (c.user ? 4n : 0n) | noExecute;
  machine.map(linear, At.pages, flags);
  machine.poke(At.pages, 0xf4);
  const at = Number(machine.get('RIP'));
  machine.poke(at, ...code[c.access]);
  machine.codeChanged(at, 4);
  machine.set('RBX', linear);
  const ending = machine.go();
  if (ending.vector !== PF) return undefined;
  expect(ending.cr2).to.equal(linear);
  return ending.code;
}

describe('Paging', function () {
  this.timeout(120_000);
  for (const paging of ['32-bit', 'pae', '4-level'] as const) {
    it(`${paging}: 3,072 combinations of rights, controls and accesses give the manual's error codes`, () => {
      for (const c of cases()) {
        const found = faultOf(c, paging);
        if (found !== expected(c, paging))
          expect({ ...c, code: found }).to.deep.equal({ ...c, code: expected(c, paging) });
      }
    });
  }

  describe('Accessed and dirty flags', () => {
    const A = 0x20n;
    const D = 0x40n;
    it('a read sets A in all levels, D in none', () => {
      machine.start();
      machine.map(linear, At.pages, 3n);
      machine.set('RBX', linear);
      expect(machine.run64('mov rax, [rbx]').vector).to.equal(undefined);
      expect(machine.entry(linear) & (A | D)).to.equal(A);
      for (const level of [1, 2, 3]) expect(machine.entry(linear, level) & (A | D)).to.equal(A);
    });
    it('a write after a read sets D too', () => {
      machine.start();
      machine.map(linear, At.pages, 3n);
      machine.set('RBX', linear);
      machine.run64('mov rax, [rbx]', 'mov [rbx], rax');
      expect(machine.entry(linear) & (A | D)).to.equal(A | D);
    });
    it('a write that faults sets neither in the page entry', () => {
      machine.start();
      machine.map(linear, At.pages, 1n);
      machine.set('RBX', linear);
      expect(machine.run64('mov [rbx], rax').code).to.equal(3);
      expect(machine.entry(linear) & (A | D)).to.equal(0n);
    });
  });

  describe('Large pages', () => {
    it('4-level: 2 MiB and 1 GiB', () => {
      machine.start();
      machine.map(0x40000000, 0, 0x83n, 2);
      machine.map(0x80200000, 0x200000, 0x83n, 1);
      machine.poke(0x123456, 0x77);
      machine.poke(0x323456, 0x78);
      machine.set('RBX', 0x40123456);
      machine.set('RSI', 0x80323456);
      expect(machine.run64('mov al, [rbx]', 'mov cl, [rsi]').vector).to.equal(undefined);
      expect([machine.get('RAX'), machine.get('RCX')]).to.deep.equal([0x77n, 0x78n]);
    });
    it('4-level: reserved address bits of a 2-MiB entry are error code 9', () => {
      machine.start();
      machine.map(linear * 2, 0x2000, 0x83n, 1);
      machine.set('RBX', linear * 2);
      expect(machine.run64('mov al, [rbx]').code).to.equal(9);
    });
    it('32-bit: 4 MiB with CR4.PSE, PSE-36 bits in the entry reach beyond 4 GiB', () => {
      machine.start({ bits: 32 });
      machine.map(0x40000000, 0, 0x83n, 1);
      machine.poke(0x123456, 0x55);
      expect(machine.run64('mov al, [0x40123456]').vector).to.equal(undefined);
      expect(machine.get('RAX') & 255n).to.equal(0x55n);
      // physical 0x1_0000_0000 is the carve-out, right after RAM in the machine's memory
      machine.start({ bits: 32 });
      machine.map(0x40000000, 0, 0x2083n, 1);
      machine.poke(16 << 20, 0x99);
      machine.u32[Layout.CARVE_OUT_ACCESS / 4] = Constants.CARVE_OUT_VMM;
      machine.run64('mov al, [0x40000000]');
      expect(machine.get('RAX') & 255n).to.equal(0x99n);
    });
    it('PAE: 2 MiB', () => {
      machine.start({ bits: 32, paging: 'pae' });
      machine.map(0x400000, 0, 0x83n, 1);
      machine.poke(0x123456, 0x66);
      machine.run64('mov al, [0x523456]');
      expect(machine.get('RAX') & 255n).to.equal(0x66n);
    });
  });

  describe('Translations', () => {
    it('stay until INVLPG', () => {
      machine.start();
      machine.map(linear, At.pages, 3n);
      machine.poke(At.pages, 1);
      machine.poke(At.pages + 0x1000, 2);
      const entry = machine.entryAddress(linear);
      machine.map(0x300000, entry & ~0xfff, 3n);
      machine.set('RBX', linear);
      machine.set('RDI', 0x300000 + (entry & 0xfff));
      machine.set('RSI', (At.pages + 0x1000) | 3);
      machine.run64('mov al, [rbx]', 'mov [rdi], rsi', 'mov cl, [rbx]', 'invlpg [rbx]', 'mov dl, [rbx]');
      expect([machine.get('RAX'), machine.get('RCX'), machine.get('RDX') & 255n]).to.deep.equal([1n, 1n, 2n]);
    });
    it('of global pages survive MOV to CR3, others do not', () => {
      machine.start();
      for (const [offset, flags] of [
        [0, 0x103n],
        [0x1000, 3n],
      ] as const)
        machine.map(linear + offset, At.pages, flags);
      machine.poke(At.pages, 1);
      machine.poke(At.pages + 0x1000, 2);
      const entry = machine.entryAddress(linear);
      machine.map(0x300000, entry & ~0xfff, 3n);
      machine.set('RBX', linear);
      machine.set('RDI', 0x300000 + (entry & 0xfff));
      machine.set('RSI', (At.pages + 0x1000) | 3);
      machine.run64(
        'mov al, [rbx]',
        'mov al, [rbx + 0x1000]',
        'mov [rdi], rsi',
        'mov [rdi + 8], rsi',
        'mov r8, cr3',
        'mov cr3, r8',
        'mov cl, [rbx]',
        'mov dl, [rbx + 0x1000]',
      );
      expect([machine.get('RCX'), machine.get('RDX') & 255n]).to.deep.equal([1n, 2n]);
    });
  });

  describe('Addresses', () => {
    it('that are not canonical raise #GP(0), on the stack #SS(0)', () => {
      machine.start();
      machine.set('RBX', 0x0000800000000000n);
      expect(machine.run64('mov rax, [rbx]')).to.include({ vector: 13, code: 0 });
      machine.start();
      machine.set('RBP', 0x0000800000000000n);
      expect(machine.run64('mov rax, [rbp]')).to.include({ vector: 12, code: 0 });
    });
    it('crossing a page fault at the second page, whose address is in CR2, and write nothing', () => {
      machine.start();
      machine.map(linear, At.pages, 3n);
      machine.set('RBX', linear + 0xffc);
      machine.set('RAX', -1n);
      const end = machine.run64('mov [rbx], rax');
      expect(end).to.include({ vector: PF, code: 2, cr2: linear + 0x1000 });
      expect(machine.peek32(At.pages + 0xffc)).to.equal(0);
    });
    it('crossing two pages that are not neighbours in memory are read and written whole', () => {
      machine.start();
      machine.map(linear, At.pages + 0x2000, 3n);
      machine.map(linear + 0x1000, At.pages, 3n);
      machine.set('RBX', linear + 0xffd);
      machine.run64('mov rax, 0x1122334455667788', 'mov [rbx], rax', 'add dword ptr [rbx + 1], 1', 'mov rcx, [rbx]');
      expect(machine.get('RCX')).to.equal(0x1122334455667888n);
      expect(machine.peek64(At.pages) & 0xffffffffffn).to.equal(0x1122334455n);
    });
  });

  describe('PDPTEs of PAE paging', () => {
    it('are loaded by MOV to CR3, with #GP for reserved bits', () => {
      machine.start({ bits: 32, paging: 'pae' });
      machine.poke64(At.pages, machine.peek64(Number(machine.get('CR3'))));
      machine.set('RAX', At.pages);
      expect(machine.run64('mov cr3, eax').vector).to.equal(undefined);
      machine.start({ bits: 32, paging: 'pae' });
      machine.poke64(At.pages, machine.peek64(Number(machine.get('CR3'))) | 2n);
      machine.set('RAX', At.pages);
      expect(machine.run64('mov cr3, eax')).to.include({ vector: 13, code: 0 });
    });
  });
});

describe('Linear addresses outside 64-bit mode', () => {
  it('have 32 bits: an operand with several parts that begins below 4 GiB goes on at 0, never in memory above', () => {
    machine.start({ bits: 32, paging: 'none' });
    machine.poke(3, Select.data & 255, Select.data >> 8);
    machine.set('RDI', 0xffffffff);
    expect(machine.run64('les ecx, [edi]').vector).to.equal(undefined);
    expect(machine.word('ES_SELECTOR')).to.equal(Select.data);

    machine.start({ bits: 32, paging: 'none' });
    machine.set('RDI', 0xfffffff0);
    const above = machine.cpu.physicalOffset(0x1_0000_0000);
    machine.u8.fill(0x77, above, above + 512);
    expect(machine.run64('fxsave [edi]').vector).to.equal(undefined);
    expect([...new Set(machine.u8.subarray(above, above + 512))]).to.deep.equal([0x77]);
    expect(machine.peek32(8), 'MXCSR, 24 bytes on').to.equal(0x1f80);
  });
});
