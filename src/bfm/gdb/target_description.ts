// SPDX-License-Identifier: LGPL-2.1-only
import type { GdbRegister } from './gdb_register.js';
import { gdbRegisters } from './gdb_registers.js';

const features: readonly (readonly [GdbRegister['feature'], string])[] = [
  ['core', 'org.gnu.gdb.i386.core'],
  ['sse', 'org.gnu.gdb.i386.sse'],
  ['segments', 'org.gnu.gdb.i386.segments'],
  ['system', 'org.bareflank.system'],
];

const flag = (name: string, start: number, end = start): string =>
  `<field name="${name}" start="${start}" end="${end}"${start === end ? '' : ' type="uint32"'}/>`;

/** SDM 1 "EFLAGS Register", and the unnamed bit that is always 1. */
const eflags = [
  ...[flag('CF', 0), flag('', 1), flag('PF', 2), flag('AF', 4), flag('ZF', 6), flag('SF', 7), flag('TF', 8)],
  ...[flag('IF', 9), flag('DF', 10), flag('OF', 11), flag('IOPL', 12, 13), flag('NT', 14), flag('RF', 16)],
  ...[flag('VM', 17), flag('AC', 18), flag('VIF', 19), flag('VIP', 20), flag('ID', 21)],
].join('');

/** SDM 1 "MXCSR Control and Status Register". */
const mxcsr = [
  ...[flag('IE', 0), flag('DE', 1), flag('ZE', 2), flag('OE', 3), flag('UE', 4), flag('PE', 5), flag('DAZ', 6)],
  ...[flag('IM', 7), flag('DM', 8), flag('ZM', 9), flag('OM', 10), flag('UM', 11), flag('PM', 12), flag('FZ', 15)],
].join('');

const vectors: readonly (readonly [id: string, type: string, count: number, field: string])[] = [
  ['v4f', 'ieee_single', 4, 'v4_float'],
  ['v2d', 'ieee_double', 2, 'v2_double'],
  ['v16i8', 'int8', 16, 'v16_int8'],
  ['v8i16', 'int16', 8, 'v8_int16'],
  ['v4i32', 'int32', 4, 'v4_int32'],
  ['v2i64', 'int64', 2, 'v2_int64'],
];

const types: Readonly<Partial<Record<GdbRegister['feature'], string>>> = {
  core: `<flags id="i386_eflags" size="4">${eflags}</flags>`,
  sse: [
    ...vectors.map(([id, type, count]) => `<vector id="${id}" type="${type}" count="${count}"/>`),
    `<union id="vec128">${vectors.map(([id, , , field]) => `<field name="${field}" type="${id}"/>`).join('')}<field name="uint128" type="uint128"/></union>`,
    `<flags id="i386_mxcsr" size="4">${mxcsr}</flags>`,
  ].join(''),
};

const register = ({ name, bits, type, group }: GdbRegister, number: number): string =>
  `<reg name="${name}" bitsize="${bits}" type="${type}" regnum="${number}"${group === undefined ? '' : ` group="${group}"`}/>`;

const feature = ([own, name]: (typeof features)[number]): string => {
  const registers = gdbRegisters.map((each, number) => (each.feature === own ? register(each, number) : ''));
  return `<feature name="${name}">${types[own] ?? ''}${registers.join('')}</feature>`;
};

/** The registers of a processor, as XML. GDB manual "Target Description Format". */
export const targetDescription = `<?xml version="1.0"?><!DOCTYPE target SYSTEM "gdb-target.dtd"><target><architecture>i386:x86-64</architecture>${features.map(feature).join('')}</target>`;
