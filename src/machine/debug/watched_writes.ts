// SPDX-License-Identifier: LGPL-2.1-only
import type { Pc } from '../pc.js';
import type { RememberedExit } from '../processor/exit_history.js';
import type { LogicalProcessor } from '../processor/logical_processor.js';
import { fromHalves } from '../processor/halves.js';
import { slotOf } from '../vmx/vmcs/field_slots.js';
import type { Vmcs } from '../vmx/vmcs/vmcs.js';

/** A VMCS field of the VMCSs of one processor. */
export interface WatchedRegister {
  readonly processor: number;
  /** Its encoding. */
  readonly field: number;
}

/** A write by software: by an instruction, or by the VMM in TypeScript. */
export interface RegisterWrite {
  readonly before: bigint;
  readonly value: bigint;
  /** Of all processors, at the write. */
  readonly instructions: number;
  readonly exits: number;
  readonly virtualTime: number;
  /** VM exits of its processor whose handlers had begun. */
  readonly exitsHandled: number;
  /** The VM exit that the VMM was handling. */
  readonly exit: RememberedExit | undefined;
  /** RIP of the instruction; or of a VMM in TypeScript, what has its stack. */
  readonly from: { readonly rip: bigint } | { readonly stack: Error };
}

/** From a write in an extension's handler down to the machine there are a dozen frames. */
const TRACE_FRAMES = 40;

/** Remembers the last write of a register. The machine does not stop for it, and does not notice. */
export class WatchedWrites {
  /** Since `forget`, and accepted. */
  last: RegisterWrite | undefined;
  private readonly processor: LogicalProcessor;
  private readonly vmcs: Vmcs;

  /** @param accepts whether a write at this point counts: so many instructions of all processors, and VM exits handled */
  constructor(
    private readonly pc: Pc,
    { processor, field }: WatchedRegister,
    private readonly accepts: (instructions: number, exits: number) => boolean = () => true,
  ) {
    this.processor = pc.processors[processor]!;
    this.vmcs = this.processor.engine.vmcs;
    const slot = slotOf(field);
    this.vmcs.writeListener = (written, low, high) => {
      if (written === slot) this.note(this.vmcs.value(field), fromHalves(low, high));
    };
  }

  [Symbol.dispose](): void {
    this.vmcs.writeListener = undefined;
  }

  private note(before: bigint, value: bigint): void {
    const { pc, processor } = this;
    const { instructions, exitCount: exits, virtualTime } = pc;
    if (!this.accepts(instructions, exits)) return;
    const isOfVmm = processor.engine.isOfJavaScript;
    const from = isOfVmm ? { stack: stackHere() } : { rip: processor.core.block.get('RIP') };
    const exit = handledExit(processor, isOfVmm);
    const exitsHandled = (processor.exitsHandled + (exit === undefined ? 0 : 1)) | 0;
    this.last = { before, value, instructions, exits, virtualTime, exitsHandled, exit, from };
  }
}

/** Until its handler has returned, an exit has no outcome. */
function handledExit({ history }: LogicalProcessor, isOfVmm: boolean): RememberedExit | undefined {
  const last = history.last().at(-1);
  return isOfVmm && last?.outcome === 0 ? last : undefined;
}

/** Its text is made when somebody reads it. */
function stackHere(): Error {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = TRACE_FRAMES;
  const error = new Error();
  Error.stackTraceLimit = stackTraceLimit;
  return error;
}
