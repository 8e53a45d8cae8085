// SPDX-License-Identifier: LGPL-2.1-only
import { OperandCode } from './operand.js';
import type { DecoderEntry, Form, FormClass } from './forms.js';

/** Bytes of one entry of the decoder's table. */
const entryBytes = 12;
/** Form id of a combination that cannot be encoded. */
const noForm = 0xffff;
/** Ids that the run loop has for itself; the order is that of their numbers. */
export const reservedForms = ['NEXT', 'UNDEFINED', 'TOO_LONG'] as const;

/** What the decoder must know of a form's class: 0 goes on, 1 goes on behind a NEXT record, 2 ends the block. */
const endingOf: Readonly<Record<FormClass, number>> = { plain: 0, jcc: 1, jmp: 2, call: 2, ret: 2, ends: 2 };

function bits(...values: readonly boolean[]): number {
  return values.reduce((sum, value, index) => sum | (Number(value) << index), 0);
}

/** Entries of one opcode are tried in this order: exact ModRM, mandatory prefix, digit, register not in the opcode. */
function specificity(entry: DecoderEntry): number {
  const { encoding } = entry;
  return (
    (encoding.modrm !== undefined ? (encoding.registerInModrm ? 24 : 32) : 0) +
    (encoding.prefixes !== 15 ? 16 : 0) +
    (encoding.digit !== undefined ? 4 : 0) +
    (encoding.registerInOpcode ? 0 : 2) +
    (entry.row.options.mode ? 1 : 0)
  );
}

/** All opcodes, 4 maps × 256, with their entries. */
function byOpcode(entries: readonly DecoderEntry[]): DecoderEntry[][] {
  const table: DecoderEntry[][] = Array.from({ length: 1024 }, () => []);
  for (const entry of entries) {
    const { map, opcode, registerInOpcode } = entry.encoding;
    for (let low = 0; low < (registerInOpcode ? 8 : 1); low++) table[map * 256 + opcode + low]!.push(entry);
  }
  for (const list of table) list.sort((left, right) => specificity(right) - specificity(left));
  return table;
}

function entryData(entry: DecoderEntry, formsAt: number, hasSibling: boolean): number[] {
  const { encoding, row } = entry;
  const { options } = row;
  // MOV to and from control and debug registers: the mod bits are ignored
  const ignoresMod = entry.operands.some(
    (operand) => operand.code === OperandCode.ControlRegister || operand.code === OperandCode.DebugRegister,
  );
  const codes = [0, 1, 2, 3].map((index) => entry.operands[index]?.code ?? 0);
  const second = entry.operands.filter((operand) => operand.shape === 'immediate');
  if (second.length > 1) codes[entry.operands.indexOf(second[1]!)] = OperandCode.SecondImm8;
  const direct = ['jcc', 'jmp', 'call'].includes(options.class ?? '');
  return [
    encoding.prefixes,
    bits(
      entry.usesModrm,
      encoding.digit !== undefined,
      encoding.modrm !== undefined,
      encoding.registerInModrm,
      entry.mod === 'register' && !ignoresMod,
      entry.mod === 'memory',
      hasSibling && !encoding.registerInOpcode,
      ignoresMod,
    ),
    encoding.modrm ?? encoding.digit ?? 0,
    bits(
      options.mode !== 'not64',
      options.mode !== 'only64',
      options.lock ?? false,
      options.default64 ?? false,
      (options.force64 ?? false) || direct,
      options.stack ?? false,
      options.address === 'offset',
      options.incrementedStack ?? false,
    ),
    ...codes,
    formsAt & 255,
    formsAt >> 8,
    bits(entry.hasKinds, entry.hasSizes, entry.hasAddresses, entry.hasReps) |
      (['v', 'z', 'y'].indexOf(entry.sizeRule) << 4),
    0,
  ];
}

function list(values: readonly number[]): string {
  const lines: string[] = [];
  for (let at = 0; at < values.length; at += 40) lines.push('  ' + values.slice(at, at + 40).join(',') + ',');
  return lines.join('\n');
}

/** The AssemblyScript file decoder_tables.ts. */
export function emitDecoderTables(
  entries: readonly DecoderEntry[],
  forms: readonly Form[],
  hot: number,
  plain: number,
): string {
  const starts: number[] = [];
  const bytes: number[] = [];
  const formIds: number[] = [];
  const formsAt = new Map<DecoderEntry, number>();
  for (const entry of entries) {
    formsAt.set(entry, formIds.length);
    formIds.push(...entry.forms.map((form) => form?.id ?? noForm));
  }
  if (formIds.length > 0xffff) throw new RangeError(`${formIds.length} form references do not fit in 16 bits`);
  for (const opcode of byOpcode(entries)) {
    starts.push(bytes.length / entryBytes);
    const hasSibling = opcode.some((entry) => entry.encoding.registerInOpcode);
    for (const entry of opcode) bytes.push(...entryData(entry, formsAt.get(entry)!, hasSibling));
  }
  starts.push(bytes.length / entryBytes);
  const endings = [
    ...reservedForms.map((name) => (name === 'NEXT' ? 0 : 2)),
    ...forms.map((form) => endingOf[form.class]),
  ];
  const constants = Object.entries(OperandCode).map(
    ([name, code]) =>
      `@inline export const OPERAND_${name.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toUpperCase()}: u32 = ${code};`,
  );
  return [
    '// SPDX-License-Identifier: LGPL-2.1-only',
    '// Generated from the instruction table: what decode.ts matches bytes with. Layout: src/machine/generator/emit_decoder.ts.',
    ...reservedForms.map((name, id) => `@inline export const FORM_${name}: u32 = ${id};`),
    `@inline export const FIRST_TABLE_FORM: u32 = ${hot};`,
    `@inline export const FIRST_ENDING_FORM: u32 = ${plain};`,
    `@inline export const FORM_COUNT: u32 = ${reservedForms.length + forms.length};`,
    `@inline export const ENTRY_BYTES: u32 = ${entryBytes};`,
    ...constants,
    '/** First entry of each opcode: 4 maps × 256, and the end. */',
    `export const OPCODES: usize = memory.data<u16>([\n${list(starts)}\n]);`,
    '/** Entries. */',
    `export const ENTRIES: usize = memory.data<u8>([\n${list(bytes)}\n]);`,
    '/** Form ids of the entries. */',
    `export const FORMS: usize = memory.data<u16>([\n${list(formIds)}\n]);`,
    '/** By form: 0 the block goes on, 1 it goes on behind a NEXT record, 2 it ends. */',
    `export const ENDINGS: usize = memory.data<u8>([\n${list(endings)}\n]);`,
    '',
  ].join('\n');
}
