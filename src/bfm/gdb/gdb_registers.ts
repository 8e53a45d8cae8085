// SPDX-License-Identifier: LGPL-2.1-only
// The registers that the stub shows, in GDB's order and under GDB's names. GDB manual "i386 Features".
import type { LogicalProcessor } from '../../machine/processor/logical_processor.js';
import type { ProcessorBlock } from '../../machine/processor/processor_block.js';
import {
  writeControlRegister,
  writeDebugAddress,
  writeDebugRegister,
  writeMsr,
  writeMxcsr,
  writeRflags,
  writeRip,
  writeTable,
  writeX87Pointer,
  writeX87Words,
  writeXcr0,
  type Refusal,
} from '../../machine/debug/register_writes.js';
import type { GeneralRegister, Segment, Table } from '../../machine/processor/register_names.js';
import type { GdbRegister } from './gdb_register.js';
import { base, hiddenBases, selector } from './gdb_segments.js';

const general = ['RAX', 'RBX', 'RCX', 'RDX', 'RSI', 'RDI', 'RBP', 'RSP'] as const;
const extended = ['R8', 'R9', 'R10', 'R11', 'R12', 'R13', 'R14', 'R15'] as const;
const segments: readonly Segment[] = ['CS', 'SS', 'DS', 'ES', 'FS', 'GS'];

function quad(register: GeneralRegister, type = 'int64'): GdbRegister {
  return {
    name: register.toLowerCase(),
    bits: 64,
    type,
    feature: 'core',
    read: ({ core: { block } }) => block.get(register),
    write: ({ core: { block } }, value) => {
      block.set(register, value);
      return undefined;
    },
  };
}

function system(
  name: string,
  read: (block: ProcessorBlock) => bigint | number,
  write: GdbRegister['write'],
  type = 'int64',
): GdbRegister {
  return {
    write,
    name,
    bits: type === 'int32' ? 32 : 64,
    type,
    feature: 'system',
    group: 'system',
    read: ({ core: { block } }) => BigInt(read(block)),
  };
}

/** TOP of the status word. SDM 1 "x87 FPU Status Register". */
const topOf = (block: ProcessorBlock): number => (block.get('X87_STATUS') >>> 11) & 7;
const significandOf = (block: ProcessorBlock, physical: number): bigint => block.row('X87_REGISTERS')[physical * 2]!;
const exponentOf = (block: ProcessorBlock, physical: number): number =>
  Number(block.row('X87_REGISTERS')[physical * 2 + 1]! & 0xffffn);

/** ST(n): its 80 bits. */
const stack = (n: number): GdbRegister => ({
  name: `st${n}`,
  bits: 80,
  type: 'i387_ext',
  feature: 'core',
  group: 'float',
  read: ({ core: { block } }) => {
    const physical = (topOf(block) + n) & 7;
    return (BigInt(exponentOf(block, physical)) << 64n) | significandOf(block, physical);
  },
  write: ({ core: { block } }, value) => {
    const physical = (topOf(block) + n) & 7;
    block.row('X87_REGISTERS').set([BigInt.asUintN(64, value), value >> 64n], physical * 2);
    return undefined;
  },
});

const Tag = { Valid: 0, Zero: 1, Special: 2, Empty: 3 } as const;
const INTEGER_BIT = 1n << 63n;

/** SDM 1 "x87 FPU Tag Word". */
function tagOf(block: ProcessorBlock, physical: number): number {
  if ((block.get('X87_TAGS') & (1 << physical)) === 0) return Tag.Empty;
  const exponent = exponentOf(block, physical) & 0x7fff;
  const significand = significandOf(block, physical);
  if (exponent === 0) return significand === 0n ? Tag.Zero : Tag.Special;
  return exponent === 0x7fff || (significand & INTEGER_BIT) === 0n ? Tag.Special : Tag.Valid;
}

function tagWord(block: ProcessorBlock): bigint {
  let word = 0;
  for (let physical = 0; physical < 8; physical++) word |= tagOf(block, physical) << (physical * 2);
  return BigInt(word);
}

/** Only whether a register is empty can be written: the rest of a tag follows from the value. */
function writeTags({ core: { block } }: LogicalProcessor, word: bigint): Refusal {
  let tags = 0;
  for (let physical = 0; physical < 8; physical++)
    if (Number((word >> BigInt(physical * 2)) & 3n) !== Tag.Empty) tags |= 1 << physical;
  block.set('X87_TAGS', tags);
  return undefined;
}

const float = (
  name: string,
  read: (block: ProcessorBlock) => bigint | number,
  write: GdbRegister['write'],
): GdbRegister => ({
  write,
  name,
  bits: 32,
  type: 'int32',
  feature: 'core',
  group: 'float',
  read: ({ core: { block } }) => BigInt(read(block)),
});

const vector = (n: number): GdbRegister => ({
  name: `xmm${n}`,
  bits: 128,
  type: 'vec128',
  feature: 'sse',
  group: 'vector',
  read: ({ core: { block } }) => (block.row('XMM')[2 * n + 1]! << 64n) | block.row('XMM')[2 * n]!,
  write: ({ core: { block } }, value) => {
    block.row('XMM').set([BigInt.asUintN(64, value), value >> 64n], 2 * n);
    return undefined;
  },
});

const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

const pointer =
  (name: Parameters<typeof writeX87Pointer>[1]): GdbRegister['write'] =>
  (processor, value) =>
    writeX87Pointer(processor, name, value);

const control = (number: 0 | 3 | 4): GdbRegister =>
  system(
    `cr${number}`,
    (block) => block.get(`CR${number}`),
    (processor, value) => writeControlRegister(processor, number, value),
  );

function writeCr2({ core: { block } }: LogicalProcessor, value: bigint): Refusal {
  block.set('CR2', value);
  return undefined;
}
const debugAddress = (number: 0 | 1 | 2 | 3): GdbRegister =>
  system(
    `dr${number}`,
    (block) => block.get(`DR${number}`),
    (processor, value) => writeDebugAddress(processor, number, value),
  );

const debugRegister = (number: 6 | 7): GdbRegister =>
  system(
    `dr${number}`,
    (block) => block.get(`DR${number}`),
    (processor, value) => writeDebugRegister(processor, number, value),
  );

const table = (name: Table): GdbRegister[] => [
  system(
    `${name.toLowerCase()}_base`,
    (block) => block.get(name).base,
    (processor, base) => writeTable(processor, name, { base }),
  ),
  system(
    `${name.toLowerCase()}_limit`,
    (block) => block.get(name).limit,
    (processor, limit) => writeTable(processor, name, { limit: Number(limit) }),
    'int32',
  ),
];

/** All registers, by GDB's numbers. */
export const gdbRegisters: readonly GdbRegister[] = [
  ...general.map((name) => quad(name, name === 'RBP' || name === 'RSP' ? 'data_ptr' : 'int64')),
  ...extended.map((name) => quad(name)),
  {
    name: 'rip',
    bits: 64,
    type: 'code_ptr',
    feature: 'core',
    read: ({ core: { block } }) => block.get('RIP'),
    write: writeRip,
  },
  {
    name: 'eflags',
    bits: 32,
    type: 'i386_eflags',
    feature: 'core',
    read: ({ core: { block } }) => block.get('RFLAGS'),
    write: writeRflags,
  },
  ...segments.map((segment) => selector(segment)),
  ...upTo(8).map(stack),
  float(
    'fctrl',
    (block) => block.get('X87_CONTROL'),
    (processor, value) => writeX87Words(processor, { control: value }),
  ),
  float(
    'fstat',
    (block) => block.get('X87_STATUS'),
    (processor, value) => writeX87Words(processor, { status: value }),
  ),
  float('ftag', tagWord, writeTags),
  float('fiseg', (block) => block.get('X87_CS'), pointer('X87_CS')),
  float('fioff', (block) => block.get('X87_IP') & 0xffffffffn, pointer('X87_IP')),
  float('foseg', (block) => block.get('X87_DS'), pointer('X87_DS')),
  float('fooff', (block) => block.get('X87_DP') & 0xffffffffn, pointer('X87_DP')),
  float('fop', (block) => block.get('X87_OPCODE'), pointer('X87_OPCODE')),
  ...upTo(16).map(vector),
  {
    name: 'mxcsr',
    bits: 32,
    type: 'i386_mxcsr',
    feature: 'sse',
    group: 'vector',
    read: ({ core: { block } }) => BigInt(block.get('MXCSR')),
    write: writeMxcsr,
  },
  base('FS'),
  base('GS'),
  system(
    'k_gs_base',
    (block) => block.get('KERNEL_GS_BASE'),
    (processor, value) => writeMsr(processor, 'Ia32KernelGsBase', value),
  ),
  control(0),
  system('cr2', (block) => block.get('CR2'), writeCr2),
  control(3),
  control(4),
  system(
    'efer',
    (block) => block.get('EFER'),
    (processor, value) => writeMsr(processor, 'Ia32Efer', value),
  ),
  system('xcr0', (block) => block.get('XCR0'), writeXcr0),
  ...([0, 1, 2, 3] as const).map(debugAddress),
  debugRegister(6),
  debugRegister(7),
  ...table('GDTR'),
  ...table('IDTR'),
  selector('LDTR', 'system'),
  selector('TR', 'system'),
  ...hiddenBases,
  system('cpl', (block) => block.get('CPL'), 'it follows from the selectors', 'int32'),
];

/** The number that 'p' has, of RIP. */
export const RIP_NUMBER = gdbRegisters.findIndex(({ name }) => name === 'rip');

/** Little-endian bytes of a value. */
export function registerBytes({ bits }: GdbRegister, value: bigint): Uint8Array {
  const bytes = new Uint8Array(bits / 8);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number((value >> BigInt(8 * i)) & 0xffn);
  return bytes;
}

/** The value of little-endian bytes. */
export const registerValue = (bytes: Uint8Array): bigint =>
  bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
