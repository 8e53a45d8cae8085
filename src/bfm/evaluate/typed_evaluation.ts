// SPDX-License-Identifier: LGPL-2.1-only
import type { Evaluator } from './evaluator.js';
import type { SeenMachine } from './machine_scope.js';

/** Evaluates TypeScript about a machine. Variables are kept from one text to the next. */
export class TypedEvaluation {
  private evaluator: Evaluator | undefined;

  constructor(private readonly machine: SeenMachine) {}

  /** @returns the value, for people; undefined for none. @throws BareflankError for what cannot be parsed, and with what the code threw */
  async evaluate(text: string): Promise<string | undefined> {
    // Loaded only if needed.
    const [{ javaScriptOf }, { machineEvaluator }] = await Promise.all([
      import('../../driver/node/typescript_expression.js'),
      import('./machine_scope.js'),
    ]);
    this.evaluator ??= machineEvaluator(this.machine);
    return this.evaluator.evaluate(javaScriptOf(text), 'typed');
  }
}
