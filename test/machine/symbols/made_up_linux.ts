// SPDX-License-Identifier: LGPL-2.1-only
// A machine whose memory looks as if Linux ran: a kernel that has moved itself, its symbols, and a module.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Pc, type PcOptions } from '../../../src/machine/pc.js';
import { buildFolder } from '../../../src/driver/node/package_paths.js';
import { kernelSymbols, writeKallsyms, type KallsymsLayout, type KernelSymbol } from './kallsyms_image.js';

/** Where the kernel was linked, and where it has put itself. */
export const LINKED_TEXT = 0xffffffff81000000n;
export const TEXT = 0xffffffff9a200000n;
const PHYSICAL_TEXT = 0x400000;
/** In the kernel's image. */
const TABLES = 0x100000;
const PAGE_TABLE = 0x180000;
const MODULES = 0x190000;
const MODULE_AREA = 0xffffffffc0000000n;
const MODULE_PHYSICAL = 0x700000;

export const At = {
  /** Entry of SYSCALL. */
  syscall: TEXT + 0x100n,
  /** In the kernel's function 300. */
  inFunction: TEXT + 32n * 300n + 4n,
  module: MODULE_AREA,
  /** A function of the module. */
  moduleFunction: MODULE_AREA + 0x2040n,
  /** Behind a page that is not mapped. */
  nobody: MODULE_AREA + 0x5000n,
} as const;

const symbols: readonly KernelSymbol[] = [
  ...kernelSymbols(600, TEXT),
  { address: TEXT + BigInt(PAGE_TABLE), name: 'init_top_pgt', type: 'D' },
  { address: TEXT + BigInt(MODULES), name: 'modules', type: 'd' },
  { address: TEXT + 0x1a0000n, name: '_end', type: 'B' },
];

const PRESENT = 3;
const LARGE = 0x83;

function quads(values: readonly (readonly [place: number, value: bigint])[], bytes = 4096): Uint8Array {
  const memory = new Uint8Array(bytes);
  const data = new DataView(memory.buffer);
  for (const [place, value] of values) data.setBigUint64(place, value, true);
  return memory;
}

const index = (address: bigint, shift: bigint): number => 8 * Number((address >> shift) & 0x1ffn);

/** Page tables at 0x680000 … : the root of the kernel has all of it; that of a process lacks the module. */
function writePageTables({ core }: Pc): void {
  const { guestRam } = core;
  const [pdpt, pd, pt, processPdpt, processPd] = [0x680000, 0x681000, 0x682000, 0x683000, 0x684000];
  const text: [number, bigint] = [index(TEXT, 21n), BigInt(PHYSICAL_TEXT | LARGE)];
  guestRam.set(quads([[index(TEXT, 39n), BigInt(pdpt | PRESENT)]]), PHYSICAL_TEXT + PAGE_TABLE);
  guestRam.set(
    quads([
      [index(TEXT, 30n), BigInt(pd | PRESENT)],
      [index(MODULE_AREA, 30n), BigInt((pd + 0x4000) | PRESENT)],
    ]),
    pdpt,
  );
  guestRam.set(quads([text]), pd);
  guestRam.set(quads([[index(MODULE_AREA, 21n), BigInt(pt | PRESENT)]]), pd + 0x4000);
  const pages = [0, 1, 2, 5].map((page): [number, bigint] => [
    8 * page,
    BigInt((MODULE_PHYSICAL + 0x1000 * page) | PRESENT),
  ]);
  guestRam.set(quads(pages), pt);
  const root = Number(core.block.get('CR3'));
  guestRam.set(quads([[0, BigInt(processPdpt | PRESENT)]], 8), root + index(TEXT, 39n));
  guestRam.set(quads([[index(TEXT, 30n), BigInt(processPd | PRESENT)]]), processPdpt);
  guestRam.set(quads([text]), processPd);
}

/** struct module, its symbols and their names. */
function writeModule({ core }: Pc): void {
  const { guestRam } = core;
  const list = TEXT + BigInt(MODULES);
  const own = At.module + 0x200n;
  const bytes = quads(
    [
      [8, list],
      [0x1f8, own],
      [0x200, At.module + 0x1000n],
      [0x208, 3n],
      [0x210, At.module + 0x1800n],
      // Elf64_Sym: the null symbol, one of another section, and the function.
      [0x1018, 1n | (1n << 48n)],
      [0x1020, At.module + 0x2000n],
      [0x1030, 7n | (1n << 48n)],
      [0x1038, At.moduleFunction],
    ],
    0x3000,
  );
  bytes.set(Buffer.from('virtio_net\0'), 24);
  bytes.set(Buffer.from('\0start\0probe\0'), 0x1800);
  guestRam.set(bytes, MODULE_PHYSICAL);
  guestRam.set(quads([[0, At.module + 8n]], 8), PHYSICAL_TEXT + MODULES);
}

/** A machine at the beginning of a guest that the memory around it does not know. @param guest code for the flat loader */
export async function madeUpLinux(
  layout: KallsymsLayout,
  options: Partial<PcOptions> = {},
  guest = Uint8Array.of(0xf4, 0xff),
): Promise<Pc> {
  const coreModule = new WebAssembly.Module(readFileSync(join(buildFolder, 'cpu', 'cpu.wasm')));
  const pc = await Pc.create({ coreModule, memoryBytes: 16 << 20, com1: () => {}, com2: () => {}, ...options });
  pc.boot({ kernel: { name: 'guest', bytes: guest }, modules: [], append: '' });
  const image = new Uint8Array(0x80000);
  writeKallsyms(image, 0, { symbols, layout, virtualOffset: TEXT + BigInt(TABLES) });
  pc.core.guestRam.set(image, PHYSICAL_TEXT + TABLES);
  writePageTables(pc);
  writeModule(pc);
  pc.core.block.set('LSTAR', At.syscall);
  return pc;
}
