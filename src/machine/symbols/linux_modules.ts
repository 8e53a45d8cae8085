// SPDX-License-Identifier: LGPL-2.1-only
// The modules of a Linux kernel in guest memory, and their symbols. `struct module` differs between versions: what is looked for in it is recognized by
// what it must contain. The guest may have written anything there, so each length and each loop has a bound.
import type { SymbolPlace } from '../../intrinsics/texts/symbol_place.js';
import { PAGE_BYTES } from '../memory/page_contents.js';
import { KERNEL_HALF } from './symbol_table.js';
import type { VirtualMemory } from './virtual_memory.js';

const MOST_MODULES = 512;
const MOST_SYMBOLS = 1 << 16;
/** Of all modules together. */
const MOST_IN_ALL = 1 << 18;
const LONGEST_NAME = 512;

/** Of `struct module`: the list of modules, and the name behind it. */
const LIST = 8n;
const NAME = 24n;
const NAME_BYTES = 56;
const MODULE_NAME = /^[A-Za-z0-9_-]+$/;
/** How far into the structure its symbols are looked for. */
const MODULE_BYTES = 4096n;

/** Of `struct mod_kallsyms`. */
const SYMBOLS = 0n;
const SYMBOL_COUNT = 8n;
const NAMES = 16n;

/** Elf64_Sym. System V ABI, "Symbol Table". */
const Symbol64 = { bytes: 24n, section: 6n, value: 8n } as const;

/** The farthest symbol before an address that is looked at, in pages. */
const MOST_PAGES = 256n;

const pageOf = (address: bigint): bigint => address / BigInt(PAGE_BYTES);

interface ModuleSymbols {
  readonly module: string;
  readonly symbols: bigint;
  readonly count: number;
  readonly names: bigint;
}

/** @param list the kernel's variable `modules`. @returns undefined if no module has the address */
export function findInModules(memory: VirtualMemory, list: bigint, address: bigint): SymbolPlace | undefined {
  let best: { readonly value: bigint; readonly name: string; readonly module: string } | undefined;
  for (const each of modulesOf(memory, list)) {
    const found = nearest(memory, each, address, best?.value ?? 0n);
    if (found !== undefined) best = { ...found, module: each.module };
  }
  if (best === undefined || !isOneRange(memory, best.value, address)) return undefined;
  return { name: best.name, offset: address - best.value, module: best.module };
}

function modulesOf(memory: VirtualMemory, list: bigint): ModuleSymbols[] {
  const modules: ModuleSymbols[] = [];
  let at = memory.u64(list);
  let left = MOST_IN_ALL;
  for (let turns = 0; turns < MOST_MODULES && left > 0 && at !== list && at >= KERNEL_HALF; turns++) {
    const found = symbolsOf(memory, at - LIST);
    left -= found?.count ?? 0;
    if (found !== undefined && left >= 0) modules.push(found);
    at = memory.u64(at);
  }
  return modules;
}

/** The pointer to a module's symbols leads to the structure right behind it, once the module is initialised. */
function symbolsOf(memory: VirtualMemory, module: bigint): ModuleSymbols | undefined {
  const name = memory.text(module + NAME, NAME_BYTES);
  if (!MODULE_NAME.test(name)) return undefined;
  for (let at = module; at < module + MODULE_BYTES; at += 8n) {
    const own = at + 8n;
    if (memory.u64(at) !== own) continue;
    const symbols = memory.u64(own + SYMBOLS);
    const names = memory.u64(own + NAMES);
    const count = memory.u32(own + SYMBOL_COUNT);
    const isPlausible = symbols >= KERNEL_HALF && names >= KERNEL_HALF && count > 0 && count <= MOST_SYMBOLS;
    if (isPlausible) return { module: name, symbols, names, count };
  }
  return undefined;
}

/** The last symbol of a module at or below an address, above `least`. */
function nearest(
  memory: VirtualMemory,
  { symbols, count, names }: ModuleSymbols,
  address: bigint,
  least: bigint,
): { readonly value: bigint; readonly name: string } | undefined {
  let value = least;
  let name = '';
  for (let index = 0; index < count; index++) {
    const at = symbols + BigInt(index) * Symbol64.bytes;
    const own = memory.u64(at + Symbol64.value);
    if (own > address || own <= value) continue;
    // The section is the upper half of the second word.
    const isDefined = memory.u32(at + Symbol64.section - 2n) >>> 16 !== 0;
    const text = isDefined ? memory.text(names + BigInt(memory.u32(at)), LONGEST_NAME) : '';
    if (text === '') continue;
    value = own;
    name = text;
  }
  return name === '' ? undefined : { value, name };
}

/** Whether all pages from a symbol to an address are mapped: between two modules, one is not. */
function isOneRange(memory: VirtualMemory, from: bigint, to: bigint): boolean {
  if (pageOf(to) - pageOf(from) > MOST_PAGES) return false;
  for (let page = pageOf(from); page <= pageOf(to); page++)
    if (memory.physical(page * BigInt(PAGE_BYTES)) < 0) return false;
  return true;
}
