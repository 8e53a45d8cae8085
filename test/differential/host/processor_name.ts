// SPDX-License-Identifier: LGPL-2.1-only
import { registerNumbers } from '../../../src/intrinsics/vmx/exit_information.js';
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
  readonly family: number;
  readonly model: number;
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
  const [version, features] = ask(leaves.features, [rax, rcx]) as unknown as readonly [number, number];
  const hasBrand = ask(leaves.extended, [rax])[0]! >= leaves.brand + 2;
  const brand = [0, 1, 2].map((i) => ask(leaves.brand + i, [rax, rbx, rcx, rdx]));
  const family = (version >> 8) & 15;
  return {
    vendor: vendors[vendor] ?? 'other',
    // extended family and model count in families 0FH (both) and 06H (model)
    family: family === 15 ? family + ((version >> 20) & 255) : family,
    model: ((version >> 4) & 15) | (family === 15 || family === 6 ? (version >> 12) & 0xf0 : 0),
    brand: hasBrand ? text(Uint32Array.from(brand.flatMap((words) => [...words]))) : vendor,
    hypervisor: features >= HYPERVISOR_PRESENT ? text(ask(leaves.hypervisor, [rbx, rcx, rdx])) : '',
  };
}
