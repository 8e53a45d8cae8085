// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import {
  carveOutPhysical,
  carveOutVirtual,
  driverInstruction,
  DriverPage,
  driverPages,
  driverPhysical,
  DriverSelector,
  driverVirtual,
  trapVector,
  trapVectors,
  type DriverInstruction,
} from '../../../src/machine/driver_context/driver_pages.js';
import { Sizes } from '../../../src/machine/layout/regions.js';
import { assemble } from '../../support/assembler.js';

/** The instructions in the assembler's words. */
const texts: Readonly<Record<DriverInstruction, string>> = {
  cpuid: 'cpuid',
  vmcall: 'vmcall',
  vmlaunch: 'vmlaunch',
  vmresume: 'vmresume',
  vmxoff: 'vmxoff',
  vmxon: 'vmxon [rdi]',
  vmclear: 'vmclear [rdi]',
  vmptrld: 'vmptrld [rdi]',
  vmptrst: 'vmptrst [rdi]',
  vmread: 'vmread rax, rcx',
  vmwrite: 'vmwrite rcx, rax',
  invept: 'invept rcx, [rdi]',
  invvpid: 'invvpid rcx, [rdi]',
  rdmsr: 'rdmsr',
  wrmsr: 'wrmsr',
  rdtsc: 'rdtsc',
  rdtscp: 'rdtscp',
  rdpmc: 'rdpmc',
  rdrand: 'rdrand rax',
  rdseed: 'rdseed rax',
  xgetbv: 'xgetbv',
  xsetbv: 'xsetbv',
  invd: 'invd',
  wbinvd: 'wbinvd',
  invlpg: 'invlpg [rdi]',
  pause: 'pause',
  hlt: 'hlt',
  readCr0: 'mov rax, cr0',
  readCr2: 'mov rax, cr2',
  readCr3: 'mov rax, cr3',
  readCr4: 'mov rax, cr4',
  readCr8: 'mov rax, cr8',
  writeCr0: 'mov cr0, rax',
  writeCr2: 'mov cr2, rax',
  writeCr3: 'mov cr3, rax',
  writeCr4: 'mov cr4, rax',
  writeCr8: 'mov cr8, rax',
  readDr0: 'mov rax, dr0',
  readDr1: 'mov rax, dr1',
  readDr2: 'mov rax, dr2',
  readDr3: 'mov rax, dr3',
  readDr6: 'mov rax, dr6',
  readDr7: 'mov rax, dr7',
  writeDr0: 'mov dr0, rax',
  writeDr1: 'mov dr1, rax',
  writeDr2: 'mov dr2, rax',
  writeDr3: 'mov dr3, rax',
  writeDr6: 'mov dr6, rax',
  writeDr7: 'mov dr7, rax',
  lgdt: 'lgdt [rdi]',
  lidt: 'lidt [rdi]',
  sgdt: 'sgdt [rdi]',
  sidt: 'sidt [rdi]',
  lldt: 'lldt ax',
  ltr: 'ltr ax',
  sldt: 'sldt eax',
  str: 'str eax',
  readEs: 'mov eax, es',
  readCs: 'mov eax, cs',
  readSs: 'mov eax, ss',
  readDs: 'mov eax, ds',
  readFs: 'mov eax, fs',
  readGs: 'mov eax, gs',
  writeEs: 'mov es, eax',
  writeSs: 'mov ss, eax',
  writeDs: 'mov ds, eax',
  writeFs: 'mov fs, eax',
  writeGs: 'mov gs, eax',
  inb: 'in al, dx',
  inw: 'in ax, dx',
  ind: 'in eax, dx',
  outb: 'out dx, al',
  outw: 'out dx, ax',
  outd: 'out dx, eax',
};

const pages = driverPages(1);
const word = (offset: number): bigint => new DataView(pages.buffer).getBigUint64(offset, true);
const index = (shift: bigint): number => Number((carveOutVirtual >> shift) & 0x1ffn);

describe("The pages of the driver's context", () => {
  it('have each instruction in its slot, with room between it and the marks of faults', () => {
    for (const [name, text] of Object.entries(texts)) {
      const { offset, length } = driverInstruction(name as DriverInstruction);
      const at = DriverPage.Code + offset;
      expect([...pages.subarray(at, at + length)], name).to.deep.equal([...assemble([text], 64, 0)]);
      expect(trapVector(offset), name).to.equal(-1);
    }
  });

  it('map the carve-out, and nothing else, at its virtual address', () => {
    expect(word(DriverPage.Pml4 + 8 * index(39n))).to.equal(BigInt(driverPhysical(1, DriverPage.Pdpt)) | 3n);
    expect(word(DriverPage.Pdpt + 8 * index(30n))).to.equal(BigInt(driverPhysical(1, DriverPage.PageDirectory)) | 3n);
    const entries = Array.from({ length: 512 }, (_, i) => word(DriverPage.PageDirectory + 8 * i));
    const mapped = entries.filter((entry) => entry !== 0n);
    expect(mapped).to.have.lengthOf(Sizes.CARVE_OUT / 0x200000);
    expect(mapped[0]).to.equal(BigInt(carveOutPhysical) | 0x83n);
    const used = [DriverPage.Pml4, DriverPage.Pdpt].flatMap((page) =>
      Array.from({ length: 512 }, (_, i) => word(page + 8 * i)).filter((entry) => entry !== 0n),
    );
    expect(used).to.have.lengthOf(2);
  });

  it('lead each exception to a mark that tells its vector', () => {
    for (let vector = 0; vector < trapVectors; vector++) {
      const [low, high] = [word(DriverPage.Idt + 16 * vector), word(DriverPage.Idt + 16 * vector + 8)];
      const handler = (low & 0xffffn) | ((low >> 32n) & 0xffff0000n) | (high << 32n);
      expect(Number((low >> 16n) & 0xffffn)).to.equal(DriverSelector.Code);
      expect(trapVector(Number(handler - driverVirtual(1, DriverPage.Code)))).to.equal(vector);
    }
  });

  it('of two processors are apart', () => {
    const last = driverPhysical(0, DriverPage.Undefined) + 0x1000;
    expect(driverPhysical(1, 0)).to.be.at.least(last);
    expect(driverVirtual(1, 0) - carveOutVirtual).to.equal(BigInt(driverPhysical(1, 0) - carveOutPhysical));
  });
});
