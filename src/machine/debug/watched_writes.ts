// SPDX-License-Identifier: LGPL-2.1-only
import { DriverPage, driverVirtual } from '../driver_context/driver_pages.js';
import { PAGE_BYTES } from '../memory/page_contents.js';
import type { Pc } from '../pc.js';
import type { RememberedExit } from '../processor/exit_history.js';
import type { LogicalProcessor } from '../processor/logical_processor.js';
import { fromHalves } from '../processor/halves.js';
import { slotOf } from '../vmx/vmcs/field_slots.js';
import type { Vmcs } from '../vmx/vmcs/vmcs.js';
import { VmxMode } from '../vmx/vmx_mode.js';
import type { MsrArea } from '../vmx/vmx_core.js';

/** A VMCS field of the VMCSs of one processor. */
export interface WatchedField {
  readonly processor: number;
  /** Its encoding. */
  readonly field: number;
}

/** An MSR of one processor. */
export interface WatchedMsr {
  readonly processor: number;
  /** Its address. */
  readonly msr: number;
  /** The guest's MSR is meant, which VM entries load from this field: VMWRITEs of it count, and what the VMM writes to its own MSR does not. */
  readonly guestField?: number;
}

export type WatchedRegister = WatchedField | WatchedMsr;

/** Who wrote: an instruction; a VMM in TypeScript, with its stack; or the processor, from a list in memory. */
export type RegisterWriter = { readonly rip: bigint } | { readonly stack: Error } | { readonly area: MsrArea };

/** A write by software: by an instruction, or by the VMM in TypeScript. */
export interface RegisterWrite {
  /** The field that was written; undefined: it was the MSR. */
  readonly field: number | undefined;
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
  readonly from: RegisterWriter;
}

/** A place in a run at which something was written. */
export interface WritePlace {
  /** Of all processors. */
  readonly instructions: number;
  readonly exits: number;
  /** The instruction that comes next has written. */
  readonly isOfInstruction: boolean;
}

const ENTRY_AREA: MsrArea = 'VM-entry MSR-load area';

/** From a write in an extension's handler down to the machine there are a dozen frames. */
const TRACE_FRAMES = 40;

/** Remembers the last write of a register. The machine does not stop for it, and does not notice. */
export class WatchedWrites {
  /** Since `forget`, and accepted. */
  last: RegisterWrite | undefined;
  private readonly processor: LogicalProcessor;
  private readonly vmcs: Vmcs;

  /** @param accepts whether a write at this point counts */
  constructor(
    private readonly pc: Pc,
    private readonly register: WatchedRegister,
    private readonly accepts: (place: WritePlace) => boolean = () => true,
  ) {
    this.processor = pc.processors[register.processor]!;
    this.vmcs = this.processor.engine.vmcs;
    const field = 'field' in register ? register.field : register.guestField;
    if (field !== undefined) this.watchField(field);
    if ('msr' in register)
      pc.core.watchMsr(register.msr, (before, value, rip) =>
        this.msrWritten(BigInt.asUintN(64, before), BigInt.asUintN(64, value), BigInt.asUintN(64, rip)),
      );
  }

  [Symbol.dispose](): void {
    this.vmcs.writeListener = undefined;
    if ('msr' in this.register) this.pc.core.watchMsr(0, undefined);
  }

  private watchField(field: number): void {
    const slot = slotOf(field);
    this.vmcs.writeListener = (written, low, high) => {
      if (written !== slot) return;
      const { engine, core } = this.processor;
      const from = engine.isOfJavaScript ? { stack: stackHere() } : { rip: core.block.get('RIP') };
      this.note(field, { before: this.vmcs.value(field), value: fromHalves(low, high), from });
    };
  }

  private msrWritten(before: bigint, value: bigint, rip: bigint): void {
    const { core } = this.processor;
    const { guestField, processor } = this.register as WatchedMsr;
    if (this.pc.stops.processor !== processor) return;
    if (guestField !== undefined && core.block.get('VMX_MODE') === VmxMode.Root) return;
    this.note(undefined, { before, value, from: this.msrWriter(rip) });
  }

  private msrWriter(rip: bigint): RegisterWriter {
    const { core, id } = this.processor;
    if (core.msrArea !== undefined) return { area: core.msrArea };
    const inDriver = rip - driverVirtual(id, DriverPage.Code);
    const isOfDriver = inDriver >= 0n && inDriver < BigInt(PAGE_BYTES);
    return core.block.get('CURRENT_RECORD') === 0 || isOfDriver ? { stack: stackHere() } : { rip };
  }

  /** VMLAUNCH and VMRESUME of x86 code are instructions as others; a VMM in TypeScript enters its guest between two of the guest's. */
  private isOfInstruction(from: RegisterWriter): boolean {
    return 'rip' in from || ('area' in from && from.area === ENTRY_AREA && !this.processor.engine.isOfJavaScript);
  }

  private note(field: number | undefined, write: Pick<RegisterWrite, 'before' | 'value' | 'from'>): void {
    const { pc, processor } = this;
    const { instructions, exitCount: exits, virtualTime } = pc;
    if (!this.accepts({ instructions, exits, isOfInstruction: this.isOfInstruction(write.from) })) return;
    const exit = handledExit(processor, 'stack' in write.from);
    const exitsHandled = (processor.exitsHandled + (exit === undefined ? 0 : 1)) | 0;
    this.last = { field, ...write, instructions, exits, virtualTime, exitsHandled, exit };
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
