// SPDX-License-Identifier: LGPL-2.1-only
import { registerNumbers } from '../../intrinsics/vmx/exit_information.js';
import { Layout } from '../layout/layout.js';
import { Opcode, ValueType } from '../wasm_format.js';
import type { FunctionBody } from './function_body.js';

const REGISTERS = 16;
const loads: Readonly<Record<number, number>> = {
  8: Opcode.I32Load8U,
  16: Opcode.I32Load16U,
  32: Opcode.I32Load,
  64: Opcode.I64Load,
};
const stores: Readonly<Record<number, number>> = {
  8: Opcode.I64Store8,
  16: Opcode.I64Store16,
  32: Opcode.I64Store32,
  64: Opcode.I64Store,
};

/** The general registers in locals of a function, loaded where it begins and stored where it ends. */
export class RegisterLocals {
  private readonly locals: (number | undefined)[] = [];
  private readonly written = new Set<number>();
  private scratch: number | undefined;

  constructor(private readonly body: FunctionBody) {}

  /** The function uses the register of a slot. Call it for all before `loadAll`. */
  use(slot: number, writes: boolean): void {
    const index = this.indexOf(slot);
    if (index === undefined) return;
    this.locals[index] ??= this.body.newLocal(ValueType.I64);
    if (writes) this.written.add(index);
  }

  /** The names of the registers by their locals. */
  names(): [number, string][] {
    return Object.entries(registerNumbers).flatMap(([name, index]): [number, string][] => {
      const local = this.locals[index];
      return local === undefined ? [] : [[local, name]];
    });
  }

  loadAll(): void {
    this.locals.forEach((local, index) => {
      if (local === undefined) return;
      this.body.load(Opcode.I64Load, 3, Layout.RAX + index * 8);
      this.body.set(local);
    });
  }

  storeWritten(): void {
    const { body } = this;
    for (const index of this.written) {
      body.out.i32Const(0);
      body.get(this.locals[index]!);
      body.out.access(Opcode.I64Store, 3, Layout.RAX + index * 8);
    }
  }

  /** Pushes the 64 bits of a slot. */
  get64(slot: number): void {
    const local = this.localOf(slot);
    if (local === undefined) this.body.load(Opcode.I64Load, 3, slot);
    else this.body.get(local);
  }

  /** Pushes a register of `bits` bits: an i64 for 64, else an i32, zero-extended. */
  get(bits: number, slot: number): void {
    const { out } = this.body;
    const local = this.localOf(slot);
    if (local === undefined) {
      this.body.load(loads[bits]!, 0, slot);
      return;
    }
    this.body.get(local);
    if (bits === 64) return;
    if (slot & 1) {
      out.i64Const(8);
      out.byte(Opcode.I64ShrU);
    }
    out.byte(Opcode.I32WrapI64);
    if (bits < 32) {
      out.i32Const(bits === 8 ? 255 : 65535);
      out.byte(Opcode.I32And);
    }
  }

  /** Pops a register of `bits` bits. 32 bits extend to 64; 8 and 16 leave the rest. */
  set(bits: number, slot: number): void {
    const { out } = this.body;
    const local = this.localOf(slot);
    if (bits !== 64) out.byte(Opcode.I64ExtendI32U);
    if (local === undefined) {
      this.scratch ??= this.body.newLocal(ValueType.I64);
      this.body.set(this.scratch);
      out.i32Const(0);
      this.body.get(this.scratch);
      out.access(stores[bits]!, 0, slot);
    } else if (bits >= 32) this.body.set(local);
    else this.setPart(bits, slot, local);
  }

  private setPart(bits: number, slot: number, local: number): void {
    const { out } = this.body;
    const shift = slot & 1 ? 8 : 0;
    const mask = (bits === 8 ? 255 : 65535) << shift;
    out.i64Const(shift);
    out.byte(Opcode.I64Shl);
    out.i64Const(mask);
    out.byte(Opcode.I64And);
    this.body.get(local);
    out.i64Const(~mask);
    out.append([Opcode.I64And, Opcode.I64Or]);
    this.body.set(local);
  }

  private indexOf(slot: number): number | undefined {
    const index = (slot - Layout.RAX) >> 3;
    return index >= 0 && index < REGISTERS ? index : undefined;
  }

  private localOf(slot: number): number | undefined {
    const index = this.indexOf(slot);
    return index === undefined ? undefined : this.locals[index];
  }
}
