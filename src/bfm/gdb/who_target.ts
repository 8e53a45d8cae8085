// SPDX-License-Identifier: LGPL-2.1-only
import { msrDefinitions } from '../../intrinsics/registers/msr_definitions.js';
import { vmcsFieldDefinitions } from '../../intrinsics/vmcs/vmcs_field_details.js';
import { PAGE_BYTES } from '../../machine/memory/page_contents.js';
import { UsageError } from '../failures/usage_error.js';

/** Bytes whose writer is wanted. */
export interface WrittenBytes {
  readonly kind: 'memory';
  readonly address: bigint;
  /** The address is one of the machine's memory, not a linear one. */
  readonly isPhysical: boolean;
  readonly bytes: number;
}

/** The same where a name of the guest is. Only the machine at the point knows its address. */
export interface WrittenName {
  readonly kind: 'name';
  readonly name: string;
  /** Bytes behind the address of the name. */
  readonly offset: bigint;
  readonly bytes: number;
}

/** A VMCS field whose writer is wanted. */
export interface WrittenField {
  readonly kind: 'field';
  /** Its encoding. */
  readonly field: number;
}

/** An MSR whose writer is wanted. */
export interface WrittenMsr {
  readonly kind: 'msr';
  /** Its address. */
  readonly msr: number;
}

export type WrittenRegister = WrittenField | WrittenMsr;

/** Whose last writer is wanted, as plain data: it travels into the worker. */
export type WhoTarget = (WrittenBytes | WrittenName | WrittenRegister) & {
  /** Of which processor, or by whose page tables; undefined: of the one that executes at the point. */
  readonly processor?: number;
};

const memory = /^(phys:)?(0x[0-9a-fA-F]{1,16})(?:,([0-9]{1,4}))?$/;
const symbol = /^([a-z_.$][\w.$]{0,511})(?:\+(0x[0-9a-f]{1,16}|[0-9]{1,20}))?(?:,([0-9]{1,4}))?$/i;
const EXPECTED =
  "an address as in 0xffffffff81000000, 'phys:0x1000' or '0x1000,8', within one page; the name of a VMCS field or an MSR, as in HOST_SS_SELECTOR, IA32_LSTAR, msr:0x1a0; or a name of the guest, as in jiffies_64,8 or init_task+0x10; '@1' after it: of processor 1";
const msrAddress = /^msr:(0x[0-9a-fA-F]{1,8})$/;

/**
 * What people type: an address, or the name of a register or of a place in the guest; a processor behind `@`.
 *
 * @param where it is typed, for messages. @throws UsageError
 */
export function parseWhoTarget(value: string, where = '--who'): WhoTarget {
  const [, what = '', digits] = /^([^@]*)(?:@(\d{1,2}))?$/.exec(value) ?? [];
  const target = writtenBytes(what) ?? writtenField(what) ?? writtenMsr(what) ?? writtenName(what);
  if (target === undefined) throw UsageError.ofOption(where, value, EXPECTED);
  return digits === undefined ? target : { ...target, processor: Number(digits) };
}

function writtenBytes(text: string): WrittenBytes | undefined {
  const [, physical, address, count = '1'] = memory.exec(text) ?? [];
  const bytes = Number(count);
  if (address === undefined || !isInPage(BigInt(address), bytes)) return undefined;
  return { kind: 'memory', address: BigInt(address), isPhysical: physical !== undefined, bytes };
}

/** Whether bytes are some, and in one page. */
export const isInPage = (address: bigint, bytes: number): boolean =>
  bytes >= 1 && Number(address % BigInt(PAGE_BYTES)) + bytes <= PAGE_BYTES;

function writtenName(text: string): WrittenName | undefined {
  const [, name, offset = '0', count = '1'] = symbol.exec(text) ?? [];
  const bytes = Number(count);
  if (name === undefined || bytes < 1) return undefined;
  return { kind: 'name', name, offset: BigInt(offset), bytes };
}

function writtenField(text: string): WrittenField | undefined {
  const definition = vmcsFieldDefinitions.find(({ name }) => name === text.toLowerCase());
  return definition && { kind: 'field', field: definition.encoding };
}

function writtenMsr(text: string): WrittenMsr | undefined {
  const [, address] = msrAddress.exec(text) ?? [];
  if (address !== undefined) return { kind: 'msr', msr: Number(address) };
  const definition = msrDefinitions.find(({ name }) => name === text.toLowerCase());
  return definition && { kind: 'msr', msr: definition.address };
}
