// SPDX-License-Identifier: LGPL-2.1-only
import { bitsOf } from './instruction_place.js';
import { Constants } from '../layout/core_constants.js';
import type { ProcessorBlock } from '../processor/processor_block.js';
import { generalRegisterNames } from '../processor/register_names.js';

const vmxModes = ['outside VMX operation', 'VMX root operation', 'VMX non-root operation'];

/** RAX … R15 in the order of their encoding, and RFLAGS, with their values. */
export function generalRegisters(block: ProcessorBlock): [string, bigint][] {
  return [...generalRegisterNames, 'RFLAGS' as const].map((name) => [name, block.get(name)]);
}

/** The mode of operation: SDM 3A "Modes of Operation". */
export function modeName(block: ProcessorBlock): string {
  const mode = block.get('MODE');
  const bits = bitsOf(block.get('DECODE_MODE'));
  if (mode & Constants.MODE_64) return '64-bit';
  if (mode & Constants.MODE_LONG) return `compatibility, ${bits}-bit`;
  if (mode & Constants.MODE_VM86) return `virtual-8086, ${bits}-bit`;
  return `${mode & Constants.MODE_PROTECTED ? 'protected' : 'real-address'}, ${bits}-bit`;
}

/** Whether the processor is in VMX operation. */
export function vmxName(block: ProcessorBlock): string {
  return vmxModes[block.get('VMX_MODE')] ?? '?';
}
