// SPDX-License-Identifier: LGPL-2.1-only
import { bytesAt, instructionPlace } from './instruction_place.js';
import { generalRegisters, modeName, vmxName } from './processor_names.js';
import { undefinedOpcode } from './undefined_opcode.js';
import type { LogicalProcessor } from '../processor/logical_processor.js';

const CODE_BYTES = 16;

/** The report on a processor that died: mode, registers, the bytes at RIP, and the last opcode that it did not know. */
export function processorReport(processor: LogicalProcessor): string {
  const { core } = processor;
  const { block } = core;
  const quad = (value: bigint): string => value.toString(16).padStart(16, '0');
  const place = instructionPlace(processor);
  const registers = generalRegisters(block);
  const lines = [
    `processor ${processor.id}, ${modeName(block)}, ${vmxName(block)}, CPL ${block.get('CPL')}, after ${core.instructionCount} instructions`,
  ];
  for (let row = 0; row < 16; row += 4) {
    const four = registers.slice(row, row + 4);
    lines.push(four.map(([name, value]) => `${name.padEnd(3)} ${quad(value)}`).join('  '));
  }
  const selectors = (['CS', 'SS'] as const).map((name) => `${name} ${block.get(name).selector.toString(16)}`);
  lines.push(
    `RIP ${quad(block.get('RIP'))}  RFL ${quad(registers[16]![1])}  ${selectors.join('  ')}`,
    (['CR0', 'CR2', 'CR3', 'CR4'] as const).map((name) => `${name} ${quad(block.get(name))}`).join('  '),
    `linear address ${place.linear}, physical ${place.physical ?? 'none: not mapped'}`,
  );
  const code = bytesAt(processor, BigInt(place.linear), CODE_BYTES);
  lines.push(code === '' ? 'no memory at RIP' : `code at RIP: ${code}`);
  const unknown = undefinedOpcode(processor);
  if (unknown !== undefined)
    lines.push(
      `last opcode that this processor does not have, of ${unknown.count}: ${unknown.bytes} at ${unknown.rip}`,
    );
  return lines.join('\n');
}
