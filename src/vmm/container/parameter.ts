// SPDX-License-Identifier: LGPL-2.1-only
import { component, type ComponentSymbol } from '../../intrinsics/component.js';
import type { BindingRecord } from './binding_record.js';
import { ParameterError } from './load_errors.js';

/** The types of a parameter: a 64-bit number, a switch or a text. */
export type ParameterValue = bigint | boolean | string;

type Widened<T extends ParameterValue> = T extends bigint ? bigint : T extends boolean ? boolean : string;

/** The declaration of a parameter. */
interface ParameterDeclaration {
  readonly name: string;
  readonly initial: ParameterValue;
  readonly meaning: string;
}

const namePattern = /^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$/;
const largest = (1n << 64n) - 1n;

// A table of declarations. Like that of components, it is filled while modules are evaluated and never changes afterwards.
const declarations = new Map<symbol, ParameterDeclaration>();

/**
 * Declares a value that the user of an extension may set: `--set NAME=VALUE`. A module lists it with `parameter(X)`, and a class injects it.
 *
 * @param name `extension.name`, both in snake_case.
 * @param initial its value unless it is set; its type is the parameter's type.
 * @param meaning one line for messages and help, with the unit.
 */
export function parameter<T extends ParameterValue>(
  name: string,
  initial: T,
  meaning: string,
): ComponentSymbol<Widened<T>> {
  if (!namePattern.test(name)) throw new Error(`parameter '${name}': a name is extension.name, both in snake_case`);
  const symbol = component<Widened<T>>(`parameter ${name}`, 'vmm');
  declarations.set(symbol, { name, initial, meaning });
  return symbol;
}

/** The binding of a parameter to its initial value. @throws ParameterError for a symbol that `parameter` did not make. */
export function parameterRecord(identifier: symbol, file: string): BindingRecord {
  const declaration = declarations.get(identifier);
  if (declaration === undefined)
    throw new ParameterError(`${file}: parameter(${String(identifier)}) wants a symbol made by parameter()`, [file]);
  const target = { kind: 'value', value: declaration.initial } as const;
  return { kind: 'bind', scope: 'vmm', identifier, target, file };
}

function declaredBy({ identifier }: BindingRecord): ParameterDeclaration | undefined {
  return typeof identifier === 'symbol' ? declarations.get(identifier) : undefined;
}

function parsed({ name, initial, meaning }: ParameterDeclaration, text: string): ParameterValue {
  const refuse = (wanted: string): never => {
    throw new ParameterError(`--set ${name}=${text}: ${name} (${meaning}) wants ${wanted}`, [], {
      details: { where: `--set ${name}`, found: text, expected: wanted },
    });
  };
  if (typeof initial === 'string') return text;
  if (typeof initial === 'boolean')
    return text === 'true' || text === 'false' ? text === 'true' : refuse('true or false');
  if (!/^(0x[0-9a-f]+|[0-9]+)$/i.test(text))
    return refuse('a decimal number without a sign, or a hexadecimal one with 0x');
  const value = BigInt(text);
  return value <= largest ? value : refuse('a number of at most 64 bits');
}

/** A parameter as users see it, its initial value as the text that `--set` takes. */
export interface ParameterText {
  readonly name: string;
  readonly initial: string;
  readonly meaning: string;
}

/** The parameters that records declare, by name. */
export function parametersIn(records: readonly BindingRecord[]): ParameterText[] {
  const declared = records.map(declaredBy).filter((each) => each !== undefined);
  const text = (value: ParameterValue): string =>
    typeof value === 'bigint' && value >= 10n ? `0x${value.toString(16)}` : String(value);
  return declared
    .map(({ name, initial, meaning }) => ({ name, initial: text(initial), meaning }))
    .sort((one, other) => (one.name < other.name ? -1 : 1));
}

/** A number is shown in both notations: only its author knows which of them is the natural one. */
function shown(value: ParameterValue): string {
  if (typeof value === 'bigint') return value < 10n ? `${value}` : `${value} (0x${value.toString(16)})`;
  return value === '' ? '""' : String(value);
}

function listOf(declared: readonly ParameterDeclaration[]): string {
  if (declared.length === 0) return 'the loaded modules declare none';
  const lines = declared.map(({ name, initial, meaning }) => `  ${name}=${shown(initial)}  ${meaning}`);
  return `the loaded modules declare:\n${lines.sort().join('\n')}`;
}

/**
 * The records with the values that were set.
 *
 * @param settings text by the parameter's name.
 * @throws ParameterError for a name that no module declares, with the list of declared names, and for a value of another type.
 */
export function withSettings(
  records: readonly BindingRecord[],
  settings: Readonly<Record<string, string>>,
): BindingRecord[] {
  const declared = records.map(declaredBy).filter((each) => each !== undefined);
  const known = new Set(declared.map(({ name }) => name));
  for (const name of Object.keys(settings)) {
    if (known.has(name)) continue;
    throw new ParameterError(`--set ${name}: there is no such parameter; ${listOf(declared)}`, [], {
      details: { where: '--set', found: name, expected: [...known].sort().join(', ') || 'nothing' },
    });
  }
  return records.map((record) => {
    const declaration = declaredBy(record);
    const text = declaration === undefined ? undefined : settings[declaration.name];
    if (declaration === undefined || text === undefined) return record;
    return { ...record, target: { kind: 'value', value: parsed(declaration, text) } };
  });
}
