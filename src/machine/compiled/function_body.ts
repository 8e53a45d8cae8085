// SPDX-License-Identifier: LGPL-2.1-only
import { Opcode, type ValueType } from '../wasm_format.js';
import { WasmWriter } from './wasm_writer.js';

/** The code of one function, and its locals. */
export class FunctionBody {
  readonly out = new WasmWriter(4096);
  /** Value types of the locals, without the parameters. */
  readonly locals: number[] = [];
  private readonly pools = new Map<string, number[]>();

  constructor(private readonly parameters: number) {}

  newLocal(type: (typeof ValueType)[keyof typeof ValueType] | number): number {
    this.locals.push(type);
    return this.parameters + this.locals.length - 1;
  }

  /** Locals for one piece of code, of these types; the next piece that names the pool may use the same. */
  temporaries(types: readonly number[], name: string): number[] {
    const used = new Map<number, number>();
    return types.map((type) => {
      const pool = this.pools.get(`${name} ${type}`) ?? [];
      this.pools.set(`${name} ${type}`, pool);
      const index = used.get(type) ?? 0;
      used.set(type, index + 1);
      return (pool[index] ??= this.newLocal(type));
    });
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
