// SPDX-License-Identifier: LGPL-2.1-only
// Code of a guest that tries to reach or to end its VMM: MSRs, control registers, the VMM's memory, VMX instructions, VMCALLs.
import { VMCALL_MAGIC } from '../../src/vmm/exit/vmcall_interface.js';
import { Msr, vmxMsrs } from '../../src/intrinsics/registers/msr_definitions.js';
import { Constants } from '../../src/machine/layout/core_constants.js';
import { Sizes } from '../../src/machine/layout/regions.js';
import { SeededRandom } from '../differential/cases/seeded_random.js';
import { Page } from '../support/processor_setup.js';
import type { SystemMachine } from '../support/system_machine.js';
import { littleEndian, randomInstruction, randomValue, slotBytes } from './random_code.js';

/** Linear address of the window through which the guest sees pages of the carve-out and around it, and its pages. */
export const Window = { linear: 0x200000, pages: 64 } as const;

const carveOut = Sizes.CARVE_OUT_GIB * 2 ** 30;
/** Physical pages: ends and middle of each part of the carve-out, and its neighbours. */
const edges = [
  carveOut - 0x1000,
  carveOut,
  carveOut + 0x2800000,
  carveOut + Constants.CARVE_OUT_VMM_BYTES - 0x1000,
  carveOut + Constants.CARVE_OUT_VMM_BYTES,
  carveOut + Sizes.CARVE_OUT - 0x1000,
  carveOut + Sizes.CARVE_OUT,
] as const;

/** Maps the window: each edge, then random pages of the carve-out. */
export function mapWindow(system: SystemMachine, random: SeededRandom): void {
  for (let page = 0; page < Window.pages; page++) {
    const any = carveOut + 0x1000 * random.below(Sizes.CARVE_OUT / 0x1000);
    system.map(Window.linear + 0x1000 * page, edges[page] ?? any, Page.present | Page.writable);
  }
}

const msrs = Object.values(Msr);
/** MOV of an immediate to RAX, RCX, RDX, RSI, RDI, R8 or R11. */
const load = (register: number, value: bigint): number[] => [
  register < 8 ? 0x48 : 0x49,
  0xb8 + (register & 7),
  ...littleEndian(BigInt.asUintN(64, value), 8),
];
const [rax, rcx, rdx, rdi, r8, r11] = [0, 1, 2, 7, 8, 11];
const windowAddress = (random: SeededRandom): bigint =>
  BigInt(Window.linear + 0x1000 * random.below(Window.pages) + random.below(0x1000));

/** RDMSR or WRMSR of an MSR with a name, or of any. */
function accessMsr(random: SeededRandom): number[] {
  const msr = random.chance(0.8) ? random.pick(msrs) : random.next() >>> 0;
  const values = [...load(rax, randomValue(random)), ...load(rdx, randomValue(random))];
  return [...load(rcx, BigInt(msr)), ...(random.chance(0.5) ? [...values, 0x0f, 0x30] : [0x0f, 0x32])];
}
/** Bits of CR3 that may change and leave the guest its page table: flags, and what is reserved. All others end it at once. */
const harmlessInCr3 = [0, 1, 2, 3, 4, 5, 8, 11, 39, 40, 47, 48, 51, 52, 60, 61, 62, 63] as const;
/** MOV to CR0, CR3, CR4 or CR8: the present value with one bit flipped. */
function writeControlRegister(random: SeededRandom): number[] {
  const register = random.pick([0, 0, 3, 4, 4, 4, 8]);
  const [prefix, number] = register === 8 ? [[0x44], 0] : [[], register];
  const modrm = 0xc0 | (number << 3);
  const bit = register === 3 && random.chance(0.97) ? random.pick(harmlessInCr3) : random.below(64);
  const flip = [0x48, 0x0f, 0xba, 0xf8, bit]; // BTC RAX, imm8
  return [...prefix, 0x0f, 0x20, modrm, ...flip, ...prefix, 0x0f, 0x22, modrm];
}
/** A load, a store, a copy, an addition, a jump: to the window. */
function accessWindow(random: SeededRandom): number[] {
  const access = random.pick([
    [0x48, 0x8b, 0x07],
    [0x48, 0x89, 0x07],
    [0xf0, 0x48, 0x01, 0x07],
    [0xf3, 0x48, 0xab],
    [0x48, 0xa5],
    [0xff, 0xe7],
    // LGDT, from where there is no memory, leaves a guest without its segments.
    random.chance(0.05) ? [0x0f, 0x01, 0x17] : [0x0f, 0x01, 0x07],
  ]);
  return [...load(rcx, BigInt(random.below(64))), ...load(rdi, windowAddress(random)), ...access];
}
/** A VMCALL with the magic number, of any opcode; data at the window or elsewhere. */
function vmcall(random: SeededRandom): number[] {
  const pointer = (): bigint => (random.chance(0.5) ? windowAddress(random) : randomValue(random));
  return [
    ...load(rax, BigInt(random.below(8))),
    ...load(rdx, VMCALL_MAGIC),
    ...load(r8, pointer()),
    ...load(r11, pointer()),
    ...[0x0f, 0x01, 0xc1],
  ];
}
/** An instruction of VMX, with memory at RDI. */
function vmxInstruction(random: SeededRandom): number[] {
  const instruction = random.pick([
    [0x0f, 0x01, 0xc2],
    [0x0f, 0x01, 0xc3],
    [0x0f, 0x01, 0xc4],
    [0xf3, 0x0f, 0xc7, 0x37],
    [0x66, 0x0f, 0xc7, 0x37],
    [0x0f, 0xc7, 0x37],
    [0x0f, 0xc7, 0x3f],
    [0x0f, 0x78, 0xc8],
    [0x0f, 0x79, 0xc8],
    [0x66, 0x0f, 0x38, 0x80, 0x0f],
    [0x0f, 0x01, 0xd4],
  ]);
  return [...load(rdi, windowAddress(random)), ...instruction];
}

/** What exits in every guest, or executes in the VMM: CPUID, XSETBV, INVD, WBINVD; and an exit while something else is due. */
function exitingInstruction(random: SeededRandom): number[] {
  const before = random.pick([[], [], trapFlag, movSs, [0xfb]]);
  const exiting = random.pick([
    [...load(rax, randomValue(random)), 0x0f, 0xa2],
    [...load(rax, BigInt(random.below(8))), ...load(rcx, 0n), ...load(rdx, 0n), 0x0f, 0x01, 0xd1],
    [...load(rcx, randomValue(random)), 0x0f, 0x01, 0xd1],
    [0x0f, 0x08],
    [0x0f, 0x09],
    [0x0f, 0x01, 0xd0],
    [0x0f, 0x37],
  ]);
  return [...before, ...exiting];
}
/** PUSHF; OR word [RSP], 100H; POPF: TF = 1. */
const trapFlag = [0x9c, 0x66, 0x81, 0x0c, 0x24, 0x00, 0x01, 0x9d];
/** MOV EAX, SS; MOV SS, EAX. */
const movSs = [0x8c, 0xd0, 0x8e, 0xd0];

/** Moves to debug registers, INT n, LTR, LLDT, far returns, string I/O: rights, tables and events. */
function disturb(random: SeededRandom): number[] {
  return random.pick([
    [...load(rax, randomValue(random)), 0x0f, 0x23, 0xc0 | (random.pick([0, 1, 2, 3, 6, 7]) << 3)],
    [0xcd, random.below(256)],
    [...load(rax, BigInt(random.below(0x100))), 0x0f, 0x00, random.pick([0xd0, 0xd8])],
    [0x6a, random.below(0x60), 0x6a, random.below(0x80), 0x48, 0xcb],
    [...load(rcx, BigInt(random.below(4))), ...load(rdx, randomValue(random)), 0xf3, random.pick([0x6c, 0x6e])],
    [...load(rdx, randomValue(random)), random.pick([0xec, 0xee, 0xed, 0xef])],
    [0x0f, 0x01, 0xf8],
  ]);
}

/** Everything that a guest can try. */
const attacks = [
  accessMsr,
  writeControlRegister,
  accessWindow,
  vmcall,
  vmxInstruction,
  exitingInstruction,
  disturb,
] as const;
/** What the bare machine answers too: no VMCALL, which is the VMM's. */
const commonAttacks = attacks.filter((each) => each !== vmcall);

/** One slot of a guest in 64-bit mode that tries these attacks. */
function slotOf(random: SeededRandom, choice: readonly ((random: SeededRandom) => number[])[]): number[] {
  const bytes: number[] = [];
  for (;;) {
    const next = random.chance(0.85) ? random.pick(choice)(random) : randomInstruction(random, 64);
    if (bytes.length + next.length > slotBytes) break;
    bytes.push(...next);
  }
  while (bytes.length < slotBytes) bytes.push(0x90);
  return bytes;
}

/** One slot of a hostile guest. */
export const hostileSlot = (random: SeededRandom): number[] => slotOf(random, attacks);

/**
 * One slot of a hostile guest that finds the same on the bare machine. VMX, which the VMM hides, is left alone, and so is CR0.NE: VMX operation
 * fixes it to 1, so under a VMM an x87 error is #MF even if the guest wants the interrupt of MS-DOS machines.
 */
export function commonSlot(random: SeededRandom): number[] {
  for (;;) {
    const slot = slotOf(random, commonAttacks);
    if (!findsOther(slot)) return slot;
  }
}

/** MOV RCX, imm64 of an MSR of VMX's; BTC RAX, 13 (CR4.VMXE); BTC RAX, 5 (CR0.NE); VMCALL. */
const otherSequences = [
  ...vmxMsrs.map((msr) => load(rcx, BigInt(msr))),
  [0x48, 0x0f, 0xba, 0xf8, 13],
  [0x48, 0x0f, 0xba, 0xf8, 5],
  [0x0f, 0x01, 0xc1],
].map((bytes) => Buffer.from(bytes));
function findsOther(slot: readonly number[]): boolean {
  const bytes = Buffer.from(slot);
  return otherSequences.some((sequence) => bytes.includes(sequence));
}
