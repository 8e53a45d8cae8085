// SPDX-License-Identifier: LGPL-2.1-only
import { unsignedBits } from '../support/unsigned_bits.js';
import { isCanonicalHigh } from '../../intrinsics/contents/msr_values.js';
import { X64 } from '../../intrinsics/registers/paging.js';
import { ProcessorFault } from '../../intrinsics/errors.js';
import { Vector } from '../../intrinsics/vmx/exit_information.js';
import { Efer } from '../../intrinsics/registers/registers.js';
import { VmcsField } from '../../intrinsics/vmcs/vmcs_fields.js';
import type { GuestMemory } from '../memory_manager/guest_memory.js';
import type { Vmcs } from '../vmcs/vmcs.js';
import type { AccessDirection, AccessMaker, GuestPaging } from './guest_paging.js';

interface Piece {
  readonly physical: bigint;
  readonly bytes: number;
}

/** Addresses have 48 bits, of which the last fills the others. SDM 1 "Canonical Addressing". */
export const isCanonical = (linear: bigint): boolean => isCanonicalHigh(Number((linear >> 32n) & 0xffffffffn), 48);

const pageOffset = BigInt(X64.pageSize - 1);

/** A guest's memory by linear address, for instructions that the VMM executes in its stead. An access that faults has changed no memory. */
export class LinearMemory {
  constructor(
    private readonly vmcs: Vmcs,
    private readonly memory: Pick<GuestMemory, 'readAsGuest' | 'writeAsGuest'>,
    private readonly paging: GuestPaging,
  ) {}

  /** Reads a little-endian number of at most 8 bytes. @throws ProcessorFault as the guest's. */
  read(linear: bigint, bytes: number, maker: AccessMaker): number {
    let value = 0;
    let scale = 1;
    for (const { physical, bytes: count } of this.pieces(linear, bytes, 'read', maker)) {
      for (const byte of this.memory.readAsGuest(physical, count)) {
        value += byte * scale;
        scale *= 256;
      }
    }
    return value;
  }

  /** Writes a little-endian number of at most 4 bytes. @throws as `read` does. */
  write(linear: bigint, bytes: number, value: number, maker: AccessMaker): void {
    const data = new Uint8Array(Uint32Array.of(value).buffer).subarray(0, bytes);
    let done = 0;
    for (const { physical, bytes: count } of this.pieces(linear, bytes, 'write', maker)) {
      this.memory.writeAsGuest(physical, data.subarray(done, done + count));
      done += count;
    }
  }

  /** Checks and marks some bytes as a write does, without writing. @throws as `read` does. */
  probe(linear: bigint, bytes: number, maker: AccessMaker): void {
    this.pieces(linear, bytes, 'write', maker);
  }

  /** Reads bytes of the instruction that is being executed: the processor has fetched them. @throws as `read` does. */
  fetch(linear: bigint, bytes: number, maker: AccessMaker): number[] {
    return this.pieces(linear, bytes, 'fetch', maker).flatMap(({ physical, bytes: count }) => [
      ...this.memory.readAsGuest(physical, count),
    ]);
  }

  private pieces(linear: bigint, bytes: number, direction: AccessDirection, maker: AccessMaker): Piece[] {
    const first = this.checked(linear);
    const room = X64.pageSize - Number(first & pageOffset);
    if (bytes <= room) return [{ physical: this.paging.translate(first, direction, maker), bytes }];
    const second = this.checked(linear + BigInt(room));
    return [
      { physical: this.paging.translate(first, direction, maker), bytes: room },
      { physical: this.paging.translate(second, direction, maker), bytes: bytes - room },
    ];
  }

  /** Linear addresses have 32 bits outside IA-32e mode, and must be canonical in it. */
  private checked(linear: bigint): bigint {
    if ((this.vmcs.readLow(VmcsField.GuestIa32Efer) & Efer.Lma) === 0) return unsignedBits(32, linear);
    const address = unsignedBits(64, linear);
    if (isCanonical(address)) return address;
    throw new ProcessorFault(Vector.GeneralProtection, 0, 'an address that is not canonical');
  }
}
