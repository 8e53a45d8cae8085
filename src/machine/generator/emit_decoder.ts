// SPDX-License-Identifier: LGPL-2.1-only
import {
  ENTRY_BYTES,
  Ending,
  EntryField,
  EntryForms,
  EntryMatch,
  EntryOption,
  MODRM_REGISTER,
  NO_FORM,
  OpcodeMap,
  Prefix,
  Rex,
  SIZE_RULE_SHIFT,
  SizeIndex,
  SizeRule,
  Vex,
} from './decoder_entry.js';
import { constant, namespace, word } from './emit_constants.js';
import { mapCount, PrefixMask } from './encoding.js';
import { OperandCode } from './operand.js';
import type { DecoderEntry, Form, FormClass } from './forms.js';

/** Form ids that the run loop reserves, in order of their numbers. */
export const reservedForms = ['NEXT', 'UNDEFINED', 'TOO_LONG', 'LOOK', 'REGION'] as const;

const endingOf: Readonly<Record<FormClass, number>> = {
  plain: Ending.GoesOn,
  jcc: Ending.Branches,
  jmp: Ending.Ends,
  call: Ending.Ends,
  ret: Ending.Ends,
  ends: Ending.Ends,
};

/** The bits of a set whose names are true. */
function bits<Name extends string>(
  names: Readonly<Record<Name, number>>,
  values: Readonly<Record<Name, boolean>>,
): number {
  let sum = 0;
  for (const name in names) if (values[name]) sum |= names[name];
  return sum;
}

/** Entries of one opcode are tried in this order: exact ModRM, mandatory prefix, digit, register not in the opcode. */
function specificity(entry: DecoderEntry): number {
  const { encoding } = entry;
  return (
    (encoding.modrm !== undefined ? (encoding.registerInModrm ? 24 : 32) : 0) +
    (encoding.prefixes !== PrefixMask.any ? 16 : 0) +
    (encoding.digit !== undefined ? 4 : 0) +
    (encoding.registerInOpcode ? 0 : 2) +
    (entry.row.options.mode ? 1 : 0)
  );
}

/** All opcodes, 256 of each map, with their entries. */
function byOpcode(entries: readonly DecoderEntry[]): DecoderEntry[][] {
  const table: DecoderEntry[][] = Array.from({ length: mapCount * 256 }, () => []);
  for (const entry of entries) {
    const { map, opcode, registerInOpcode } = entry.encoding;
    for (let low = 0; low < (registerInOpcode ? 8 : 1); low++) table[map * 256 + opcode + low]!.push(entry);
  }
  for (const list of table) list.sort((left, right) => specificity(right) - specificity(left));
  return table;
}

function operandCodes(entry: DecoderEntry): number[] {
  const codes = [0, 1, 2, 3].map((index) => entry.operands[index]?.code ?? 0);
  const immediates = entry.operands.filter((operand) => operand.shape === 'immediate');
  if (immediates.length > 1) codes[entry.operands.indexOf(immediates[1]!)] = OperandCode.SecondImm8;
  return codes;
}

function matchBits(entry: DecoderEntry, hasSibling: boolean): number {
  const { encoding } = entry;
  // MOV to and from control and debug registers: the mod bits are ignored
  const ignoresMod = entry.operands.some(
    (operand) => operand.code === OperandCode.ControlRegister || operand.code === OperandCode.DebugRegister,
  );
  return bits(EntryMatch, {
    HasModrm: entry.usesModrm,
    Digit: encoding.digit !== undefined,
    Exact: encoding.modrm !== undefined,
    RegisterInModrm: encoding.registerInModrm,
    RegisterOnly: entry.mod === 'register' && !ignoresMod,
    MemoryOnly: entry.mod === 'memory',
    WithoutRexB: hasSibling && !encoding.registerInOpcode,
    IgnoresMod: ignoresMod,
  });
}

function optionBits({ row: { options } }: DecoderEntry): number {
  const direct = ['jcc', 'jmp', 'call'].includes(options.class ?? '');
  return bits(EntryOption, {
    In64: options.mode !== 'not64',
    Outside64: options.mode !== 'only64',
    Lockable: options.lock ?? false,
    Default64: options.default64 ?? false,
    Force64: (options.force64 ?? false) || direct,
    UsesStack: options.stack ?? false,
    OffsetOnly: options.address === 'offset',
    IncrementedStack: options.incrementedStack ?? false,
  });
}

function choiceBits(entry: DecoderEntry): number {
  const rule = { v: SizeRule.V, z: SizeRule.Z, y: SizeRule.Y }[entry.sizeRule];
  const several = {
    ByKind: entry.hasKinds,
    BySize: entry.hasSizes,
    ByAddress: entry.hasAddresses,
    ByRep: entry.hasReps,
  };
  return bits(EntryForms, several) | (rule << SIZE_RULE_SHIFT);
}

function entryData(entry: DecoderEntry, formsAt: number, hasSibling: boolean): number[] {
  const { encoding } = entry;
  const data = new Array<number>(ENTRY_BYTES).fill(0);
  data[EntryField.Prefixes] = encoding.prefixes;
  data[EntryField.Match] = matchBits(entry, hasSibling);
  data[EntryField.Modrm] = encoding.modrm ?? encoding.digit ?? 0;
  data[EntryField.Options] = optionBits(entry);
  operandCodes(entry).forEach((code, index) => (data[EntryField.Operands + index] = code));
  data[EntryField.Forms] = formsAt & 255;
  data[EntryField.Forms + 1] = formsAt >> 8;
  data[EntryField.Choice] = choiceBits(entry);
  return data;
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
    formIds.push(...entry.forms.map((form) => form?.id ?? NO_FORM));
  }
  if (formIds.length > 0xffff) throw new RangeError(`${formIds.length} form references do not fit in 16 bits`);
  for (const opcode of byOpcode(entries)) {
    starts.push(bytes.length / ENTRY_BYTES);
    const hasSibling = opcode.some((entry) => entry.encoding.registerInOpcode);
    for (const entry of opcode) bytes.push(...entryData(entry, formsAt.get(entry)!, hasSibling));
  }
  starts.push(bytes.length / ENTRY_BYTES);
  const endings = [
    ...reservedForms.map((name) => (name === 'NEXT' || name === 'LOOK' ? Ending.GoesOn : Ending.Ends)),
    ...forms.map((form) => endingOf[form.class]),
  ];
  return [
    '// SPDX-License-Identifier: LGPL-2.1-only',
    '// Generated from the instruction table: what decode.ts matches bytes with. Layout: src/machine/generator/emit_decoder.ts.',
    ...reservedForms.map((name, id) => `@inline export const FORM_${name}: u32 = ${id};`),
    `@inline export const FIRST_TABLE_FORM: u32 = ${hot};`,
    `@inline export const FIRST_ENDING_FORM: u32 = ${plain};`,
    `@inline export const FORM_COUNT: u32 = ${reservedForms.length + forms.length};`,
    constant('ENTRY_BYTES', 'u32', ENTRY_BYTES),
    constant('SIZE_RULE_SHIFT', 'u32', SIZE_RULE_SHIFT),
    constant('NO_FORM', 'u32', NO_FORM),
    namespace('EntryField', word(EntryField)),
    namespace('PrefixMask', word(PrefixMask)),
    namespace('EntryMatch', word(EntryMatch)),
    namespace('EntryOption', word(EntryOption)),
    namespace('EntryForms', word(EntryForms)),
    namespace('SizeRule', word(SizeRule)),
    namespace('SizeIndex', word(SizeIndex)),
    namespace('Prefix', word(Prefix)),
    namespace('Rex', word(Rex)),
    namespace('Vex', word(Vex)),
    namespace('OpcodeMap', word(OpcodeMap)),
    constant('MODRM_REGISTER', 'u32', MODRM_REGISTER),
    namespace('Ending', word(Ending)),
    namespace('OperandCode', word(OperandCode)),
    '/** First entry of each opcode: 256 of each map, and the end. */',
    `export const OPCODES: usize = memory.data<u16>([\n${list(starts)}\n]);`,
    '/** Entries. */',
    `export const ENTRIES: usize = memory.data<u8>([\n${list(bytes)}\n]);`,
    '/** Form ids of the entries. */',
    `export const FORMS: usize = memory.data<u16>([\n${list(formIds)}\n]);`,
    '/** By form: Ending. */',
    `export const ENDINGS: usize = memory.data<u8>([\n${list(endings)}\n]);`,
    '',
  ].join('\n');
}
