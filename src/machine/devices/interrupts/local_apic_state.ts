// SPDX-License-Identifier: LGPL-2.1-only
import { initialApicTimerState } from './apic_timer.js';
import type { ApicTimerState } from './apic_timer.js';
import { DeliveryMode } from './interrupt_messages.js';

/** The local APIC's physical address after reset. */
export const LOCAL_APIC_BASE = 0xfee00000;
/** IA32_APIC_BASE bit 11: the APIC exists. */
export const APIC_BASE_ENABLE = 0x800;
const APIC_BASE_BOOTSTRAP = 0x100;

/** LVT bit 14: the interrupt that this entry requested by a level is in service. */
export const LVT_REMOTE_IRR = 0x4000;
/** LVT bit 16: the entry does nothing. */
export const LVT_MASKED = 0x10000;

/** Bits of each LVT entry that a program can write. */
const LVT_WRITABLE = [(0x710ff & ~0x700) | 0x60000, 0x107ff, 0x107ff, 0x1a7ff, 0x1a7ff, 0x100ff];

/** Local vector table entries in the order of their registers from 320h. */
export enum Lvt {
  Timer = 0,
  Thermal = 1,
  Performance = 2,
  Lint0 = 3,
  Lint1 = 4,
  Error = 5,
}

/** The state of a local APIC, except its timer's deadline. */
export interface LocalApicState {
  /** IA32_APIC_BASE, low 32 bits. */
  base: number;
  id: number;
  tpr: number;
  ldr: number;
  dfr: number;
  svr: number;
  /** Error status: what a read shows, and what the next write to it will show. */
  esr: number;
  errors: number;
  isr: number[];
  tmr: number[];
  irr: number[];
  icrLow: number;
  icrHigh: number;
  lvt: number[];
  timer: ApicTimerState;
  /** Level of the PIC's output at LINT0. */
  lint0: boolean;
  /** An ExtINT message from the IOAPIC waits. */
  extInt: boolean;
}

/** The state after a reset. @param id processor number. */
export function initialLocalApicState(id: number): LocalApicState {
  const lvt = new Array<number>(6).fill(LVT_MASKED);
  // Firmware leaves the bootstrap processor in virtual-wire mode; there is no firmware here, so reset does it.
  if (id === 0) lvt[Lvt.Lint0] = DeliveryMode.ExtInt << 8;
  if (id === 0) lvt[Lvt.Lint1] = DeliveryMode.Nmi << 8;
  return {
    base: (LOCAL_APIC_BASE | APIC_BASE_ENABLE | (id === 0 ? APIC_BASE_BOOTSTRAP : 0)) >>> 0,
    id,
    tpr: 0,
    ldr: 0,
    dfr: 0xffffffff,
    svr: 0xff,
    esr: 0,
    errors: 0,
    isr: new Array<number>(8).fill(0),
    tmr: new Array<number>(8).fill(0),
    irr: new Array<number>(8).fill(0),
    icrLow: 0,
    icrHigh: 0,
    lvt,
    timer: initialApicTimerState(),
    lint0: false,
    extInt: false,
  };
}

/** An LVT entry that held `before` after a write of `value`. While software has the APIC disabled, all entries are masked. */
export function lvtAfterWrite(entry: Lvt, value: number, before: number, isSoftwareEnabled: boolean): number {
  const written = (value & LVT_WRITABLE[entry]!) | (before & LVT_REMOTE_IRR);
  return isSoftwareEnabled ? written : written | LVT_MASKED;
}
