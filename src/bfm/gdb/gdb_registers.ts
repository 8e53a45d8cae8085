// SPDX-License-Identifier: LGPL-2.1-only
// The registers that the stub shows, in GDB's order and under GDB's names. GDB manual "i386 Features".
import type { LogicalProcessor } from '../../machine/processor/logical_processor.js';
import type { ProcessorBlock } from '../../machine/processor/processor_block.js';
import type { GeneralRegister, Segment } from '../../machine/processor/register_names.js';

/** A register as GDB sees it. */
export interface GdbRegister {
  readonly name: string;
  readonly bits: 16 | 32 | 64 | 80 | 128;
  /** Its type in the target description. */
  readonly type: string;
  readonly feature: 'core' | 'sse' | 'segments' | 'system';
  readonly group?: 'float' | 'vector' | 'system';
  readonly read: (processor: LogicalProcessor) => bigint;
  /** Undefined: it cannot be written. */
  readonly write?: (block: ProcessorBlock, value: bigint) => void;
}

const general = ['RAX', 'RBX', 'RCX', 'RDX', 'RSI', 'RDI', 'RBP', 'RSP'] as const;
const extended = ['R8', 'R9', 'R10', 'R11', 'R12', 'R13', 'R14', 'R15'] as const;
const segments: readonly Segment[] = ['CS', 'SS', 'DS', 'ES', 'FS', 'GS'];

function quad(register: GeneralRegister | 'RIP', type = 'int64'): GdbRegister {
  return {
    name: register.toLowerCase(),
    bits: 64,
    type,
    feature: 'core',
    read: ({ core: { block } }) => block.get(register),
    write: (block, value) => block.set(register, value),
  };
}

const selector = (segment: Segment): GdbRegister => ({
  name: segment.toLowerCase(),
  bits: 32,
  type: 'int32',
  feature: 'core',
  read: ({ core: { block } }) => BigInt(block.get(segment).selector),
});

const base = (segment: 'FS' | 'GS'): GdbRegister => ({
  name: `${segment.toLowerCase()}_base`,
  bits: 64,
  type: 'int64',
  feature: 'segments',
  read: ({ core: { block } }) => block.get(segment).base,
});

function system(name: string, read: (block: ProcessorBlock) => bigint | number, type = 'int64'): GdbRegister {
  return {
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

const float = (name: string, read: (block: ProcessorBlock) => bigint | number): GdbRegister => ({
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
});

const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

/** All registers, by GDB's numbers. */
export const gdbRegisters: readonly GdbRegister[] = [
  ...general.map((name) => quad(name, name === 'RBP' || name === 'RSP' ? 'data_ptr' : 'int64')),
  ...extended.map((name) => quad(name)),
  quad('RIP', 'code_ptr'),
  {
    name: 'eflags',
    bits: 32,
    type: 'i386_eflags',
    feature: 'core',
    read: ({ core: { block } }) => block.get('RFLAGS'),
    write: (block, value) => block.set('RFLAGS', value),
  },
  ...segments.map(selector),
  ...upTo(8).map(stack),
  float('fctrl', (block) => block.get('X87_CONTROL')),
  float('fstat', (block) => block.get('X87_STATUS')),
  float('ftag', tagWord),
  float('fiseg', (block) => block.get('X87_CS')),
  float('fioff', (block) => block.get('X87_IP') & 0xffffffffn),
  float('foseg', (block) => block.get('X87_DS')),
  float('fooff', (block) => block.get('X87_DP') & 0xffffffffn),
  float('fop', (block) => block.get('X87_OPCODE')),
  ...upTo(16).map(vector),
  {
    name: 'mxcsr',
    bits: 32,
    type: 'i386_mxcsr',
    feature: 'sse',
    group: 'vector',
    read: ({ core: { block } }) => BigInt(block.get('MXCSR')),
  },
  base('FS'),
  base('GS'),
  system('k_gs_base', (block) => block.get('KERNEL_GS_BASE')),
  ...(['CR0', 'CR2', 'CR3', 'CR4'] as const).map((name) => system(name.toLowerCase(), (block) => block.get(name))),
  system('efer', (block) => block.get('EFER')),
  system('xcr0', (block) => block.get('XCR0')),
  ...(['DR0', 'DR1', 'DR2', 'DR3', 'DR6', 'DR7'] as const).map((name) =>
    system(name.toLowerCase(), (block) => block.get(name)),
  ),
  system('gdtr_base', (block) => block.get('GDTR').base),
  system('gdtr_limit', (block) => block.get('GDTR').limit, 'int32'),
  system('idtr_base', (block) => block.get('IDTR').base),
  system('idtr_limit', (block) => block.get('IDTR').limit, 'int32'),
  system('ldtr', (block) => block.get('LDTR').selector, 'int32'),
  system('tr', (block) => block.get('TR').selector, 'int32'),
  system('tr_base', (block) => block.get('TR').base),
  system('cpl', (block) => block.get('CPL'), 'int32'),
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
