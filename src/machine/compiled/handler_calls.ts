// SPDX-License-Identifier: LGPL-2.1-only
import { Layout } from '../layout/layout.js';
import { RECORD_BYTES, RecordField } from '../layout/record_format.js';
import { EMPTY_BLOCK, Opcode } from '../wasm_format.js';
import type { HandlerCall } from './decoded_code.js';
import type { FlagLocals } from './flag_locals.js';
import type { FunctionBody } from './function_body.js';
import { HANDLER_TYPE } from './region_module.js';
import type { RegisterLocals } from './register_locals.js';

/** Locals of the region's function: the budget that is left where the block began (i32), RIP of the page's first byte and where control goes on (i64). */
export interface CallLocals {
  readonly budget: number;
  readonly pageRip: number;
  readonly goal: number;
}

/**
 * Emits calls of the interpreter's handlers, for instructions without a template. A handler that faults unwinds to the host, so all state is exact before
 * the call, as the interpreter has it.
 */
export class HandlerCalls {
  constructor(
    private readonly body: FunctionBody,
    private readonly registers: RegisterLocals,
    private readonly flags: FlagLocals,
    private readonly locals: CallLocals,
    /** Number of the form NEXT. */
    private readonly next: number,
  ) {}

  /** Executes an instruction of a block. No flags may be pending. @param index how many instructions of the block come before it */
  call({ record, slot }: HandlerCall, index: number): void {
    const { body } = this;
    const { out } = body;
    this.registers.storeWritten();
    this.flags.storeAll();
    this.store(Opcode.I64Store, 3, Layout.PAGE_RIP, () => body.get(this.locals.pageRip));
    this.store(Opcode.I32Store, 2, Layout.CURRENT_RECORD, () => out.i32Const(record));
    this.store(Opcode.I32Store, 2, Layout.BUDGET, () => {
      body.get(this.locals.budget);
      out.i32Const(index);
      out.byte(Opcode.I32Sub);
    });
    out.i32Const(record);
    out.i32Const(slot);
    out.append([Opcode.CallIndirect, HANDLER_TYPE, 0]);
    this.registers.loadAll();
    this.flags.loadAll();
  }

  /** Emits what leaves the region, for when the handler of an instruction that does not end its block has done so: `endBlock` in cpu/code/code_pages.ts. */
  whenEnded({ record }: HandlerCall, leave: () => void): void {
    const { body, next } = this;
    const { out } = body;
    const form = record + RECORD_BYTES + RecordField.Form;
    body.load(Opcode.I32Load16U, 1, form);
    out.i32Const(next);
    out.append([Opcode.I32Ne, Opcode.If, EMPTY_BLOCK]);
    this.store(Opcode.I32Store16, 1, form, () => out.i32Const(next));
    leave();
    out.byte(Opcode.End);
  }

  /**
   * Behind an instruction that ends its block, emits what leaves the region unless control goes on behind it: the interpreter's own test, and whether
   * code was written. `leave` finds the budget that is left and the goal in their locals.
   * @param pushNext pushes RIP of the next instruction
   */
  unlessResumed({ record }: HandlerCall, pushNext: () => void, leave: () => void): void {
    const { body } = this;
    const { out } = body;
    const link = record + RecordField.Link;
    body.load(Opcode.I32Load, 2, Layout.ATTENTION);
    body.load(Opcode.I32Load, 2, Layout.STOP);
    out.byte(Opcode.I32Or);
    body.load(Opcode.I64Load, 3, Layout.RIP);
    pushNext();
    out.append([Opcode.I64Ne, Opcode.I32Or]);
    body.load(Opcode.I32Load, 2, link);
    out.append([Opcode.I32Eqz, Opcode.I32Or, Opcode.If, EMPTY_BLOCK]);
    this.store(Opcode.I32Store, 2, link, () => out.i32Const(1));
    body.load(Opcode.I64Load, 3, Layout.RIP);
    body.set(this.locals.goal);
    body.load(Opcode.I32Load, 2, Layout.BUDGET);
    body.set(this.locals.budget);
    leave();
    out.byte(Opcode.End);
  }

  private store(opcode: number, alignment: number, address: number, value: () => void): void {
    this.body.out.i32Const(0);
    value();
    this.body.out.access(opcode, alignment, address);
  }
}
