// SPDX-License-Identifier: LGPL-2.1-only
// The pages of the driver's context: page table, GDT, IDT, TSS, code, stack. They are the last MiB of the VMM's carve-out, so that they
// exist from reset on and no guest's map ever has to make room for them.
import { Sizes } from '../layout/regions.js';

/** Physical address of the carve-out. */
export const carveOutPhysical = Sizes.CARVE_OUT_GIB * 0x40000000;
/** The virtual address of the carve-out in the driver's page table, and in the VMM until it has its own table. */
export const carveOutVirtual = 0xffff_a000_0000_0000n;
/** Bytes of one processor's driver context. */
const contextBytes = 0x10000;

/** Offsets of the pages of one context. */
export const DriverPage = {
  Pml4: 0x0000,
  Pdpt: 0x1000,
  PageDirectory: 0x2000,
  Gdt: 0x3000,
  Idt: 0x4000,
  Tss: 0x5000,
  Code: 0x6000,
  /** Scratch operands of instructions that take memory. */
  Operand: 0x7000,
  /** The stack grows down from the end of this page. */
  Stack: 0x8000,
  /** A page full of UD2. Host RIP of the VMM in JavaScript points here, so that code that jumps to it faults at once. */
  Undefined: 0x9000,
} as const;

/** Selectors of the driver's GDT. */
export const DriverSelector = { Code: 0x08, Data: 0x10, Tss: 0x18 } as const;

/** Instructions on the driver's code page, each in a slot of 16 bytes. Memory operands are at [RDI], the other at registers RAX, RCX, RDX. */
const instructions = {
  cpuid: [0x0f, 0xa2],
  vmcall: [0x0f, 0x01, 0xc1],
  vmlaunch: [0x0f, 0x01, 0xc2],
  vmresume: [0x0f, 0x01, 0xc3],
  vmxoff: [0x0f, 0x01, 0xc4],
  vmxon: [0xf3, 0x0f, 0xc7, 0x37],
  vmclear: [0x66, 0x0f, 0xc7, 0x37],
  vmptrld: [0x0f, 0xc7, 0x37],
  vmptrst: [0x0f, 0xc7, 0x3f],
  vmread: [0x0f, 0x78, 0xc8],
  vmwrite: [0x0f, 0x79, 0xc8],
  invept: [0x66, 0x0f, 0x38, 0x80, 0x0f],
  invvpid: [0x66, 0x0f, 0x38, 0x81, 0x0f],
  rdmsr: [0x0f, 0x32],
  wrmsr: [0x0f, 0x30],
  rdtsc: [0x0f, 0x31],
  rdtscp: [0x0f, 0x01, 0xf9],
  rdpmc: [0x0f, 0x33],
  rdrand: [0x48, 0x0f, 0xc7, 0xf0],
  rdseed: [0x48, 0x0f, 0xc7, 0xf8],
  xgetbv: [0x0f, 0x01, 0xd0],
  xsetbv: [0x0f, 0x01, 0xd1],
  invd: [0x0f, 0x08],
  wbinvd: [0x0f, 0x09],
  invlpg: [0x0f, 0x01, 0x3f],
  pause: [0xf3, 0x90],
  hlt: [0xf4],
  readCr0: [0x0f, 0x20, 0xc0],
  readCr2: [0x0f, 0x20, 0xd0],
  readCr3: [0x0f, 0x20, 0xd8],
  readCr4: [0x0f, 0x20, 0xe0],
  readCr8: [0x44, 0x0f, 0x20, 0xc0],
  writeCr0: [0x0f, 0x22, 0xc0],
  writeCr2: [0x0f, 0x22, 0xd0],
  writeCr3: [0x0f, 0x22, 0xd8],
  writeCr4: [0x0f, 0x22, 0xe0],
  writeCr8: [0x44, 0x0f, 0x22, 0xc0],
  readDr0: [0x0f, 0x21, 0xc0],
  readDr1: [0x0f, 0x21, 0xc8],
  readDr2: [0x0f, 0x21, 0xd0],
  readDr3: [0x0f, 0x21, 0xd8],
  writeDr0: [0x0f, 0x23, 0xc0],
  writeDr1: [0x0f, 0x23, 0xc8],
  writeDr2: [0x0f, 0x23, 0xd0],
  writeDr3: [0x0f, 0x23, 0xd8],
  readDr6: [0x0f, 0x21, 0xf0],
  writeDr6: [0x0f, 0x23, 0xf0],
  readDr7: [0x0f, 0x21, 0xf8],
  writeDr7: [0x0f, 0x23, 0xf8],
  lgdt: [0x0f, 0x01, 0x17],
  lidt: [0x0f, 0x01, 0x1f],
  sgdt: [0x0f, 0x01, 0x07],
  sidt: [0x0f, 0x01, 0x0f],
  lldt: [0x0f, 0x00, 0xd0],
  ltr: [0x0f, 0x00, 0xd8],
  sldt: [0x0f, 0x00, 0xc0],
  str: [0x0f, 0x00, 0xc8],
  readEs: [0x8c, 0xc0],
  readCs: [0x8c, 0xc8],
  readSs: [0x8c, 0xd0],
  readDs: [0x8c, 0xd8],
  readFs: [0x8c, 0xe0],
  readGs: [0x8c, 0xe8],
  writeEs: [0x8e, 0xc0],
  writeSs: [0x8e, 0xd0],
  writeDs: [0x8e, 0xd8],
  writeFs: [0x8e, 0xe0],
  writeGs: [0x8e, 0xe8],
  inb: [0xec],
  inw: [0x66, 0xed],
  ind: [0xed],
  outb: [0xee],
  outw: [0x66, 0xef],
  outd: [0xef],
} as const satisfies Record<string, readonly number[]>;

/** An instruction of the driver's code page. */
export type DriverInstruction = keyof typeof instructions;

const names = Object.keys(instructions) as DriverInstruction[];
const slotBytes = 16;
/** Where on the code page the IDT's gates lead: vector times 16 bytes from here. Nothing is executed there, the driver looks at RIP. */
const trapOffset = 0xc00;
export const trapVectors = 32;

/** Offset of an instruction on the code page and its length. */
export function driverInstruction(name: DriverInstruction): { offset: number; length: number } {
  return { offset: names.indexOf(name) * slotBytes, length: instructions[name].length };
}

/** The vector whose gate leads to an offset of the code page, −1 for other offsets. */
export function trapVector(offset: number): number {
  const vector = (offset - trapOffset) / slotBytes;
  return Number.isInteger(vector) && vector >= 0 && vector < trapVectors ? vector : -1;
}

/** Virtual address of a driver page. */
export function driverVirtual(processor: number, page: number): bigint {
  return carveOutVirtual + BigInt(contextOffset(processor) + page);
}

/** Physical address of a driver page. */
export function driverPhysical(processor: number, page: number): number {
  return carveOutPhysical + contextOffset(processor) + page;
}

function contextOffset(processor: number): number {
  return Sizes.CARVE_OUT - Sizes.DRIVER_PART + processor * contextBytes;
}

/** The contents of all pages of a processor's context, from `driverPhysical(processor, 0)` on. */
export function driverPages(processor: number): Uint8Array {
  const pages = new Uint8Array(contextBytes);
  const words = new Uint32Array(pages.buffer);
  buildPageTable(words, processor);
  buildDescriptors(words, processor);
  names.forEach((name, i) => pages.set(instructions[name], DriverPage.Code + i * slotBytes));
  for (let i = 0; i < 0x1000; i += 2) pages.set([0x0f, 0x0b], DriverPage.Undefined + i);
  return pages;
}

function put64(words: Uint32Array, byteOffset: number, value: bigint): void {
  words[byteOffset >>> 2] = Number(value & 0xffffffffn);
  words[(byteOffset >>> 2) + 1] = Number(value >> 32n);
}

/** Maps the carve-out at its virtual address: supervisor, writable, by 2-MiB pages. */
function buildPageTable(words: Uint32Array, processor: number): void {
  const presentWritable = 3n;
  const table = (page: number): bigint => BigInt(driverPhysical(processor, page)) | presentWritable;
  const index = (shift: bigint): number => Number((carveOutVirtual >> shift) & 0x1ffn);
  put64(words, DriverPage.Pml4 + 8 * index(39n), table(DriverPage.Pdpt));
  put64(words, DriverPage.Pdpt + 8 * index(30n), table(DriverPage.PageDirectory));
  for (let i = 0; i < Sizes.CARVE_OUT / 0x200000; i++) {
    put64(words, DriverPage.PageDirectory + 8 * i, BigInt(carveOutPhysical + i * 0x200000) | 0x83n);
  }
}

/** GDT: null, 64-bit code, data, TSS. IDT: the 32 exceptions lead to marks on the code page. */
function buildDescriptors(words: Uint32Array, processor: number): void {
  put64(words, DriverPage.Gdt + DriverSelector.Code, 0x00af9b000000ffffn);
  put64(words, DriverPage.Gdt + DriverSelector.Data, 0x00cf93000000ffffn);
  const tss = driverVirtual(processor, DriverPage.Tss);
  const low = 0x67n | ((tss & 0xffffffn) << 16n) | (0x8bn << 40n) | (((tss >> 24n) & 0xffn) << 56n);
  put64(words, DriverPage.Gdt + DriverSelector.Tss, low);
  put64(words, DriverPage.Gdt + DriverSelector.Tss + 8, tss >> 32n);
  for (let vector = 0; vector < trapVectors; vector++) {
    const handler = driverVirtual(processor, DriverPage.Code + trapOffset + vector * slotBytes);
    const gate =
      (handler & 0xffffn) |
      (BigInt(DriverSelector.Code) << 16n) |
      (0x8en << 40n) |
      (((handler >> 16n) & 0xffffn) << 48n);
    put64(words, DriverPage.Idt + 16 * vector, gate);
    put64(words, DriverPage.Idt + 16 * vector + 8, handler >> 32n);
  }
}
