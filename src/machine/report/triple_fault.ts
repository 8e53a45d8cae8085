// SPDX-License-Identifier: LGPL-2.1-only
import { Vector } from '../../intrinsics/vmx/exit_information.js';
import { PageFaultError, SelectorError } from '../../intrinsics/structures/memory_structures.js';
import { hex } from '../../intrinsics/texts/hex.js';
import type { ChainedEvent } from '../processor/core_records.js';
import type { ProcessorCore } from '../processor/processor_core.js';

/** An event that could not be delivered: plain JSON values. */
export interface UndeliveredEvent {
  /** As in "#PF", "interrupt", "NMI" or "INT". */
  readonly name: string;
  readonly vector: number;
  readonly errorCode?: string;
  /** Of a page fault: its linear address. */
  readonly cr2?: string;
  /** With the event before it, this exception became a double fault, which was delivered instead. */
  readonly madeDoubleFault?: true;
}

/** How it came to a triple fault. SDM 3A "Interrupt 8—Double Fault Exception (#DF)". */
export interface TripleFault {
  /** RIP of the first event. */
  readonly rip: string;
  /** The first event, then each exception raised during the delivery of the previous one, or of the double fault that it became. */
  readonly events: readonly UndeliveredEvent[];
}

// Vectors, types of event (SDM 3C "Format of the VM-Entry Interruption-Information Field") and bits of the core's record.
const exceptions = '#DE #DB NMI #BP #OF #BR #UD #NM #DF vector #TS #NP #SS #GP #PF vector #MF #AC #MC #XM'.split(' ');
const types: readonly (string | undefined)[] = ['interrupt', undefined, 'NMI', undefined, 'INT'];
const HAS_CODE = 0x800;
const MADE_DOUBLE_FAULT = 0x40000000;
const PAGE_FAULT = 14;

function undelivered({ information, errorCode, address }: ChainedEvent): UndeliveredEvent {
  const vector = information & 255;
  const type = types[(information >> 8) & 7];
  return {
    name: type ?? exceptions[vector] ?? 'exception',
    vector,
    ...(information & HAS_CODE && { errorCode: hex(errorCode) }),
    ...(type === undefined && vector === PAGE_FAULT && { cr2: hex(address) }),
    ...(information & MADE_DOUBLE_FAULT && { madeDoubleFault: true as const }),
  };
}

/** The triple fault that the processor ended with, or that its guest did; undefined if the last event was delivered. */
export function tripleFault(core: ProcessorCore): TripleFault | undefined {
  const chain = core.records.tripleFault;
  return chain && { rip: hex(chain.rip), events: chain.events.map(undelivered) };
}

function codeText(event: UndeliveredEvent): string {
  const { errorCode, cr2, vector } = event;
  if (errorCode === undefined) return '';
  const code = Number(errorCode);
  if (cr2 !== undefined) return `, error code ${errorCode} (${pageFaultText(code)}), CR2 ${cr2}`;
  // The error code of an alignment check or a double fault names no selector.
  const names = code > SelectorError.External && vector !== Vector.AlignmentCheck;
  return `, error code ${errorCode}${names ? ` (${selectorText(code)})` : ''}`;
}

/** SDM 3A "Error Code". */
function selectorText(code: number): string {
  if ((code & SelectorError.Idt) !== 0) return `IDT entry ${code >> 3}`;
  return `${(code & SelectorError.Ti) !== 0 ? 'LDT' : 'GDT'} entry ${code >> 3}`;
}

/** The access by the error code of its page fault. SDM 3A "Interrupt 14—Page-Fault Exception (#PF)". */
export function pageFaultText(code: number): string {
  const kind = code & PageFaultError.InstructionFetch ? 'fetch' : code & PageFaultError.Write ? 'write' : 'read';
  const mode = code & PageFaultError.User ? 'user' : 'supervisor';
  if (code & PageFaultError.ReservedBit) return `${mode} ${kind}, a reserved bit is 1 in a paging-structure entry`;
  return `${mode} ${kind}, ${code & PageFaultError.Present ? 'the page does not allow it' : 'the page is not present'}`;
}

/** Lines for people: the first event, then what its delivery raised, and so on. */
export function tripleFaultText({ rip, events }: TripleFault): string[] {
  let before = 'began with';
  return events.map((event, index) => {
    const head = `${before} ${event.name} (${event.vector})${codeText(event)}`;
    before = event.madeDoubleFault ? 'the delivery of #DF raised' : 'its delivery raised';
    return index === 0 ? `${head}, at RIP ${rip}` : head;
  });
}
