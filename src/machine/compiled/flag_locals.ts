// SPDX-License-Identifier: LGPL-2.1-only
import { Layout } from '../layout/layout.js';
import { Opcode, ValueType } from '../wasm_format.js';
import type { FunctionBody } from './function_body.js';
import { flagWords } from './ready_template.js';

/** A setter of the flags whose words are not computed yet: its operands are in locals. `isRead`: the words are in the locals for reading. */
export interface PendingFlags {
  readonly setter: string;
  readonly isRead: boolean;
}

/**
 * The words of the arithmetic flags in locals of a function. V8 does not drop the words that nobody reads where they live on round a loop (Node 24), so
 * the operands of the last setter are kept, and the words computed where they become visible.
 */
export class FlagLocals {
  /** What the words wait for; undefined: they are in their locals. */
  pending: PendingFlags | undefined;
  private readonly own: readonly number[];
  private readonly read: readonly number[];
  /** For the operands of the pending setter. */
  readonly operands: readonly number[];

  constructor(private readonly body: FunctionBody) {
    const three = (): number[] => flagWords.map(() => body.newLocal(ValueType.I64));
    this.own = three();
    this.read = three();
    this.operands = three();
  }

  /** The names of its locals. */
  names(): [number, string][] {
    return flagWords.flatMap((word, index): [number, string][] => [
      [this.own[index]!, word],
      [this.read[index]!, `${word}.read`],
      [this.operands[index]!, `operand${index}`],
    ]);
  }

  loadAll(): void {
    flagWords.forEach((word, index) => {
      this.body.load(Opcode.I64Load, 3, Layout[word]);
      this.body.set(this.own[index]!);
    });
  }

  storeAll(): void {
    flagWords.forEach((word, index) => {
      this.body.out.i32Const(0);
      this.body.get(this.own[index]!);
      this.body.out.access(Opcode.I64Store, 3, Layout[word]);
    });
  }

  /** Pushes a word, by its place in `flagWords`: of the pending setter if there is one, whose words must have been computed for reading. */
  get(word: number): void {
    this.body.get((this.pending === undefined ? this.own : this.read)[word]!);
  }

  /** Pops a word. @param forReading into the locals of the pending setter */
  set(word: number, forReading: boolean): void {
    this.body.set((forReading ? this.read : this.own)[word]!);
  }
}
