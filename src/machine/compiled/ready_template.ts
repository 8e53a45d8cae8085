// SPDX-License-Identifier: LGPL-2.1-only
import { flagOperands, flagSetterNames, type Template, type TemplateToken } from '../generator/template.js';
import { Opcode, ValueType, VectorOpcode } from '../wasm_format.js';
import { temporaries, type Pool } from './temporaries.js';
import { WasmWriter } from './wasm_writer.js';

/** What a token of a template does. */
export enum TokenKind {
  /** Bytes as they are. */
  Bytes,
  /** i32.const of the slot `place` + `second`. */
  Slot,
  /** The address of the slot `place` + `second` as the offset of a load or store. */
  SlotOffset,
  /** Access to a register of `first` bits: the slot `place` + `second`. */
  GetRegister,
  SetRegister,
  /** return, out of `first` labels. */
  Return,
  /** Word `first` of the flags, by its place in `flagWords`. */
  GetFlags,
  SetFlags,
  /** Operand `first` of the flag setter whose template this is. */
  FlagOperand,
  /** A flag setter: `place`. */
  FlagSetter,
  DataTlb,
  /** Leaves the region, out of `first` labels. */
  Bail,
  Jump,
  Address,
  Immediate,
  Immediate2,
  Immediate64,
  Next,
  Rip,
  Target,
  Length,
  /** The number in the operand `place`. */
  Number,
}

/** The words of the flags, as the markers call them. */
export const flagWords = ['FR', 'FX', 'FC'] as const;

/** A register operand by its name in a record, or a fixed slot. */
export type Place = 'a' | 'b' | 'c' | 'segment' | number;

/** A token, so that pasting it takes one look at its kind. */
export interface ReadyToken {
  readonly kind: TokenKind;
  readonly first: number;
  readonly second: number;
  readonly place: Place;
  readonly bytes: Uint8Array;
  /** Of a flag setter. */
  readonly name: string;
}

/** A template that is ready to paste. */
export interface ReadyTemplate extends Pick<Template, 'name' | 'class' | 'returns' | 'result'> {
  readonly tokens: readonly ReadyToken[];
  /** Those that access registers. */
  readonly registers: readonly ReadyToken[];
  /** Those that access the slots of registers in memory. */
  readonly slots: readonly ReadyToken[];
  /** It has the marker `address`. */
  readonly usesAddress: boolean;
  /** Of a flag setter: how many operands it has. */
  readonly operands: number;
  readonly readsFlags: boolean;
  /** How it sets the flags: all of them by a setter whose operands can be kept for later, or by words that it writes itself, perhaps not always. */
  readonly setsFlags: 'no' | 'later' | 'now';
  /** It reads, sets or, by leaving the region, shows the flags. */
  readonly touchesFlags: boolean;
  /** All flags are set before anything that leaves them visible: what they were before does not matter. */
  readonly killsFlags: boolean;
}

const noBytes = new Uint8Array(0);
const token = (kind: TokenKind, fields: Partial<ReadyToken> = {}): ReadyToken => ({
  kind,
  first: 0,
  second: 0,
  place: 0,
  bytes: noBytes,
  name: '',
  ...fields,
});

/** The markers that need nothing but their name. */
const plainMarkers: Readonly<Record<string, ReadyToken>> = {
  tlb: token(TokenKind.DataTlb),
  jump: token(TokenKind.Jump),
  address: token(TokenKind.Address),
  immediate: token(TokenKind.Immediate),
  immediate2: token(TokenKind.Immediate2),
  immediate64: token(TokenKind.Immediate64),
  next: token(TokenKind.Next),
  rip: token(TokenKind.Rip),
  target: token(TokenKind.Target),
  length: token(TokenKind.Length),
  numberA: token(TokenKind.Number, { place: 'a' }),
  numberB: token(TokenKind.Number, { place: 'b' }),
  numberC: token(TokenKind.Number, { place: 'c' }),
  ...Object.fromEntries(flagOperands.map((name, first) => [name, token(TokenKind.FlagOperand, { first })])),
  ...Object.fromEntries(flagWords.map((word, first) => [`get${word}`, token(TokenKind.GetFlags, { first })])),
  ...Object.fromEntries(flagWords.map((word, first) => [`set${word}`, token(TokenKind.SetFlags, { first })])),
};

function marker(name: string, depth: number): ReadyToken {
  if (name === 'bail') return token(TokenKind.Bail, { first: depth });
  if (flagSetterNames.some((setter) => setter === name)) return token(TokenKind.FlagSetter, { name, first: depth });
  const known = plainMarkers[name];
  if (known === undefined) throw new TypeError(`template marker '${name}' is unknown`);
  return known;
}

function readyToken([kind, first, second, third]: TemplateToken): ReadyToken {
  switch (kind) {
    case 's':
    case 'o':
      return token(kind === 's' ? TokenKind.Slot : TokenKind.SlotOffset, {
        place: first as Place,
        second: second as number,
      });
    case 'get':
    case 'set':
      return token(kind === 'get' ? TokenKind.GetRegister : TokenKind.SetRegister, {
        first: first as number,
        place: second as Place,
        second: third as number,
      });
    case 'ret':
      return token(TokenKind.Return, { first: first as number });
    case 'm':
      return marker(first as string, second as number);
    default:
      throw new TypeError(`template token '${kind}' is unknown`);
  }
}

function writeZero(out: WasmWriter, type: number): void {
  if (type === ValueType.I32) out.i32Const(0);
  else if (type === ValueType.I64) out.i64Const(0);
  else out.append([Opcode.VectorPrefix, VectorOpcode.V128Const, ...Array<number>(16).fill(0)]);
}

/** The tokens of a template; what needs no look at an instruction is joined to runs of bytes. */
function readyTokens({ tokens, locals, zero }: Template, pool: Pool): ReadyToken[] {
  const numbers = temporaries(locals, pool);
  const result: ReadyToken[] = [];
  let run = new WasmWriter();
  const flush = (): void => {
    if (run.length > 0) result.push(token(TokenKind.Bytes, { bytes: run.bytes() }));
    run = new WasmWriter();
  };
  for (const index of zero) {
    writeZero(run, locals[index]!);
    run.op(Opcode.LocalSet, numbers[index]!);
  }
  for (const each of tokens) {
    const [kind, first, second] = each;
    if (kind === 'x') run.append(Uint8Array.from(atob(first as string), (character) => character.charCodeAt(0)));
    else if (kind === 'l') run.op(first as number, numbers[second as number]!);
    else if (kind === 'k') run.i32Const(first as number);
    else {
      flush();
      result.push(readyToken(each));
    }
  }
  flush();
  return result;
}

type FlagUse = Pick<ReadyTemplate, 'readsFlags' | 'setsFlags' | 'touchesFlags' | 'killsFlags'>;

/** What a template does with the flags. */
function flagUse(tokens: readonly ReadyToken[], returns: boolean): FlagUse {
  const has = (kind: TokenKind): boolean => tokens.some((each) => each.kind === kind);
  const setters = tokens.filter(({ kind }) => kind === TokenKind.FlagSetter);
  const setsAlways = !returns && setters.some(({ first }) => first === 0);
  const setsNow = has(TokenKind.SetFlags) || (setters.length > 0 && !setsAlways);
  const setsFlags = setsNow ? 'now' : setters.length > 0 ? 'later' : 'no';
  const readsFlags = has(TokenKind.GetFlags);
  return {
    readsFlags,
    setsFlags,
    touchesFlags: readsFlags || setsFlags !== 'no' || has(TokenKind.Bail),
    killsFlags: setsFlags === 'later' && !readsFlags && !has(TokenKind.Bail),
  };
}

/** Makes a template ready. @param pool where its locals are. @throws TypeError for a token that nobody knows */
export function readyTemplate(template: Template, pool: Pool): ReadyTemplate {
  const { name, class: kind, returns, result } = template;
  const tokens = readyTokens(template, pool);
  return {
    name,
    class: kind,
    returns,
    result,
    ...flagUse(tokens, returns),
    tokens,
    registers: tokens.filter((each) => each.kind === TokenKind.GetRegister || each.kind === TokenKind.SetRegister),
    slots: tokens.filter((each) => each.kind === TokenKind.Slot || each.kind === TokenKind.SlotOffset),
    usesAddress: tokens.some((each) => each.kind === TokenKind.Address),
    operands: Math.max(0, ...tokens.map((each) => (each.kind === TokenKind.FlagOperand ? each.first + 1 : 0))),
  };
}
