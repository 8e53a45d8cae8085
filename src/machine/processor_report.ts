// SPDX-License-Identifier: LGPL-2.1-only
import { Layout } from './layout.js';
import { readFlags } from './vmx/lazy_flags.js';
import type { LogicalProcessor } from './vmx/logical_processor.js';

const GENERAL = [
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
const VMX_MODES = ['outside VMX operation', 'VMX root operation', 'VMX non-root operation'];
const CODE_BYTES = 16;

/** What a person wants to know of a processor that died: mode, registers, and the bytes at RIP. */
export function processorReport(processor: LogicalProcessor): string {
  const { core } = processor;
  const word = (address: number): number => core.u32[address >> 2]!;
  const quad = (address: number): string => core.u64[address >> 3]!.toString(16).padStart(16, '0');
  const lines = [
    `processor ${processor.id}, ${VMX_MODES[word(Layout.VMX_MODE)] ?? '?'}, CPL ${word(Layout.CPL)}, after ${core.instructionCount} instructions`,
  ];
  for (let row = 0; row < 16; row += 4) {
    lines.push(
      GENERAL.slice(row, row + 4)
        .map((name) => `${name.padEnd(3)} ${quad(Layout[name])}`)
        .join('  '),
    );
  }
  lines.push(
    `RIP ${quad(Layout.RIP)}  RFL ${readFlags(core.u32).toString(16).padStart(16, '0')}  CS ${word(Layout.CS_SELECTOR).toString(16)}  SS ${word(Layout.SS_SELECTOR).toString(16)}`,
  );
  lines.push((['CR0', 'CR2', 'CR3', 'CR4'] as const).map((name) => `${name} ${quad(Layout[name])}`).join('  '));
  const code = codeAt(processor);
  if (code !== '') lines.push(`code at RIP: ${code}`);
  return lines.join('\n');
}

function codeAt(processor: LogicalProcessor): string {
  const { core } = processor;
  const linear = core.u64[Layout.RIP >> 3]! + core.u64[Layout.CS_BASE >> 3]!;
  const physical = core.translate(BigInt.asUintN(64, linear));
  const offset = physical < 0 ? -1 : core.physicalOffset(physical);
  if (offset < 0) return '';
  return [...core.u8.subarray(offset, offset + CODE_BYTES)].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
}
