// SPDX-License-Identifier: LGPL-2.1-only
import { registerNumbers } from '../../../src/intrinsics/exit_information.js';
import type { InstructionCase } from '../cases/instruction_case.js';
import type { Vendor } from './host_quirks.js';
import { probeCase } from './probe_case.js';
import type { ReferenceProcessor } from './reference_processor.js';

const { rax, rbx, rcx, rdx } = registerNumbers;

/** What CPUID says of a reference. SDM 2A "CPUID—CPU Identification". */
export interface ProcessorName {
  readonly vendor: Vendor;
  /** The brand string, or the vendor string. */
  readonly brand: string;
  /** Signature of the hypervisor's leaf 40000000H, or an empty string. */
  readonly hypervisor: string;
}

const cpuid = (leaf: number): InstructionCase => probeCase('CPUID()', [0x0f, 0xa2], { [rax]: leaf });
const HYPERVISOR_PRESENT = 2 ** 31;
const leaves = { vendor: 0, features: 1, hypervisor: 0x40000000, extended: 0x80000000, brand: 0x80000002 } as const;

/** Hygon's processors are AMD's design. */
const vendors: Readonly<Record<string, Vendor>> = { GenuineIntel: 'Intel', AuthenticAMD: 'AMD', HygonGenuine: 'AMD' };

/** Asks a reference for its name. */
export function processorName(reference: ReferenceProcessor, seed: number): ProcessorName {
  const ask = (leaf: number, order: readonly number[]): Uint32Array => {
    const [result] = reference.run([cpuid(leaf)], seed);
    return Uint32Array.from(order, (index) => result!.registers[2 * index]!);
  };
  const text = (words: Uint32Array): string => Buffer.from(words.buffer).toString('latin1').replace(/\0+$/, '').trim();
  const vendor = text(ask(leaves.vendor, [rbx, rdx, rcx]));
  const isVirtual = ask(leaves.features, [rcx])[0]! >= HYPERVISOR_PRESENT;
  const hasBrand = ask(leaves.extended, [rax])[0]! >= leaves.brand + 2;
  const brand = [0, 1, 2].map((i) => ask(leaves.brand + i, [rax, rbx, rcx, rdx]));
  return {
    vendor: vendors[vendor] ?? 'other',
    brand: hasBrand ? text(Uint32Array.from(brand.flatMap((words) => [...words]))) : vendor,
    hypervisor: isVirtual ? text(ask(leaves.hypervisor, [rbx, rcx, rdx])) : '',
  };
}
