// SPDX-License-Identifier: LGPL-2.1-only
import type { InstructionRow, RowOptions } from '../instructions/row.js';
import type { Declaration } from './declarations.js';
import { parseEncoding, type Encoding } from './encoding.js';
import { parseOperand, OperandCode, type Operand } from './operand.js';

/** How control goes on after a form; numbers are the decoder's. */
export type FormClass = 'plain' | 'jcc' | 'jmp' | 'call' | 'ret' | 'ends';

/** One instantiation of a semantics function: what the interpreter dispatches on. */
export interface Form {
  id: number;
  /** Readable, unique: 'ADD<u32,Mem,Reg>(ea,b)'. */
  readonly name: string;
  /** The call, in terms of a, b, c, ea, imm, imm2, next, target, rip, length, segment; '' where the run loop does all. */
  readonly call: string;
  /** Those of the names above that the call uses. */
  readonly uses: ReadonlySet<string>;
  readonly class: FormClass;
  /** Direct branch whose target is cut to 16 bits. */
  readonly isBranch16: boolean;
  readonly declaration: Declaration | undefined;
  isHot: boolean;
  /** Why no template is cut from it; undefined: try. */
  readonly noTemplate: string | undefined;
  /** The first row that needed it. */
  readonly row: InstructionRow;
  readonly topic: string;
}

/** What the decoder knows of one row: match, operands and the forms by [memory][size][address][rep]. */
export interface DecoderEntry {
  readonly row: InstructionRow;
  readonly topic: string;
  readonly encoding: Encoding;
  readonly operands: readonly Operand[];
  readonly usesModrm: boolean;
  readonly mod: 'any' | 'register' | 'memory';
  /** How the size of the operand is found: fixed, operand size, REX.W only, operand size without 64. */
  readonly hasSizes: boolean;
  readonly sizeRule: 'v' | 'z' | 'y';
  readonly hasAddresses: boolean;
  readonly hasReps: boolean;
  readonly hasKinds: boolean;
  /** Ids by (((memory × sizes) + size) × addresses + address) × reps + rep; undefined where there is no such form. */
  readonly forms: readonly (Form | undefined)[];
}

const sizeTypes = ['u16', 'u32', 'u64'];
const slotNames = ['a', 'b', 'c'];
const integerType = /^(u8|u16|u32|u64|i8|i16|i32|i64|usize|isize|bool|i32)$/;
const extraParameters = new Set(['next', 'target', 'rip', 'rep', 'length', 'segment']);
const registerNames = ['RAX', 'RCX', 'RDX', 'RBX', 'RSP', 'RBP', 'RSI', 'RDI'];

/** The choice that one form of a row stands for. */
interface Choice {
  readonly memory: boolean;
  /** 0 u16, 1 u32, 2 u64. */
  readonly size: number;
  readonly address: number;
  readonly rep: number;
}

/** The type an operand (or T) has under a choice of size. */
function typeAt(size: Operand['size'], fixed: string, choice: Choice): string {
  if (size === 'v') return sizeTypes[choice.size]!;
  if (size === 'z') return sizeTypes[Math.min(choice.size, 1)]!;
  if (size === 'y') return sizeTypes[Math.max(choice.size, 1)]!;
  return fixed;
}

const sizeLetters: Readonly<Record<string, { size: Operand['size']; type: string }>> = {
  b: { size: 'fixed', type: 'u8' }, w: { size: 'fixed', type: 'u16' }, d: { size: 'fixed', type: 'u32' }, q: { size: 'fixed', type: 'u64' },
  v: { size: 'v', type: '' }, z: { size: 'z', type: '' }, y: { size: 'y', type: '' },
};

/** Where T comes from. */
function sizeOfRow(operands: readonly Operand[], options: RowOptions): { size: Operand['size']; type: string } {
  if (options.type !== undefined) return { size: 'fixed', type: options.type };
  if (options.size !== undefined) return sizeLetters[options.size]!;
  const varying = operands.find((operand) => ['v', 'z', 'y'].includes(operand.size) && operand.shape !== 'immediate' && operand.shape !== 'branch')
    ?? operands.find((operand) => ['v', 'z', 'y'].includes(operand.size));
  const chosen = varying ?? operands.find((operand) => operand.size !== '');
  return chosen ? { size: chosen.size, type: chosen.type } : { size: '', type: '' };
}

/** An argument of the call: expression, kind for type parameters, names used. */
interface Argument {
  readonly expression: string;
  readonly kind: 'Reg' | 'Mem' | 'Imm' | 'number';
  readonly uses: string;
}

function operandArguments(operand: Operand, position: number, immediates: number, choice: Choice): Argument[] {
  const slot = slotNames[position] ?? '?';
  switch (operand.shape) {
    case 'register': return [{ expression: slot, kind: 'Reg', uses: slot }];
    case 'fixed': return [{ expression: slot, kind: 'Reg', uses: slot }];
    case 'memory': return [{ expression: 'ea', kind: 'Mem', uses: 'ea' }];
    case 'either': return choice.memory ? [{ expression: 'ea', kind: 'Mem', uses: 'ea' }] : [{ expression: slot, kind: 'Reg', uses: slot }];
    case 'immediate': {
      const name = operand.isWide && choice.size === 2 ? 'imm64' : immediates === 0 ? 'imm' : 'imm2';
      return [{ expression: name, kind: 'Imm', uses: name }];
    }
    case 'one': return [{ expression: '<i64>1', kind: 'Imm', uses: '' }];
    case 'number': return [{ expression: slot + 'n', kind: 'number', uses: slot + 'n' }];
    case 'far': return [{ expression: '<u32>imm2', kind: 'number', uses: 'imm2' }, { expression: '<u64><u32>imm', kind: 'number', uses: 'imm' }];
    default: return [];
  }
}

/** Why no template is to be tried for a form. */
function noTemplate(row: InstructionRow, formClass: FormClass, declaration: Declaration | undefined, choice: Choice): string | undefined {
  if (formClass === 'ends') return 'ends its block';
  if (row.options.noTemplate !== undefined) return row.options.noTemplate;
  if (choice.size === 0 && ['jcc', 'jmp', 'call'].includes(formClass)) return 'a branch of 16 bits';
  if (declaration && !declaration.isInline) return 'its semantics are not inlined';
  return declaration?.typeParameters.includes('A') && choice.address !== 2 ? 'addresses or stack of 16 or 32 bits' : undefined;
}

/** Value of a fixed register, for an integer parameter. */
function fixedValue(operand: Operand, type: string): string {
  const high = operand.code >= OperandCode.FixedHigh;
  const name = registerNames[high ? operand.code - OperandCode.FixedHigh : operand.code - OperandCode.Fixed]!;
  return `<${type}>reg<${operand.type || type}>(${name}${high ? ' + 1' : ''})`;
}

/** Error of a row, naming it. */
export class InstructionRowError extends Error {
  constructor(topic: string, row: InstructionRow, problem: string) {
    super(`src/machine/instructions/${topic}.ts: row('${row.opcode}', '${row.operands.join(',')}', '${row.semantics}'): ${problem}`);
    this.name = 'InstructionRowError';
  }
}

/** Expands rows to forms and decoder entries. */
export class FormTable {
  readonly forms: Form[] = [];
  readonly entries: DecoderEntry[] = [];
  private readonly byName = new Map<string, Form>();

  /** `declarations`: exported functions by 'file.NAME'. */
  constructor(private readonly declarations: ReadonlyMap<string, Declaration>) {}

  /** Adds one row. Throws InstructionRowError where the row and the declaration do not fit. */
  add(topic: string, row: InstructionRow): void {
    const fail = (problem: string): InstructionRowError => new InstructionRowError(topic, row, problem);
    const { encoding, operands } = this.parse(row, fail);
    const file = row.options.file ?? topic;
    const declaration = row.semantics === '' ? undefined : this.declarations.get(`${file}.${row.semantics}`);
    if (row.semantics !== '' && !declaration) throw fail(`src/machine/cpu/${file}.ts exports no function ${row.semantics}`);
    const rowSize = sizeOfRow(operands, row.options);
    const has = (name: string): boolean => declaration?.typeParameters.includes(name) ?? false;
    const variable = (size: Operand['size'] | undefined): boolean => size === 'v' || size === 'z' || size === 'y';
    const isDirect = ['jcc', 'jmp', 'call'].includes(row.options.class ?? '');
    const hasSizes = (has('T') && variable(rowSize.size)) || (has('U') && variable(operands[1]?.size)) || (has('V') && variable(operands[2]?.size))
      || isDirect || operands.some((operand) => operand.isWide);
    const hasKinds = operands.some((operand) => operand.shape === 'either');
    const hasAddresses = has('A');
    const hasReps = declaration?.parameters.some((parameter) => parameter.name === 'rep') ?? false;
    const mods = operands.map((operand) => operand.mod).filter((mod) => mod !== 'any');
    const mod = encoding.modrm !== undefined ? 'register' : (mods[0] ?? 'any');
    const forms: (Form | undefined)[] = [];
    for (const memory of hasKinds ? [false, true] : [operands.some((operand) => operand.shape === 'memory')]) {
      for (const size of hasSizes ? [0, 1, 2] : [2]) {
        for (const address of hasAddresses ? [0, 1, 2] : [2]) {
          for (const rep of hasReps ? [0, 1, 2] : [0]) {
            const choice = { memory, size, address, rep };
            forms.push(this.isPossible(row, choice, hasAddresses, rowSize.size) ? this.form(topic, row, operands, declaration, choice, rowSize, fail) : undefined);
          }
        }
      }
    }
    const sizeRule = rowSize.size === 'y' ? 'y' : rowSize.size === 'z' ? 'z' : 'v';
    const usesModrm = encoding.digit !== undefined || encoding.modrm !== undefined || operands.some((operand) => operand.usesModrm);
    this.entries.push({ row, topic, encoding, operands, usesModrm, mod, hasSizes, sizeRule, hasAddresses, hasReps, hasKinds, forms });
  }

  private parse(row: InstructionRow, fail: (problem: string) => InstructionRowError): { encoding: Encoding; operands: Operand[] } {
    try {
      return { encoding: parseEncoding(row.opcode), operands: row.operands.map(parseOperand) };
    } catch (error) {
      throw fail((error as Error).message);
    }
  }

  /** False for combinations that no mode can encode. */
  private isPossible(row: InstructionRow, choice: Choice, hasAddresses: boolean, size: Operand['size']): boolean {
    const { options } = row;
    if (hasAddresses && options.stack && size === 'v') {
      // 64-bit mode: stack pointer 64 bits; elsewhere there is no 64-bit operand
      if (choice.size === 2 && choice.address !== 2) return false;
      if ((options.default64 || options.force64) && choice.size === 1 && choice.address === 2) return false;
    }
    if (hasAddresses && choice.address === 2 && options.mode === 'not64') return false;
    return !(size === 'v' && choice.size === 2 && options.mode === 'not64');
  }

  private form(
    topic: string, row: InstructionRow, operands: readonly Operand[], declaration: Declaration | undefined, choice: Choice,
    rowSize: { size: Operand['size']; type: string }, fail: (problem: string) => InstructionRowError,
  ): Form {
    const uses = new Set<string>();
    const call = declaration ? this.call(operands, declaration, choice, rowSize, uses, fail) : '';
    const formClass: FormClass = row.options.system || choice.rep !== 0 ? 'ends' : (row.options.class ?? 'plain');
    const isBranch16 = ['jcc', 'jmp', 'call'].includes(formClass) && choice.size === 0;
    const name = (call === '' ? row.options.class ?? 'none' : call) + (formClass === 'plain' ? '' : ` ${formClass}`) + (isBranch16 ? '16' : '')
      + ` ${row.options.file ?? topic}`;
    const known = this.byName.get(name);
    const isHot = this.isHot(row, choice, rowSize);
    if (known) {
      known.isHot ||= isHot;
      return known;
    }
    const made: Form = {
      id: -1, name, call, uses, class: formClass, isBranch16, declaration, isHot, row, topic,
      noTemplate: noTemplate(row, formClass, declaration, choice),
    };
    this.byName.set(name, made);
    this.forms.push(made);
    return made;
  }

  /** The hot forms of a hot row: 32 and 64 bits, 64-bit addresses, no REP. */
  private isHot(row: InstructionRow, choice: Choice, rowSize: { size: Operand['size'] }): boolean {
    if (!row.options.hot || row.options.system || row.options.class === 'ends' || choice.rep !== 0 || choice.address !== 2) return false;
    return rowSize.size === 'fixed' || rowSize.size === '' || choice.size > 0;
  }

  private call(
    operands: readonly Operand[], declaration: Declaration, choice: Choice, rowSize: { size: Operand['size']; type: string },
    uses: Set<string>, fail: (problem: string) => InstructionRowError,
  ): string {
    let immediates = 0;
    const supplied: { argument: Argument; operand: Operand }[] = [];
    operands.forEach((operand, position) => {
      for (const argument of operandArguments(operand, position, immediates, choice)) supplied.push({ argument, operand });
      if (operand.shape === 'immediate') immediates++;
    });
    const kinds = new Map<string, string>();
    const values: string[] = [];
    for (const parameter of declaration.parameters) {
      if (extraParameters.has(parameter.name)) {
        if (parameter.name !== 'rep') uses.add(parameter.name);
        values.push(parameter.name === 'rep' ? String(choice.rep) : parameter.name === 'length' ? `<${parameter.type}>length` : parameter.name);
        continue;
      }
      const next = supplied.shift();
      if (!next) throw fail(`${declaration.name} has a parameter '${parameter.name}' more than the row has operands`);
      values.push(this.value(parameter, next.argument, next.operand, declaration, kinds, uses, fail));
    }
    if (supplied.length > 0) throw fail(`${declaration.name} takes no parameter for operand ${supplied.map((item) => item.operand.text).join(',')}`);
    const types = declaration.typeParameters.map((name) => this.typeArgument(name, operands, choice, rowSize, kinds, declaration, fail));
    return `${declaration.name}${types.length > 0 ? `<${types.join(',')}>` : ''}(${values.join(',')})`;
  }

  private value(
    parameter: { name: string; type: string }, argument: Argument, operand: Operand, declaration: Declaration, kinds: Map<string, string>, uses: Set<string>,
    fail: (problem: string) => InstructionRowError,
  ): string {
    const { type } = parameter;
    if (declaration.typeParameters.includes(type)) {
      if (argument.kind === 'number') throw fail(`operand ${operand.text} is a number; ${declaration.name} wants a ${type}`);
      const known = kinds.get(type);
      if (known !== undefined && known !== argument.kind) throw fail(`type parameter ${type} of ${declaration.name} would be ${known} and ${argument.kind}`);
      kinds.set(type, argument.kind);
    } else if (integerType.test(type)) {
      if (operand.shape === 'fixed') return fixedValue(operand, type);
      if (argument.kind === 'Reg' || argument.kind === 'Mem') throw fail(`operand ${operand.text} is a ${argument.kind}; ${declaration.name} wants a ${type}`);
      for (const name of argument.uses === '' ? [] : [argument.uses]) uses.add(name);
      return `<${type}>${argument.expression}`;
    } else if (type !== argument.kind) {
      throw fail(`operand ${operand.text} is a ${argument.kind}; parameter '${parameter.name}' of ${declaration.name} is a ${type}`);
    }
    if (argument.uses !== '') uses.add(argument.uses);
    return argument.expression;
  }

  private typeArgument(
    name: string, operands: readonly Operand[], choice: Choice, rowSize: { size: Operand['size']; type: string }, kinds: ReadonlyMap<string, string>,
    declaration: Declaration, fail: (problem: string) => InstructionRowError,
  ): string {
    const kind = kinds.get(name);
    if (kind !== undefined) return kind;
    if (name === 'A') return sizeTypes[choice.address]!;
    const index = { T: 0, U: 1, V: 2 }[name];
    const source = name === 'T' ? rowSize : index === undefined ? undefined : operands[index];
    const type = source ? typeAt(source.size, source.type, choice) : '';
    if (type === '') throw fail(`type parameter ${name} of ${declaration.name} cannot be told from the operands`);
    return type;
  }

  /** Numbers the forms: hot ones first, then plain ones, then those that end a block. `reserved` ids come at the very start. */
  number(reserved: number): { hot: number; plain: number } {
    const rank = (form: Form): number => (form.isHot ? 0 : form.class === 'plain' ? 1 : 2);
    this.forms.sort((left, right) => rank(left) - rank(right));
    this.forms.forEach((form, index) => { form.id = reserved + index; });
    const hot = this.forms.filter((form) => form.isHot).length;
    return { hot: reserved + hot, plain: reserved + this.forms.filter((form) => rank(form) < 2).length };
  }
}
