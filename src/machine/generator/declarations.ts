// SPDX-License-Identifier: LGPL-2.1-only

/** What the generator knows of one exported AssemblyScript function. */
export interface Declaration {
  readonly name: string;
  /** File without folder and suffix: 'alu'. */
  readonly file: string;
  /** The same with its folder: 'integer/alu'. */
  readonly path: string;
  readonly typeParameters: readonly string[];
  readonly parameters: readonly { readonly name: string; readonly type: string }[];
  readonly returns: string;
  /** Has the decorator `@inline`: only such functions can become templates. */
  readonly isInline: boolean;
}

const opening = '<([{';
const closing = '>)]}';

/** Index just behind the bracket that closes the one at `start`. Throws SyntaxError where there is none. */
function endOfBrackets(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    if (opening.includes(text[at]!)) depth++;
    else if (closing.includes(text[at]!) && --depth === 0) return at + 1;
  }
  throw new SyntaxError(`no closing bracket after: ${text.slice(start, start + 60)}`);
}

/** Splits at commas outside brackets; trims. */
function splitList(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let from = 0;
  for (let at = 0; at < text.length; at++) {
    if (opening.includes(text[at]!)) depth++;
    else if (closing.includes(text[at]!)) depth--;
    else if (text[at] === ',' && depth === 0) {
      parts.push(text.slice(from, at).trim());
      from = at + 1;
    }
  }
  parts.push(text.slice(from).trim());
  return parts.filter((part) => part !== '');
}

function parameter(text: string): { name: string; type: string } {
  const colon = text.indexOf(':');
  return {
    name: text.slice(0, colon).trim(),
    type: text
      .slice(colon + 1)
      .replace(/=.*$/, '')
      .trim(),
  };
}

/** The exported functions of one AssemblyScript file. `path` is its path below src/machine/cpu without suffix. */
export function parseDeclarations(source: string, path: string): Declaration[] {
  const found: Declaration[] = [];
  const file = path.slice(path.lastIndexOf('/') + 1);
  const start = /(@inline\s+)?export function (\w+)\s*/g;
  for (let match = start.exec(source); match; match = start.exec(source)) {
    let at = start.lastIndex;
    let typeParameters: string[] = [];
    if (source[at] === '<') {
      const end = endOfBrackets(source, at);
      typeParameters = splitList(source.slice(at + 1, end - 1));
      at = end;
    }
    const end = endOfBrackets(source, at);
    const parameters = splitList(source.slice(at + 1, end - 1)).map(parameter);
    const returns = /^\s*:\s*([\w<>]+)/.exec(source.slice(end))?.[1] ?? 'void';
    found.push({ name: match[2]!, file, path, typeParameters, parameters, returns, isInline: match[1] !== undefined });
  }
  return found;
}
