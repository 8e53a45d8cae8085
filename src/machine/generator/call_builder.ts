// SPDX-License-Identifier: LGPL-2.1-only
import type { InstructionRow } from '../instructions/row.js';
import type { Declaration } from './declarations.js';
import { sizeTypes, typeAt, type Choice, type SizedType } from './form_choice.js';
import { InstructionRowError } from './instruction_row_error.js';
import { OperandCode, type Operand } from './operand.js';

/** What the forms of a row have in common. */
export interface RowContext {
  readonly topic: string;
  readonly row: InstructionRow;
  readonly operands: readonly Operand[];
  readonly declaration: Declaration;
  readonly rowSize: SizedType;
}

/** A call of the semantics. The interpreter and the templates each define the names in it. */
export interface Call {
  readonly text: string;
  readonly uses: ReadonlySet<string>;
}

/** An argument of the call: expression, kind for type parameters, name used. */
interface Argument {
  readonly expression: string;
  readonly kind: 'Reg' | 'Mem' | 'Imm' | 'number';
  readonly uses: string;
}

const slotNames = ['a', 'b', 'c'];
const integerType = /^(u8|u16|u32|u64|i8|i16|i32|i64|usize|isize|bool)$/;
const extraParameters = new Set(['next', 'target', 'rip', 'rep', 'length', 'segment']);
const registerNames = ['RAX', 'RCX', 'RDX', 'RBX', 'RSP', 'RBP', 'RSI', 'RDI'];

const named = (name: string, kind: Argument['kind']): Argument => ({ expression: name, kind, uses: name });

function operandArguments(operand: Operand, position: number, immediates: number, choice: Choice): Argument[] {
  const slot = slotNames[position] ?? '?';
  switch (operand.shape) {
    case 'register':
    case 'fixed':
      return [named(slot, 'Reg')];
    case 'memory':
      return [named('ea', 'Mem')];
    case 'either':
      return [choice.memory ? named('ea', 'Mem') : named(slot, 'Reg')];
    case 'immediate':
      return [named(operand.isWide && choice.size === 2 ? 'imm64' : immediates === 0 ? 'imm' : 'imm2', 'Imm')];
    case 'one':
      return [{ expression: '<i64>1', kind: 'Imm', uses: '' }];
    case 'number':
      return [named(slot + 'n', 'number')];
    case 'far':
      return [
        { expression: '<u32>imm2', kind: 'number', uses: 'imm2' },
        { expression: '<u64><u32>imm', kind: 'number', uses: 'imm' },
      ];
    default:
      return [];
  }
}

/** Value of a fixed register, for an integer parameter. */
function fixedValue(operand: Operand, type: string): string {
  const high = operand.code >= OperandCode.FixedHigh;
  const name = registerNames[high ? operand.code - OperandCode.FixedHigh : operand.code - OperandCode.Fixed]!;
  return `<${type}>reg<${operand.type || type}>(${name}${high ? ' + 1' : ''})`;
}

/** Builds the call of one form. */
class CallBuilder {
  private readonly uses = new Set<string>();
  private readonly kinds = new Map<string, string>();

  constructor(
    private readonly context: RowContext,
    private readonly choice: Choice,
  ) {}

  build(): Call {
    const { declaration } = this.context;
    const supplied = this.supplied();
    const values = declaration.parameters.map((parameter) => {
      if (extraParameters.has(parameter.name)) return this.extra(parameter);
      const next = supplied.shift();
      if (!next)
        throw this.error(`${declaration.name} has a parameter '${parameter.name}' more than the row has operands`);
      return this.value(parameter, next.argument, next.operand);
    });
    if (supplied.length > 0)
      throw this.error(
        `${declaration.name} takes no parameter for operand ${supplied.map((item) => item.operand.text).join(',')}`,
      );
    const types = declaration.typeParameters.map((name) => this.typeArgument(name));
    return {
      text: `${declaration.name}${types.length > 0 ? `<${types.join(',')}>` : ''}(${values.join(',')})`,
      uses: this.uses,
    };
  }

  private error(problem: string): InstructionRowError {
    return new InstructionRowError(this.context.topic, this.context.row, problem);
  }

  private supplied(): { argument: Argument; operand: Operand }[] {
    let immediates = 0;
    return this.context.operands.flatMap((operand, position) => {
      const found = operandArguments(operand, position, immediates, this.choice);
      if (operand.shape === 'immediate') immediates++;
      return found.map((argument) => ({ argument, operand }));
    });
  }

  private extra(parameter: { name: string; type: string }): string {
    if (parameter.name === 'rep') return String(this.choice.rep);
    this.uses.add(parameter.name);
    return parameter.name === 'length' ? `<${parameter.type}>length` : parameter.name;
  }

  private value({ name, type }: { name: string; type: string }, argument: Argument, operand: Operand): string {
    const { declaration } = this.context;
    const mismatch = (): InstructionRowError =>
      this.error(
        `operand ${operand.text} is a ${argument.kind}; parameter '${name}' of ${declaration.name} is a ${type}`,
      );
    if (declaration.typeParameters.includes(type)) {
      if (argument.kind === 'number') throw mismatch();
      const known = this.kinds.get(type) ?? argument.kind;
      if (known !== argument.kind)
        throw this.error(`type parameter ${type} of ${declaration.name} would be ${known} and ${argument.kind}`);
      this.kinds.set(type, argument.kind);
    } else if (integerType.test(type)) {
      if (operand.shape === 'fixed') return fixedValue(operand, type);
      if (argument.kind === 'Reg' || argument.kind === 'Mem') throw mismatch();
    } else if (type !== argument.kind) throw mismatch();
    if (argument.uses !== '') this.uses.add(argument.uses);
    return integerType.test(type) ? `<${type}>${argument.expression}` : argument.expression;
  }

  private typeArgument(name: string): string {
    const { declaration, operands, rowSize } = this.context;
    const kind = this.kinds.get(name);
    if (kind !== undefined) return kind;
    if (name === 'A') return sizeTypes[this.choice.address]!;
    const index = { T: 0, U: 1, V: 2 }[name];
    const source = name === 'T' ? rowSize : index === undefined ? undefined : operands[index];
    const type = source ? typeAt(source, this.choice) : '';
    if (type === '') throw this.error(`type parameter ${name} of ${declaration.name} cannot be told from the operands`);
    return type;
  }
}

/** The call of the semantics for one choice. Throws InstructionRowError if the row does not fit the declaration. */
export function buildCall(context: RowContext, choice: Choice): Call {
  return new CallBuilder(context, choice).build();
}
