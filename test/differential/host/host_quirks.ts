// SPDX-License-Identifier: LGPL-2.1-only
// Where real processors, and the systems that show them to user mode, differ from each other.

/** Whose manual rules on what the two vendors leave undefined. `other`: both. */
export type Vendor = 'Intel' | 'AMD' | 'other';

/** What a user-mode program sees of its processor, where that differs between hosts. `probeHost` finds it out. */
export interface HostQuirks {
  readonly vendor: Vendor;
  /** RIP that INT1 saves. */
  readonly int1Rip: 'next instruction' | 'own instruction';
  /** Bit P of a page fault's error code for an address in the upper half. */
  readonly kernelPagePresent: 'always set' | 'as the page is';
  /** Status flags that a fault in the middle of a repeated CMPS or SCAS saves. */
  readonly repeatedCompareFlags: 'of the beginning' | 'of the last element';
  /** The exception when a repeated CMPS or SCAS meets a page fault after its first element. */
  readonly repeatedCompareFault: 'page fault' | 'general protection with the state of the beginning';
  /** C1 after FCOMI, FCOMIP, FUCOMI and FUCOMIP without a stack fault. */
  readonly compareToFlagsC1: 'cleared' | 'kept';
  /** What faults when the target of a near CALL is not canonical or beyond CS.limit, and its stack cannot be written. */
  readonly callFault: 'target' | 'stack';
  /** What ENTER, PUSHA, POPA, a far CALL, FLDENV and FRSTOR leave behind when they fault after their first word. */
  readonly faultInMiddle: 'state of before' | 'accesses before the fault kept';
  /** Upper halves of rCX (MOVS and STOS: of rSI and rDI too) after a repeated string instruction with 32-bit addresses that did no element. */
  readonly narrowRepeat: 'upper halves cleared' | 'upper halves kept';
  /** Which of several NaNs a lane of DPPS or DPPD gets: that of a sum that begins with its own product, or of one sum for all lanes. */
  readonly dotProductNan: 'by lane' | 'one sum';
  /** What an x87 store raises whose value is an invalid operation, an overflow or an underflow that is not masked, and whose memory faults. */
  readonly x87StoreFault: 'x87' | 'memory';
  /** What FSTP and FBSTP of ten bytes have stored when one of their two parts faults. */
  readonly tenByteStore: 'first part stored' | 'nothing stored';
  /** TOP of the x87 status word after MOVD, MOVQ or MOVNTQ from an MMX register faulted. */
  readonly mmxStoreFault: 'TOP kept' | 'TOP cleared';
}

/** Quirks with a choice of values; the vendor only chooses between manuals. */
export type QuirkName = Exclude<keyof HostQuirks, 'vendor'>;

const emeraldRapids = 'recorded on an Intel Xeon (family 6, model CFh) under KVM, Linux 6.18';
const zen4 = 'recorded on AMD EPYC (family 19h, model 11h) under KVM, Linux 6.18';

/** Who describes each value, or where it was recorded. */
export const quirkSources: { readonly [Q in QuirkName]: Readonly<Record<HostQuirks[Q], string>> } = {
  int1Rip: {
    'next instruction':
      'SDM 3A "Interrupt 1—Debug Exception (#DB)": a trap, which saves the RIP of the next instruction',
    'own instruction': zen4,
  },
  kernelPagePresent: {
    'always set': `Linux arch/x86/mm/fault.c, set_signal_archinfo: signal frames do not tell which kernel pages exist; ${zen4}`,
    'as the page is': 'SDM 3A "Interrupt 14—Page-Fault Exception (#PF)"',
  },
  repeatedCompareFlags: {
    'of the beginning': 'SDM 2B "REP/REPE/REPZ/REPNE/REPNZ—Repeat String Operation Prefix": EFLAGS is restored',
    'of the last element': zen4,
  },
  repeatedCompareFault: {
    'page fault': 'SDM 2B "REP/REPE/REPZ/REPNE/REPNZ—Repeat String Operation Prefix"',
    'general protection with the state of the beginning': 'recorded on an AMD processor under the hypervisor PVM',
  },
  compareToFlagsC1: {
    cleared: 'SDM 2A "FCOMI/FCOMIP/FUCOMI/FUCOMIP", "FPU Flags Affected": C1 set to 0',
    kept: zen4,
  },
  callFault: {
    target: 'SDM 2A "CALL—Call Procedure", "Operation": the target is checked before the push',
    stack: zen4,
  },
  faultInMiddle: {
    'state of before': 'SDM 1 "Program-Error Exceptions", faults: the state is that of before',
    'accesses before the fault kept': zen4,
  },
  narrowRepeat: { 'upper halves cleared': emeraldRapids, 'upper halves kept': zen4 },
  dotProductNan: {
    'by lane': emeraldRapids,
    'one sum': 'SDM 2A "DPPS—Dot Product of Packed Single Precision Floating-Point Values"',
  },
  x87StoreFault: { x87: emeraldRapids, memory: zen4 },
  tenByteStore: { 'first part stored': emeraldRapids, 'nothing stored': zen4 },
  mmxStoreFault: {
    'TOP kept': 'SDM 1 "Program-Error Exceptions", faults: the state is that of before',
    'TOP cleared': emeraldRapids,
  },
};
