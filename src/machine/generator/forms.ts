// SPDX-License-Identifier: LGPL-2.1-only
import type { InstructionRow } from '../instructions/row.js';
import { buildCall, type Call } from './call_builder.js';
import type { Declaration } from './declarations.js';
import { parseEncoding, type Encoding } from './encoding.js';
import {
  choicesOf,
  dimensionsOf,
  isDirectBranch,
  isPossible,
  sizeOfRow,
  type Choice,
  type Dimensions,
  type SizedType,
} from './form_choice.js';
import { InstructionRowError } from './instruction_row_error.js';
import { parseOperand, type Operand } from './operand.js';

/** How control goes on after a form; numbers are the decoder's. */
export type FormClass = 'plain' | 'jcc' | 'jmp' | 'call' | 'ret' | 'ends';

/** One instantiation of a semantics function: what the interpreter dispatches on. */
export interface Form {
  id: number;
  /** Readable, unique: 'ADD<u32,Mem,Reg>(ea,b)'. */
  readonly name: string;
  /** The call, in terms of a, b, c, ea, imm, imm2, next, target, rip, length, segment; '' if the run loop does it all. */
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

/** One row as the decoder sees it: match, operands, and the forms by [memory][size][address][rep]. */
export interface DecoderEntry extends Dimensions {
  readonly row: InstructionRow;
  readonly topic: string;
  readonly encoding: Encoding;
  readonly operands: readonly Operand[];
  readonly usesModrm: boolean;
  readonly mod: 'any' | 'register' | 'memory';
  /** How the size of the operand is found: fixed, operand size, REX.W only, operand size without 64. */
  readonly sizeRule: 'v' | 'z' | 'y';
  /** Ids by (((memory × sizes) + size) × addresses + address) × reps + rep; undefined where there is no such form. */
  readonly forms: readonly (Form | undefined)[];
}

/** A row and what the generator has found out about it. */
interface ParsedRow {
  readonly topic: string;
  readonly row: InstructionRow;
  readonly operands: readonly Operand[];
  readonly declaration: Declaration | undefined;
  readonly rowSize: SizedType;
}

/** Why no template is to be tried for a form. */
function noTemplate({ row, declaration }: ParsedRow, formClass: FormClass, choice: Choice): string | undefined {
  if (formClass === 'ends') return 'ends its block';
  if (row.options.noTemplate !== undefined) return row.options.noTemplate;
  if (choice.size === 0 && isDirectBranch(row.options)) return 'a branch of 16 bits';
  if (declaration && !declaration.isInline) return 'its semantics are not inlined';
  return declaration?.typeParameters.includes('A') && choice.address !== 2
    ? 'addresses or stack of 16 or 32 bits'
    : undefined;
}

/** The hot forms of a hot row: 32 and 64 bits, 64-bit addresses, no REP. */
function isHotChoice({ row, rowSize }: ParsedRow, choice: Choice): boolean {
  const { options } = row;
  if (!options.hot || options.system || options.class === 'ends' || choice.rep !== 0 || choice.address !== 2)
    return false;
  if (isDirectBranch(options)) return choice.size > 0;
  return rowSize.size === 'fixed' || rowSize.size === '' || choice.size > 0;
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
    const { encoding, operands } = this.parse(topic, row);
    const declaration = this.declarationOf(topic, row);
    const rowSize = sizeOfRow(operands, row.options);
    const dimensions = dimensionsOf(operands, row.options, rowSize, declaration);
    const parsed: ParsedRow = { topic, row, operands, declaration, rowSize };
    const forms = choicesOf(dimensions, operands).map((choice) =>
      isPossible(choice, row.options, dimensions, rowSize) ? this.form(parsed, choice) : undefined,
    );
    this.entries.push({
      row,
      topic,
      encoding,
      operands,
      usesModrm:
        encoding.digit !== undefined || encoding.modrm !== undefined || operands.some((operand) => operand.usesModrm),
      mod: encoding.modrm !== undefined ? 'register' : (operands.find(({ mod }) => mod !== 'any')?.mod ?? 'any'),
      sizeRule: rowSize.size === 'y' || rowSize.size === 'z' ? rowSize.size : 'v',
      ...dimensions,
      forms,
    });
  }

  private parse(topic: string, row: InstructionRow): { encoding: Encoding; operands: Operand[] } {
    try {
      return { encoding: parseEncoding(row.opcode), operands: row.operands.map(parseOperand) };
    } catch (error) {
      throw new InstructionRowError(topic, row, (error as Error).message);
    }
  }

  private declarationOf(topic: string, row: InstructionRow): Declaration | undefined {
    if (row.semantics === '') return undefined;
    const file = row.options.file ?? topic;
    const declaration = this.declarations.get(`${file}.${row.semantics}`);
    if (!declaration)
      throw new InstructionRowError(topic, row, `src/machine/cpu/*/${file}.ts exports no function ${row.semantics}`);
    return declaration;
  }

  private form(parsed: ParsedRow, choice: Choice): Form {
    const { row, topic, declaration } = parsed;
    const { options } = row;
    const call: Call = declaration ? buildCall({ ...parsed, declaration }, choice) : { text: '', uses: new Set() };
    const formClass: FormClass = options.system || choice.rep !== 0 ? 'ends' : (options.class ?? 'plain');
    const isBranch16 = isDirectBranch(options) && choice.size === 0;
    const suffix = (formClass === 'plain' ? '' : ` ${formClass}`) + (isBranch16 ? '16' : '');
    const name = `${call.text === '' ? (options.class ?? 'none') : call.text}${suffix} ${options.file ?? topic}`;
    const isHot = isHotChoice(parsed, choice);
    const known = this.byName.get(name);
    if (known) {
      known.isHot ||= isHot;
      return known;
    }
    const made: Form = {
      id: -1,
      name,
      call: call.text,
      uses: call.uses,
      class: formClass,
      isBranch16,
      declaration,
      isHot,
      noTemplate: noTemplate(parsed, formClass, choice),
      row,
      topic,
    };
    this.byName.set(name, made);
    this.forms.push(made);
    return made;
  }

  /** Numbers the forms: hot ones first, then plain ones, then those that end a block. `reserved` ids come at the very start. */
  number(reserved: number): { hot: number; plain: number } {
    const rank = (form: Form): number => (form.isHot ? 0 : form.class === 'plain' ? 1 : 2);
    this.forms.sort((left, right) => rank(left) - rank(right));
    this.forms.forEach((form, index) => {
      form.id = reserved + index;
    });
    const hot = this.forms.filter((form) => form.isHot).length;
    return { hot: reserved + hot, plain: reserved + this.forms.filter((form) => rank(form) < 2).length };
  }
}
