// SPDX-License-Identifier: LGPL-2.1-only
import { transform, type TransformFailure } from 'esbuild';
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

/** As newlines count: after the opening parenthesis. */
const head = '(';

async function asJavaScript(text: string): Promise<string> {
  const { code } = await transform(text, { loader: 'ts', target: 'node20', sourcefile: 'eval' });
  return code;
}

/** An object literal is an expression too, so this is tried before statements. @returns undefined if it is none */
async function asExpression(text: string): Promise<string | undefined> {
  try {
    return await asJavaScript(`${head}${text}\n)`);
  } catch {
    // The error of the statements counts.
    return undefined;
  }
}

/** TypeScript that is typed, as JavaScript. @throws ExpressionError with line and column */
export async function javaScriptOf(text: string): Promise<string> {
  const expression = await asExpression(text);
  if (expression !== undefined) return expression;
  try {
    return await asJavaScript(text);
  } catch (error) {
    const [first] = (error as Partial<TransformFailure>).errors ?? [];
    if (first === undefined) throw error;
    const { line = 1, column = 0 } = first.location ?? {};
    throw new ExpressionError(`eval:${line}:${column + 1}: ${first.text}`, /end of file/.test(first.text));
  }
}
