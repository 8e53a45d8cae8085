// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { Layout } from '../../../../src/machine/layout/layout.js';
import { StopReason } from '../../../../src/machine/layout/stop_reason.js';
import { At, SystemMachine } from '../../../support/system_machine.js';

const machine = await SystemMachine.make();

/** Host-physical place of the EPT paging structures: root, PDPT, one page directory, one page table for the first 2 MiB. */
const root = 0x800000;
const page = At.pages;
const EPT_VIOLATION = 48;
const EPT_MISCONFIGURATION = 49;
const R = 1;
const W = 2;
const X = 4;
/** Linear address valid; access to the translation of the linear address. */
const translated = 0x180;
const structure = 0x80;

/** A 64-bit guest in VMX non-root operation under an EPT that maps its first 2 MiB one to one. @param flags of the EPTP besides type and walk length. */
function startGuest(flags = 0): void {
  machine.start();
  machine.poke64(root, BigInt(root + 0x1000) | 7n);
  machine.poke64(root + 0x1000, BigInt(root + 0x2000) | 7n);
  machine.poke64(root + 0x2000, BigInt(root + 0x3000) | 7n);
  machine.poke64(root + 0x2008, 0n);
  for (let i = 0; i < 512; i++) machine.poke64(root + 0x3000 + i * 8, BigInt(i << 12) | 0x37n);
  machine.set('VMX_EPTP', root | 0x1e | flags);
  machine.u32[Layout.VMX_MODE / 4] = 2;
  machine.stateChanged();
}
/** The EPT entry of a page of the first 2 MiB. */
const eptEntry = (address: number): number => root + 0x3000 + (address >> 12) * 8;

interface Exit {
  readonly reason: number;
  readonly qualification: number;
  readonly linear: number;
  readonly physical: number;
}
/** Runs code at RIP up to a VM exit. */
function exitOf(...lines: string[]): Exit {
  machine.write(Number(machine.get('RIP')), lines);
  expect(machine.run(100)).to.equal(StopReason.VmExit);
  return {
    reason: machine.word('EXIT_REASON'),
    qualification: Number(machine.get('EXIT_QUALIFICATION')),
    linear: Number(machine.get('GUEST_LINEAR_ADDRESS')),
    physical: Number(machine.get('GUEST_PHYSICAL_ADDRESS')),
  };
}

describe('EPT', () => {
  for (const [what, isLarge, kept] of [
    ['leaves other pages alone, though one page of EPT holds them', false, 1],
    ['drops all pieces of a large page of the guest', true, 2],
  ] as const)
    it(`INVLPG ${what}`, () => {
      const linear = 0x600000;
      startGuest();
      machine.poke64(root + 0x2000, 0xb7n);
      machine.poke64(root + 0x2008, BigInt(0x200000) | 0xb7n);
      machine.map(linear, page, 3n);
      machine.map(linear + 0x1000, page, 3n);
      const pde = machine.entryAddress(linear, 1);
      const second = isLarge ? pde : machine.entryAddress(linear + 0x1000);
      if (isLarge) machine.poke64(pde, 0x83n);
      machine.map(0x300000, second & ~0xfff, 3n);
      const [old, next] = isLarge ? [0x1000, 0x201000] : [page, page + 0x1000];
      machine.poke(old, 1);
      machine.poke(next, 2);
      machine.set('RBX', linear);
      machine.set('RDI', 0x300000 + (second & 0xfff));
      machine.set('RSI', isLarge ? 0x200083 : next | 3);
      machine.run64('mov al, [rbx+0x1000]', 'mov [rdi], rsi', 'invlpg [rbx]', 'mov dl, [rbx+0x1000]');
      expect([machine.get('RAX') & 255n, machine.get('RDX') & 255n]).to.deep.equal([1n, BigInt(kept)]);
    });

  const accesses = { read: [R, 'mov al, [rbx]'], write: [W, 'mov [rbx], al'], fetch: [X, 'jmp rbx'] } as const;
  for (const [name, [bit, instruction]] of Object.entries(accesses)) {
    // Writable without readable is a misconfiguration; execute-only is announced.
    for (const rights of [0, R, R | W, X, R | X, R | W | X]) {
      const allowed = (rights & bit) !== 0;
      it(`a ${name} of a page with rights ${rights}: ${allowed ? 'goes through' : 'violation'}`, () => {
        startGuest();
        machine.poke64(eptEntry(page), BigInt(page | 0x30 | rights));
        machine.poke(page, 0x0f, 0xa2); // CPUID, which always exits
        machine.set('RBX', page + 8 * Number(bit !== X));
        const exit = exitOf(instruction, 'cpuid');
        if (allowed) expect(exit.reason).to.equal(10);
        else {
          const at = page + 8 * Number(bit !== X);
          expect(exit).to.deep.equal({
            reason: EPT_VIOLATION,
            qualification: bit | (rights << 3) | translated,
            linear: at,
            physical: at,
          });
        }
      });
    }
  }
  it('the rights of all levels are ANDed', () => {
    startGuest();
    machine.set('RBX', page);
    // once with all rights, so that the guest's accessed and dirty flags are set
    exitOf('mov [rbx], al', 'cpuid');
    machine.poke64(root + 0x2000, BigInt(root + 0x3000) | 5n);
    machine.cpu.flushGuestTlb();
    machine.set('RIP', At.kernelCode);
    expect(exitOf('mov [rbx], al').qualification).to.equal(W | ((R | X) << 3) | translated);
  });
  it('a read-modify-write reports read and write', () => {
    startGuest();
    machine.poke64(eptEntry(page), BigInt(page) | 0x31n);
    machine.set('RBX', page);
    expect(exitOf('add [rbx], al').qualification).to.equal(R | W | (R << 3) | translated);
  });
  it('a guest page table that is not mapped: bit 8 clear', () => {
    startGuest();
    const table = machine.entryAddress(page) & ~0xfff;
    machine.poke64(eptEntry(table), 0n);
    machine.set('RBX', page);
    // the code itself is translated by the same table
    expect(exitOf('mov al, [rbx]')).to.deep.equal({
      reason: EPT_VIOLATION,
      qualification: R | structure,
      linear: At.kernelCode,
      physical: machine.entryAddress(At.kernelCode),
    });
  });
  it('a guest page table that is read-only stops the accessed flag: a write', () => {
    startGuest();
    const at = machine.entryAddress(At.kernelCode);
    machine.poke64(eptEntry(at), BigInt(at & ~0xfff) | 0x35n);
    expect(exitOf('nop').qualification).to.equal(R | W | ((R | X) << 3) | structure);
  });
  it('the instruction that left has changed nothing and can be repeated', () => {
    startGuest();
    machine.poke64(eptEntry(page), 0n);
    machine.set('RBX', page);
    machine.set('RSP', page + 8);
    expect(exitOf('push rbx').reason).to.equal(EPT_VIOLATION);
    expect([machine.get('RSP'), machine.get('RIP')]).to.deep.equal([BigInt(page + 8), BigInt(At.kernelCode)]);
    machine.poke64(eptEntry(page), BigInt(page) | 0x37n);
    expect(exitOf('push rbx', 'cpuid').reason).to.equal(10);
    expect(machine.peek64(page)).to.equal(BigInt(page));
  });

  describe('misconfigurations', () => {
    const entries: readonly [string, bigint][] = [
      ['writable but not readable', 0x32n],
      ['writable and executable but not readable', 0x36n],
      ['memory type 2', 0x17n],
      ['memory type 7', 0x3fn],
      ['an address beyond the physical width', 0x37n | (1n << 40n)],
    ];
    for (const [name, entry] of entries) {
      it(name, () => {
        startGuest();
        machine.poke64(eptEntry(page), BigInt(page) | entry);
        machine.set('RBX', page);
        expect(exitOf('mov al, [rbx]')).to.include({ reason: EPT_MISCONFIGURATION, physical: page });
      });
    }
    it('a reserved bit of an entry that names a table', () => {
      startGuest();
      machine.poke64(root + 0x1000, BigInt(root + 0x2000) | 0xfn);
      expect(exitOf('nop').reason).to.equal(EPT_MISCONFIGURATION);
    });
  });

  it('maps large pages of 2 MiB', () => {
    startGuest();
    machine.poke64(root + 0x2008, 0x400000n | 0xb7n);
    machine.map(0x600000, 0x200000 + 0x5000, 3n);
    machine.poke(0x405123, 0x5a);
    machine.set('RBX', 0x600123);
    expect(exitOf('mov al, [rbx]', 'mov cl, al', 'cpuid').reason).to.equal(10);
    expect(machine.get('RCX')).to.equal(0x5an);
  });
  it('sets accessed and dirty flags when the EPTP asks for them', () => {
    startGuest(0x40);
    machine.set('RBX', page);
    exitOf('mov al, [rbx]', 'cpuid');
    expect(machine.peek64(eptEntry(page)) & 0x300n).to.equal(0x100n);
    startGuest(0x40);
    machine.set('RBX', page);
    exitOf('mov [rbx], al', 'cpuid');
    expect(machine.peek64(eptEntry(page)) & 0x300n).to.equal(0x300n);
    expect(machine.peek64(root) & 0x100n).to.equal(0x100n);
  });
  it('a violation during the delivery of an exception reports the exception as IDT-vectoring information', () => {
    startGuest();
    machine.poke64(eptEntry(At.kernelStackTop - 0x1000), 0n);
    const exit = exitOf('ud2');
    expect(exit).to.include({ reason: EPT_VIOLATION, linear: At.kernelStackTop - 8 });
    expect(machine.word('IDT_VECTORING_INFORMATION')).to.equal(0x80000306);
    expect(machine.get('RIP')).to.equal(BigInt(At.kernelCode));
  });

  describe('of the PDPTEs that MOV to a control register loads', () => {
    const table = 0x30000;
    /** A 32-bit guest that loads PDPTEs from a page with these EPT flags. */
    function startPae(pageFlags: number, eptpFlags = 0): void {
      startGuest(eptpFlags);
      machine.start({ bits: 32, paging: 'pae' });
      for (let i = 0; i < 512; i++) machine.poke64(root + 0x3000 + i * 8, BigInt(i << 12) | 0x37n);
      machine.poke64(table, machine.get('PDPTE0'));
      machine.poke64(eptEntry(table), BigInt(table | pageFlags));
      machine.set('VMX_EPTP', root | 0x1e | eptpFlags);
      machine.u32[Layout.VMX_MODE / 4] = 2;
      machine.stateChanged();
    }
    it('is a read without a linear address', () => {
      startPae(0);
      const exit = exitOf(`mov eax, ${table}`, 'mov cr3, eax');
      expect(exit).to.include({ reason: EPT_VIOLATION, qualification: R, physical: table });
    });
    it('stays a read with accessed and dirty flags on, and sets no dirty flag', () => {
      startPae(0x30 | R, 0x40);
      machine.write(Number(machine.get('RIP')), [`mov eax, ${table}`, 'mov cr3, eax']);
      machine.run(2);
      expect(machine.word('EXIT_REASON') === EPT_VIOLATION && machine.word('STOP') !== 0).to.equal(false);
      expect(Number(machine.get('CR3'))).to.equal(table);
      expect(machine.peek64(eptEntry(table)) & 0x300n).to.equal(0x100n);
    });
  });
});
