// SPDX-License-Identifier: LGPL-2.1-only
import { EptAccess } from 'bareflank';
import type { EptEntry } from 'bareflank';

const memoryTypeBits = 0x38n;
const addressBits = 0x0000_ffff_ffff_f000n;

const bit = { read: 0n, write: 1n, execute: 2n, ignorePat: 6n, entryType: 7n, accessed: 8n, dirty: 9n } as const;
const executeUserBit = 10n;
const suppressVeBit = 63n;

/**
 * The entry of a page of `RootEptIntelX64`, every bit by its name in extended_apis 1.1. Each change takes effect at once. Every method throws
 * VmcsError if the page was split, joined or unmapped since, or if the entry would lead to the VMM's memory.
 * SDM 3C "Format of EPT Paging-Structure Entries".
 */
export class EptEntryIntelX64 {
  constructor(private readonly entry: EptEntry) {}

  readAccess(): boolean {
    return this.isSet(bit.read);
  }

  setReadAccess(enabled: boolean): void {
    this.set(bit.read, enabled);
  }

  writeAccess(): boolean {
    return this.isSet(bit.write);
  }

  setWriteAccess(enabled: boolean): void {
    this.set(bit.write, enabled);
  }

  executeAccess(): boolean {
    return this.isSet(bit.execute);
  }

  setExecuteAccess(enabled: boolean): void {
    this.set(bit.execute, enabled);
  }

  memoryType(): number {
    return Number((this.entry.value & memoryTypeBits) >> 3n);
  }

  /** @param value of `MemoryType`. */
  setMemoryType(value: number): void {
    this.entry.value = (this.entry.value & ~memoryTypeBits) | ((BigInt(value) << 3n) & memoryTypeBits);
  }

  ignorePat(): boolean {
    return this.isSet(bit.ignorePat);
  }

  setIgnorePat(enabled: boolean): void {
    this.set(bit.ignorePat, enabled);
  }

  /** Whether the entry maps a page, above the last level. */
  entryType(): boolean {
    return this.isSet(bit.entryType);
  }

  /** @throws VmcsError if a larger page would lose it: its entry would lead to a table. */
  setEntryType(enabled: boolean): void {
    this.set(bit.entryType, enabled);
  }

  accessed(): boolean {
    return this.isSet(bit.accessed);
  }

  setAccessed(enabled: boolean): void {
    this.set(bit.accessed, enabled);
  }

  dirty(): boolean {
    return this.isSet(bit.dirty);
  }

  setDirty(enabled: boolean): void {
    this.set(bit.dirty, enabled);
  }

  executeAccessUser(): boolean {
    return this.isSet(executeUserBit);
  }

  setExecuteAccessUser(enabled: boolean): void {
    this.set(executeUserBit, enabled);
  }

  physAddr(): bigint {
    return this.entry.value & addressBits;
  }

  setPhysAddr(address: bigint): void {
    this.entry.value = (this.entry.value & ~addressBits) | (address & addressBits);
  }

  suppressVe(): boolean {
    return this.isSet(suppressVeBit);
  }

  setSuppressVe(enabled: boolean): void {
    this.set(suppressVeBit, enabled);
  }

  /** Every access exits. */
  trapOnAccess(): void {
    this.entry.value &= ~BigInt(EptAccess.All);
  }

  passThroughAccess(): void {
    this.entry.value |= BigInt(EptAccess.All);
  }

  /** Nothing is mapped any more. */
  clear(): void {
    this.entry.value = 0n;
  }

  private isSet(at: bigint): boolean {
    return ((this.entry.value >> at) & 1n) === 1n;
  }

  private set(at: bigint, enabled: boolean): void {
    const mask = 1n << at;
    this.entry.value = enabled ? this.entry.value | mask : this.entry.value & ~mask;
  }
}
