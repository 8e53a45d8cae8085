// SPDX-License-Identifier: LGPL-2.1-only
import { transformSync, type TransformFailure } from 'esbuild';
import { BareflankError } from '../../intrinsics/errors.js';

/** Text that cannot be an expression or statements. */
export class ExpressionError extends BareflankError {
  constructor(
    message: string,
    /** More text could make it whole. */
    readonly isIncomplete: boolean,
  ) {
    super(message);
  }
}

const asJavaScript = (text: string): string =>
  transformSync(text, { loader: 'ts', target: 'node20', sourcefile: 'eval' }).code;

/** A text that begins with a brace is an object literal if it can be one, as in Node's own prompt. @returns undefined if it cannot */
function asObject(text: string): string | undefined {
  if (!/^\s*\{/.test(text)) return undefined;
  try {
    return asJavaScript(`(${text}\n)`);
  } catch {
    // The error of the statements counts.
    return undefined;
  }
}

/**
 * TypeScript that is typed, as JavaScript. It does not wait, because a prompt must know at once whether a line is whole.
 *
 * @throws ExpressionError with line and column
 */
export function javaScriptOf(text: string): string {
  try {
    return asObject(text) ?? asJavaScript(text);
  } catch (error) {
    const [first] = (error as Partial<TransformFailure>).errors ?? [];
    if (first === undefined) throw error;
    const { line = 1, column = 0 } = first.location ?? {};
    throw new ExpressionError(`eval:${line}:${column + 1}: ${first.text}`, /end of file/.test(first.text));
  }
}
