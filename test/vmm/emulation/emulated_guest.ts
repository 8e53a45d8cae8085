// SPDX-License-Identifier: LGPL-2.1-only
import type { Vmcs } from '../../../src/vmm/vmcs/vmcs.js';
import { VmcsField } from '../../../src/intrinsics/vmcs/vmcs_fields.js';
import { Cr0 } from '../../../src/intrinsics/registers/registers.js';
import { GuestPaging } from '../../../src/vmm/emulation/guest_paging.js';
import { LinearMemory } from '../../../src/vmm/emulation/linear_memory.js';

/** A VMCS and memory of 64 KiB, for emulations in 32-bit protected mode. */
export function emulatedGuest(physicalAddressWidth = 39) {
  const fields = new Map<number, bigint>([[VmcsField.GuestCr0, BigInt(Cr0.ProtectionEnable)]]);
  const bytes = new Uint8Array(0x10000);
  const words = new DataView(bytes.buffer);
  const read = (field: number): bigint => fields.get(field) ?? 0n;
  const vmcs = {
    read,
    readLow: (field: number) => Number(BigInt.asIntN(32, read(field))),
    write: (field: number, value: bigint) => void fields.set(field, value),
    isEnabled: () => false,
  } as unknown as Vmcs;
  const memory = {
    readAsGuest64: (at: bigint) => words.getBigUint64(Number(at), true),
    readAsGuest: (at: bigint, count: number) => bytes.slice(Number(at), Number(at) + count),
    writeAsGuest: (at: bigint, data: Uint8Array) => bytes.set(data, Number(at)),
  };
  const paging = new GuestPaging(vmcs, memory, { physicalAddressWidth });
  return { fields, vmcs, words, paging, memory: new LinearMemory(vmcs, memory, paging) };
}

/** 32-bit paging: the directory at 1000H, a page table at 2000H for the first 4 MiB. */
export function pagedGuest() {
  const guest = emulatedGuest();
  guest.fields.set(VmcsField.GuestCr0, BigInt((Cr0.ProtectionEnable | Cr0.Paging | Cr0.WriteProtect) >>> 0));
  guest.fields.set(VmcsField.GuestCr3, 0x1000n);
  guest.words.setUint32(0x1000, 0x2007, true);
  return guest;
}
