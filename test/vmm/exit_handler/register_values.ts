// SPDX-License-Identifier: LGPL-2.1-only
// Guests that write values into control registers and MSRs, and log the fault and the value afterwards. A guest is a small interpreter and
// a table of writes.
import { Msr } from '../../../src/intrinsics/registers/msr_definitions.js';
import { assemble, type CodeBits } from '../../support/assembler.js';
import { handlers, logPlace } from '../guest_programs.js';

/** Physical, and linear, addresses in the guest's image, which begins at `code64`. */
const At = {
  code64: 0x200000,
  code32: 0x208000,
  writes: 0x210000,
  idt32: 0x300000,
  gdt: 0x301000,
  gdtr: 0x302000,
  idtr: 0x302010,
  pdptes: 0x400000,
  directories: 0x410000,
  end: 0x414000,
} as const;

/** An image that is filled in pieces. */
class Image {
  readonly bytes = new Uint8Array(At.end - At.code64);
  private readonly view = new DataView(this.bytes.buffer);

  code(address: number, lines: readonly string[], bits: CodeBits): void {
    this.bytes.set(assemble(lines, bits, address), address - At.code64);
  }
  put(address: number, ...values: readonly (bigint | number)[]): void {
    values.forEach((value, index) =>
      this.view.setBigUint64(address - At.code64 + 8 * index, BigInt.asUintN(64, BigInt(value)), true),
    );
  }
}

/** A write: its kind, and two operands. */
type Write = readonly [kind: number, first: bigint | number, second: bigint | number];

/** Lines that take the next write into RAX, RCX and RBX, and go to the label of its kind, from 1 on. 0 ends the guest. */
const dispatch = (labels: readonly string[], size: 4 | 8): string[] => {
  const [a, c, b, next] = size === 8 ? ['rax', 'rcx', 'rbx', 'r8'] : ['eax', 'ecx', 'ebx', 'esi'];
  return [
    `next: mov ${a}, [${next}]`,
    `mov ${c}, [${next} + 8]`,
    `mov ${b}, [${next} + 16]`,
    `add ${next}, 24`,
    ...labels.flatMap((label, index) => [`cmp ${a}, ${index + 1}`, `je ${label}`]),
    ...['mov edx, 0x604', 'mov eax, 0x2000', 'out dx, ax', 'hlt'],
  ];
};

const kinds64 = ['flip_msr', 'set_msr', 'flip_cr0', 'flip_cr3', 'flip_cr4', 'flip_cr8', 'set_xcr0', 'set_msw'] as const;
const kind64 = (name: (typeof kinds64)[number]): number => kinds64.indexOf(name) + 1;

/** Executes lines; R15 is then the vector of their fault, and in the log. */
const attempt = (name: string, lines: readonly string[]): string[] => [
  `lea r14, [rip + ${name}]`,
  'xor r15d, r15d',
  ...lines,
  `${name}: mov rax, r15`,
  'call append',
];
/** Flips bits of a control register, logs the new value, and restores the old one. */
const flip = (register: string): string[] => [
  `flip_${register}: mov r12, ${register}`,
  'mov r10, r12',
  'xor r10, rbx',
  ...attempt(`${register}_done`, [`mov ${register}, r10`]),
  ...[`mov rax, ${register}`, 'call append', `mov ${register}, r12`, 'jmp next'],
];

const interpreter64 = [
  ...handlers({ 13: 'gp', 6: 'ud' }),
  `mov r8d, ${At.writes}`,
  ...dispatch(kinds64, 8),
  'gp: mov r15d, 13',
  'add rsp, 8',
  ...['mov [rsp], r14', 'iretq'],
  'ud: mov r15d, 6',
  ...['mov [rsp], r14', 'iretq'],
  // Appends RAX to the log.
  `append: mov edi, ${logPlace.pointer}`,
  ...['mov rbp, [rdi]', 'mov [rbp], rax', 'add qword ptr [rdi], 8', 'ret'],
  'flip_msr: call read_msr',
  ...['mov r10, r12', 'xor r10, rbx', 'jmp write_msr'],
  'set_msr: call read_msr',
  'mov r10, rbx',
  'write_msr: nop',
  ...attempt('written', ['mov rax, r10', 'mov rdx, r10', 'shr rdx, 32', 'wrmsr']),
  'mov r11, r12',
  'call read_msr',
  ...attempt('restored', ['mov rax, r11', 'mov rdx, r11', 'shr rdx, 32', 'wrmsr']),
  'jmp next',
  // R12 := the MSR of ECX, logged.
  'read_msr: xor edx, edx',
  ...attempt('read', ['xor eax, eax', 'rdmsr', 'shl rdx, 32', 'or rdx, rax']),
  ...['mov r12, rdx', 'mov rax, rdx', 'jmp append'],
  ...['cr0', 'cr3', 'cr4', 'cr8'].flatMap(flip),
  'set_xcr0: mov rax, cr4',
  ...['or eax, 0x40000', 'mov cr4, rax'],
  ...attempt('xcr0_done', ['xor ecx, ecx', 'mov rax, rbx', 'mov rdx, rbx', 'shr rdx, 32', 'xsetbv']),
  ...['xor ecx, ecx', 'xgetbv', 'call append', 'jmp next'],
  'set_msw: nop',
  ...attempt('msw_done', ['lmsw bx']),
  ...['mov rax, cr0', 'call append', 'clts', 'mov rax, cr0', 'call append', 'jmp next'],
];

/** MSRs whose values are in VMCS fields, and others that take an address or have reserved bits or do not exist. */
const msrs = [
  Msr.Ia32SysenterCs,
  Msr.Ia32SysenterEsp,
  Msr.Ia32SysenterEip,
  Msr.Ia32Debugctl,
  Msr.Ia32Pat,
  Msr.Ia32PerfGlobalCtrl,
  Msr.Ia32Efer,
  Msr.Ia32Star,
  Msr.Ia32Lstar,
  Msr.Ia32Cstar,
  Msr.Ia32Fmask,
  Msr.Ia32FsBase,
  Msr.Ia32GsBase,
  Msr.Ia32KernelGsBase,
  Msr.Ia32TscAux,
  Msr.Ia32Xss,
  Msr.Ia32Bndcfgs,
  Msr.Ia32SCet,
  Msr.Ia32RtitCtl,
  Msr.Ia32McgCap,
  0x12345678,
  0xc0001fff,
] as const;

const values = [
  0n,
  0xffff_ffff_ffff_ffffn,
  0x0000_7fff_ffff_ffffn,
  0x0000_8000_0000_0000n,
  0xffff_7fff_ffff_ffffn,
  0xffff_8000_0000_0000n,
  0x0706_0504_0100_0706n,
  0x0706_0504_0100_0703n,
  0x0206_0504_0100_0706n,
  0x0806_0504_0100_0706n,
] as const;

const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, n) => from + n);
const eachBit = range(0, 63).map((bit) => 1n << BigInt(bit));
const vmxe = 1n << 13n;
/** CD alone, CD and NW, NW alone, each with a change of NE, and PG and PE together. */
const cr0Flips = [0x40000020n, 0x60000020n, 0x20000020n, 0x40000000n, 0x60000000n, 0x80000001n];

const writes64: readonly Write[] = [
  ...msrs.flatMap((msr): Write[] => [
    ...eachBit.map((bit): Write => [kind64('flip_msr'), msr, bit]),
    ...values.map((value): Write => [kind64('set_msr'), msr, value]),
  ]),
  ...[...eachBit, ...cr0Flips].map((bits): Write => [kind64('flip_cr0'), 0, bits]),
  // Bits 12 to 38 would lead to other page tables.
  ...eachBit.filter((_, bit) => bit < 12 || bit > 38).map((bit): Write => [kind64('flip_cr3'), 0, bit]),
  ...eachBit.filter((bit) => bit !== vmxe).map((bit): Write => [kind64('flip_cr4'), 0, bit]),
  ...eachBit.map((bit): Write => [kind64('flip_cr8'), 0, bit]),
  ...eachBit.map((bit): Write => [kind64('set_xcr0'), 0, bit ^ 1n]),
  ...range(0, 15).map((value): Write => [kind64('set_msw'), 0, value]),
];

/** A guest in 64-bit mode. */
export function guest64(): Uint8Array {
  const image = new Image();
  image.code(At.code64, interpreter64, 64);
  image.put(At.writes, ...writes64.flat());
  return image.bytes;
}

const kinds32 = ['load', 'paging', 'poke', 'flip_cr4', 'flip_cr0'] as const;
const kind32 = (name: (typeof kinds32)[number]): number => kinds32.indexOf(name) + 1;
const attempt32 = (name: string, lines: readonly string[]): string[] => [
  `lea edi, [${name}]`,
  'xor ebp, ebp',
  ...lines,
  `${name}: mov eax, ebp`,
  'call append',
  ...['cr0', 'cr3', 'cr4'].flatMap((register) => [`mov eax, ${register}`, 'call append']),
];
const pagingOff = ['mov eax, cr0', 'and eax, 0x7fffffff', 'mov cr0, eax'];
const loadGood = [`mov eax, ${At.pdptes}`, 'mov cr3, eax'];

/** From IA-32e mode to PAE paging outside it, then the writes. */
const interpreter32 = [
  ...['mov eax, 0x18', 'mov ds, eax', 'mov es, eax', 'mov ss, eax', 'mov esp, 0x1f0000'],
  ...pagingOff,
  ...[`mov ecx, ${Msr.Ia32Efer}`, 'rdmsr', 'and eax, 0xfffffeff', 'wrmsr'],
  `lidt [${At.idtr}]`,
  ...loadGood,
  ...['mov eax, cr0', 'or eax, 0x80000000', 'mov cr0, eax'],
  `mov esi, ${At.writes}`,
  ...dispatch(kinds32, 4),
  `append: mov edx, [${logPlace.pointer}]`,
  ...['mov [edx], eax', 'mov dword ptr [edx + 4], 0', `add dword ptr [${logPlace.pointer}], 8`, 'ret'],
  // MOV to CR3 while paging is on.
  'load: nop',
  ...attempt32('loaded', ['mov cr3, ecx']),
  ...[...loadGood, 'jmp next'],
  // Paging goes on with CR3 from ECX; EBX are other bits of CR0 that change at once.
  'paging: nop',
  ...[...pagingOff, 'mov cr3, ecx'],
  ...attempt32('paged', ['mov eax, cr0', 'or eax, 0x80000000', 'xor eax, ebx', 'mov cr0, eax']),
  ...[...pagingOff, ...loadGood, 'mov eax, cr0', 'or eax, 0x80000020', 'mov cr0, eax', 'jmp next'],
  'poke: xor [ecx], ebx',
  'jmp next',
  'flip_cr4: nop',
  ...attempt32('flipped_cr4', ['mov eax, cr4', 'xor eax, ecx', 'mov cr4, eax']),
  ...['test ebp, ebp', 'jnz next', 'mov eax, cr4', 'xor eax, ecx', 'mov cr4, eax', 'jmp next'],
  'flip_cr0: nop',
  ...attempt32('flipped_cr0', ['mov eax, cr0', 'xor eax, ecx', 'mov cr0, eax']),
  ...['test ebp, ebp', 'jnz next', 'mov eax, cr0', 'xor eax, ecx', 'mov cr0, eax', 'jmp next'],
];
const faultHandler = ['mov ebp, 13', 'add esp, 4', 'mov [esp], edi', 'iretd'];

const pdpte = (index: number): bigint => BigInt(At.directories + index * 0x1000) | 1n;
/** Tables of four PDPTEs: the good one, one each with a wrong bit, and one whose wrong entry is not present. */
const pdpteTables: readonly (readonly bigint[])[] = [
  [pdpte(0), pdpte(1), pdpte(2), pdpte(3)],
  ...[1, 2, 5, 6, 7, 8, 39, 51, 52, 62, 63].map((bit) => [
    ...[pdpte(0), pdpte(1), pdpte(2)],
    pdpte(3) | (1n << BigInt(bit)),
  ]),
  [pdpte(0), pdpte(1), pdpte(2), 0xffff_ffff_ffff_fffen],
];
/** The tables, and where there is no memory, and a device. */
const cr3Values = [...pdpteTables.map((_, index) => At.pdptes + 32 * index), 0xc0000000, 0xfee00000, 0xffffffe0];
const lastPdpte = At.pdptes + 24;

const writes32: readonly Write[] = [
  ...cr3Values.map((cr3): Write => [kind32('load'), cr3, 0]),
  ...[0, 0x20].flatMap((others) => cr3Values.map((cr3): Write => [kind32('paging'), cr3, others])),
  // The table in memory gets a wrong bit: only what loads PDPTEs notices.
  [kind32('poke'), lastPdpte, 2],
  ...[2, 3, 4, 7, 9, 20].map((bit): Write => [kind32('flip_cr4'), 1 << bit, 0]),
  ...[0x40000020, 0x10020, 0x40000].map((bits): Write => [kind32('flip_cr0'), bits, 0]),
  [kind32('poke'), lastPdpte, 2],
  ...range(0, 31)
    .filter((bit) => 1n << BigInt(bit) !== vmxe && bit !== 5)
    .map((bit): Write => [kind32('flip_cr4'), 1n << BigInt(bit), 0]),
  ...range(0, 30).map((bit): Write => [kind32('flip_cr0'), 1 << bit, 0]),
];

/** A guest in 32-bit mode with PAE paging, whose PDPTEs are in registers. */
export function guestPae(): Uint8Array {
  const image = new Image();
  image.code(
    At.code64,
    [
      ...[`mov edi, ${logPlace.pointer}`, `mov qword ptr [rdi], ${logPlace.first}`],
      ...[`mov edi, ${At.gdtr}`, 'lgdt [rdi]', 'push 0x10', `push ${At.code32}`, '.byte 0x48, 0xcb'],
    ],
    64,
  );
  const handler = At.code32 - 0x100;
  image.code(handler, faultHandler, 32);
  image.code(At.code32, interpreter32, 32);
  image.put(At.writes, ...writes32.flat());
  image.put(At.gdt, 0, 0x00af9b000000ffffn, 0x00cf9b000000ffffn, 0x00cf93000000ffffn);
  image.put(At.gdtr, 0x1fn | (BigInt(At.gdt) << 16n));
  image.put(At.idt32 + 8 * 13, 0x8e00_0010_0000n | BigInt(handler & 0xffff) | (BigInt(handler >>> 16) << 48n));
  image.put(At.idtr, 0xffn | (BigInt(At.idt32) << 16n));
  pdpteTables.forEach((entries, index) => image.put(At.pdptes + 32 * index, ...entries));
  // 4 GiB to themselves, by pages of 2 MiB.
  image.put(At.directories, ...range(0, 2047).map((page) => BigInt(page * 0x200000) | 0xe3n));
  return image.bytes;
}
