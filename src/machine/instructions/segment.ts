// SPDX-License-Identifier: LGPL-2.1-only
// Segment registers and descriptor tables. Semantics: src/machine/cpu/segmentation/segment.ts (loads and stores of segment registers on the stack: system.ts).
import { row, type InstructionRow, type RowOptions } from './row.js';

const system: RowOptions = { system: true, privileged: true };
const onStack: RowOptions = { system: true, privileged: true, stack: true, size: 'v', default64: true, file: 'system' };
const legacy: RowOptions = { system: true, privileged: true, stack: true, size: 'v', mode: 'not64', file: 'system' };

/** All rows of the topic. */
export const rows: readonly InstructionRow[] = [
  row('8C', 'Ev,Sw', 'MOV_FROM_SEG', { system: true, resumes: true, bytes: 2 }),
  row('8E', 'Sw,Ew', 'MOV_SEG', system),
  row('C4', 'Gv,Mp', 'LES', { ...system, mode: 'not64' }),
  row('C5', 'Gv,Mp', 'LDS', { ...system, mode: 'not64' }),
  row('0F B2', 'Gv,Mp', 'LSS', system),
  row('0F B4', 'Gv,Mp', 'LFS', system),
  row('0F B5', 'Gv,Mp', 'LGS', system),
  row('06', '', 'PUSH_ES', legacy),
  row('0E', '', 'PUSH_CS', legacy),
  row('16', '', 'PUSH_SS', legacy),
  row('1E', '', 'PUSH_DS', legacy),
  row('07', '', 'POP_ES', legacy),
  row('17', '', 'POP_SS', legacy),
  row('1F', '', 'POP_DS', legacy),
  row('0F A0', '', 'PUSH_FS', onStack),
  row('0F A8', '', 'PUSH_GS', onStack),
  row('0F A1', '', 'POP_FS', onStack),
  row('0F A9', '', 'POP_GS', onStack),
  row('0F 01 /0', 'Mt', 'SGDT', { ...system, size: 'v', memory: 'write', bytes: 10 }),
  row('0F 01 /1', 'Mt', 'SIDT', { ...system, size: 'v', memory: 'write', bytes: 10 }),
  row('0F 01 /2', 'Mt', 'LGDT', { ...system, size: 'v', memory: 'read', bytes: 10 }),
  row('0F 01 /3', 'Mt', 'LIDT', { ...system, size: 'v', memory: 'read', bytes: 10 }),
  row('0F 00 /0', 'Ev', 'SLDT', { ...system, bytes: 2 }),
  row('0F 00 /1', 'Ev', 'STR', { ...system, bytes: 2 }),
  row('0F 00 /2', 'Ew', 'LLDT', { ...system, memory: 'read' }),
  row('0F 00 /3', 'Ew', 'LTR', { ...system, memory: 'read' }),
  row('0F 00 /4', 'Ew', 'VERR', { ...system, memory: 'read' }),
  row('0F 00 /5', 'Ew', 'VERW', { ...system, memory: 'read' }),
  row('0F 02', 'Gv,Ew', 'LAR', system),
  row('0F 03', 'Gv,Ew', 'LSL', system),
  row('63', 'Ew,Gw', 'ARPL', { ...system, mode: 'not64' }),
  row('F3 0F AE /0', 'Ry', 'RDFSBASE', { ...system, mode: 'only64', feature: 'fsgsbase' }),
  row('F3 0F AE /1', 'Ry', 'RDGSBASE', { ...system, mode: 'only64', feature: 'fsgsbase' }),
  row('F3 0F AE /2', 'Ry', 'WRFSBASE', { ...system, mode: 'only64', feature: 'fsgsbase' }),
  row('F3 0F AE /3', 'Ry', 'WRGSBASE', { ...system, mode: 'only64', feature: 'fsgsbase' }),
  row('0F 01 F8', '', 'SWAPGS', { ...system, mode: 'only64' }),
];
