// SPDX-License-Identifier: LGPL-2.1-only
import { Opcode, type ValueType } from '../wasm_format.js';
import { PARAMETERS, temporaryTypes } from './temporaries.js';
import { WasmWriter } from './wasm_writer.js';

/** The code of one function, and its locals. */
export class FunctionBody {
  readonly out = new WasmWriter(4096);
  /** Value types of the locals, without the parameters. */
  readonly locals: number[] = [...temporaryTypes];

  newLocal(type: (typeof ValueType)[keyof typeof ValueType] | number): number {
    this.locals.push(type);
    return PARAMETERS + this.locals.length - 1;
  }

  get(local: number): void {
    this.out.op(Opcode.LocalGet, local);
  }
  set(local: number): void {
    this.out.op(Opcode.LocalSet, local);
  }
  /** Loads from a fixed address. */
  load(opcode: number, alignment: number, address: number): void {
    this.out.i32Const(0);
    this.out.access(opcode, alignment, address);
  }
}
