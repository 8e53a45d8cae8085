// SPDX-License-Identifier: LGPL-2.1-only
import { bitsOf } from './instruction_place.js';
import { Constants, Layout } from './layout.js';
import { readFlags } from './vmx/lazy_flags.js';
import type { ProcessorCore } from './vmx/processor_core.js';

const general = [
  'RAX',
  'RCX',
  'RDX',
  'RBX',
  'RSP',
  'RBP',
  'RSI',
  'RDI',
  'R8',
  'R9',
  'R10',
  'R11',
  'R12',
  'R13',
  'R14',
  'R15',
] as const;

const vmxModes = ['outside VMX operation', 'VMX root operation', 'VMX non-root operation'];

/** RAX … R15 in the order of their encoding, and RFLAGS, with their values. */
export function generalRegisters(core: ProcessorCore): [string, bigint][] {
  const registers = general.map((name): [string, bigint] => [name, core.u64[Layout[name] / 8]!]);
  return [...registers, ['RFLAGS', BigInt(readFlags(core.u32) >>> 0)]];
}

/** The mode of operation: SDM 3A "Modes of Operation". */
export function modeName(u32: Uint32Array): string {
  const mode = u32[Layout.MODE / 4]!;
  const bits = bitsOf(u32[Layout.DECODE_MODE / 4]!);
  if (mode & Constants.MODE_64) return '64-bit';
  if (mode & Constants.MODE_LONG) return `compatibility, ${bits}-bit`;
  if (mode & Constants.MODE_VM86) return `virtual-8086, ${bits}-bit`;
  return `${mode & Constants.MODE_PROTECTED ? 'protected' : 'real-address'}, ${bits}-bit`;
}

/** Whether the processor is in VMX operation. */
export function vmxName(u32: Uint32Array): string {
  return vmxModes[u32[Layout.VMX_MODE / 4]!] ?? '?';
}
