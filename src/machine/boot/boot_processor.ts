// SPDX-License-Identifier: LGPL-2.1-only
import { Layout } from '../layout.js';
import { BootArea, BootSelector, GDT_BYTES } from './boot_area.js';
import type { LoadedImage } from './boot_image.js';

const CR0_PROTECTED = 0x31; // PE, ET, NE: VMX operation needs NE
const CR0_PAGING = 0x80000000;
const CR4_PAE = 0x20;
const EFER_LONG = 0x500; // LME, LMA
const RFLAGS_FIXED = 2;

const RIGHTS_CODE_64 = 0xa09b;
const RIGHTS_CODE_32 = 0xc09b;
const RIGHTS_DATA = 0xc093;
const RIGHTS_TSS = 0x8b;
const RIGHTS_UNUSABLE = 0x10000;
const FLAT_LIMIT = 0xffffffff;
/** The limit that SDM 3A "Processor State After Reset" gives to LDTR and TR. */
const RESET_LIMIT = 0xffff;

/** The machine's memory as the loader of processor state writes it. */
export interface ProcessorWords {
  readonly u32: Uint32Array;
  readonly u64: BigUint64Array;
}

type Segment = 'ES' | 'CS' | 'SS' | 'DS' | 'FS' | 'GS' | 'LDTR' | 'TR';

/** Puts a processor that has just been reset into the state in which an image is entered. Its owner must tell the core afterwards. */
export function enterImage(words: ProcessorWords, image: LoadedImage): void {
  const { u32, u64 } = words;
  const set32 = (address: number, value: number): void => void (u32[address >> 2] = value);
  const set64 = (address: number, value: number): void => void (u64[address >> 3] = BigInt(value));
  const segment = (name: Segment, selector: number, limit: number, rights: number): void => {
    set32(Layout[`${name}_SELECTOR`], selector);
    set64(Layout[`${name}_BASE`], 0);
    set32(Layout[`${name}_LIMIT`], limit);
    set32(Layout[`${name}_RIGHTS`], rights);
  };
  const long = image.mode === 'long';
  segment('CS', BootSelector.CODE, FLAT_LIMIT, long ? RIGHTS_CODE_64 : RIGHTS_CODE_32);
  for (const name of ['DS', 'ES', 'SS', 'FS', 'GS'] as const) segment(name, BootSelector.DATA, FLAT_LIMIT, RIGHTS_DATA);
  segment('LDTR', 0, RESET_LIMIT, RIGHTS_UNUSABLE);
  segment('TR', 0, RESET_LIMIT, RIGHTS_TSS);
  set64(Layout.GDTR_BASE, BootArea.GDT);
  set32(Layout.GDTR_LIMIT, GDT_BYTES - 1);
  set64(Layout.IDTR_BASE, 0);
  set32(Layout.IDTR_LIMIT, 0);
  set64(Layout.CR0, long ? CR0_PROTECTED + CR0_PAGING : CR0_PROTECTED);
  set64(Layout.CR3, image.pageTable);
  set64(Layout.CR4, long ? CR4_PAE : 0);
  set64(Layout.EFER, long ? EFER_LONG : 0);
  set64(Layout.RFLAGS_SYSTEM, RFLAGS_FIXED);
  set64(Layout.RIP, image.entry);
  for (const [index, name] of ['rax', 'rcx', 'rdx', 'rbx', 'rsp', 'rbp', 'rsi', 'rdi'].entries()) {
    set64(Layout.RAX + 8 * index, image.registers[name as keyof LoadedImage['registers']] ?? 0);
  }
}
