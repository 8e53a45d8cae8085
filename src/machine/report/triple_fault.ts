// SPDX-License-Identifier: LGPL-2.1-only
import { hex } from './instruction_place.js';
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

function eventText({ name, vector, errorCode, cr2 }: UndeliveredEvent): string {
  const code = errorCode === undefined ? '' : `, error code ${errorCode}`;
  return `${name} (${vector})${code}${cr2 === undefined ? '' : `, CR2 ${cr2}`}`;
}

/** A line for people. */
export function tripleFaultText({ rip, events }: TripleFault): string {
  const [first, ...others] = events;
  const parts = [`began with ${eventText(first!)}, at RIP ${rip}`];
  let delivered = 'its delivery';
  for (const event of others) {
    parts.push(`${delivered} raised ${eventText(event)}`);
    delivered = event.madeDoubleFault ? 'the delivery of #DF' : 'its delivery';
  }
  return parts.join('; ');
}
