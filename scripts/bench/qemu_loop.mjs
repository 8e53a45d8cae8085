// SPDX-License-Identifier: LGPL-2.1-only
// The loops of guests/bench_* on QEMU: a multiboot image that goes to 64-bit mode and falls into the guest's code at its address.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Const, Keystone, loadKeystone } from 'keystone-wasm';
import { flatImageAddress } from '../build/guests.mjs';
import { guestCode } from './bench_machine.mjs';

const STUB_BYTES = 0x1000;
const stubAddress = flatImageAddress - STUB_BYTES;
const TABLES = 0x8000;
const MULTIBOOT_MAGIC = 0x1badb002;
/** The header has addresses of its own. */
const HAS_ADDRESSES = 1 << 16;
const HEADER_BYTES = 32;
/** What isa-debug-exit makes of the 0 that the guest writes: QEMU's status is twice the value and one. */
const EXIT_STATUS = 1;

/** Maps the first GiB with pages of 2 MiB and enters 64-bit mode. SDM 3A "Initializing IA-32e Mode". */
const stub = `
    mov edi, ${TABLES}
    mov dword ptr [edi], ${TABLES + 0x1003}
    mov dword ptr [edi + 0x1000], ${TABLES + 0x2003}
    mov ecx, 512
    mov eax, 0x83
    lea ebx, [edi + 0x2000]
next:
    mov dword ptr [ebx], eax
    add eax, 0x200000
    add ebx, 8
    dec ecx
    jnz next
    mov cr3, edi
    mov eax, 0x620
    mov cr4, eax
    mov ecx, 0xc0000080
    rdmsr
    or eax, 0x100
    wrmsr
    mov eax, 0x80000011
    mov cr0, eax
`;
/** A null descriptor and one of 64-bit code, and the pointer to them. */
const GDT = [0, 0, 0, 0x00209a00];

/** A far jump through a pointer in memory, and LGDT, by their bytes: the assembler knows them in other modes only. */
function image(code) {
  const keystone = new Keystone(Const.KS_ARCH_X86, Const.KS_MODE_32);
  const bytes = new Uint8Array(STUB_BYTES + code.length);
  const view = new DataView(bytes.buffer);
  const words = [MULTIBOOT_MAGIC, HAS_ADDRESSES, -(MULTIBOOT_MAGIC + HAS_ADDRESSES), stubAddress, stubAddress];
  words.push(0, 0, stubAddress + HEADER_BYTES);
  words.forEach((word, i) => view.setInt32(4 * i, word, true));
  const gdt = STUB_BYTES - 64;
  GDT.forEach((word, i) => view.setUint32(gdt + 4 * i, word, true));
  view.setUint16(gdt + 16, 4 * GDT.length - 1, true);
  view.setUint32(gdt + 18, stubAddress + gdt, true);
  view.setUint32(gdt + 32, flatImageAddress, true);
  view.setUint16(gdt + 36, 8, true);
  const pointer = (opcode, at) => [...opcode, ...[0, 8, 16, 24].map((shift) => (at >> shift) & 255)];
  const program = [
    ...keystone.asm(stub, { address: stubAddress + HEADER_BYTES }),
    ...pointer([0x0f, 0x01, 0x15], stubAddress + gdt + 16),
    ...pointer([0xff, 0x2d], stubAddress + gdt + 32),
  ];
  keystone.close();
  bytes.set(program, HEADER_BYTES);
  bytes.set(code, STUB_BYTES);
  return bytes;
}

function seconds(qemu, path) {
  const args = ['-accel', 'tcg', '-m', '64', '-display', 'none', '-nodefaults', '-no-reboot', '-kernel', path];
  args.push('-device', 'isa-debug-exit,iobase=0xf4,iosize=4');
  const start = performance.now();
  const { status, stderr } = spawnSync(qemu, args, { encoding: 'utf8', timeout: 120_000 });
  if (status !== EXIT_STATUS) throw new Error(`${qemu} ended with status ${status}: ${stderr}`);
  return (performance.now() - start) / 1000;
}

/**
 * Millions of instructions a second of a loop on QEMU's TCG. The time of a QEMU whose guest ends at once is taken off.
 * @param qemu name of the program.
 */
export async function qemuMips(qemu, { instructions }, name) {
  await loadKeystone();
  const folder = mkdtempSync(join(tmpdir(), 'bareflank-bench-'));
  try {
    const files = [`bench_${name}`, 'nothing'].map((guest) => join(folder, guest));
    writeFileSync(files[0], image(guestCode(`bench_${name}`)));
    // XOR EAX, EAX; MOV EDX, F4H; OUT DX, EAX
    writeFileSync(files[1], image(Uint8Array.of(0x31, 0xc0, 0xba, 0xf4, 0, 0, 0, 0xef)));
    const [whole, nothing] = files.map((file) => seconds(qemu, file));
    return instructions / (whole - nothing) / 1e6;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
