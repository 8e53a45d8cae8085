// SPDX-License-Identifier: LGPL-2.1-only
// Rules of each entry of the VM-entry MSR-load area. A breach ends the entry with exit reason 34 and the number of the entry, counted from 1,
// as exit qualification. SDM 3C "Loading MSRs".
import { Msr } from '../msr_definitions.js';

/** One 16-byte entry of an MSR area. */
export interface MsrLoadEntry {
  /** Bits 31:0: the address of the MSR. */
  readonly index: number;
  /** Bits 63:32. */
  readonly reserved: number;
  /** Bits 95:64 and 127:96: the value. */
  readonly low: number;
  readonly high: number;
}

/** What these rules ask of the processor. */
export interface MsrLoadReader {
  /** The local APIC is in x2APIC mode. */
  readonly isX2apic: boolean;
  /** The processor is in SMM and stays there. */
  readonly inSmm: boolean;
  /** WRMSR of this value at CPL 0 would be #GP. */
  wouldFault(index: number, low: number, high: number): boolean;
}

/** One rule of an entry. */
export interface MsrLoadRule {
  readonly name: string;
  readonly section: string;
  readonly wants: string;
  holds(entry: MsrLoadEntry, reader: MsrLoadReader): boolean;
}

const SECTION = 'SDM 3C "Loading MSRs"';

// Loading these is prohibited for model-specific reasons: they start a microcode update or report one.
const prohibited: ReadonlySet<number> = new Set<number>([Msr.Ia32BiosUpdtTrig, Msr.Ia32BiosSignId]);

/** All rules of an entry, in the SDM's order. */
export const msrLoadRules: readonly MsrLoadRule[] = [
  {
    name: 'msrLoadIsNotASegmentBase',
    section: SECTION,
    wants: 'no IA32_FS_BASE and no IA32_GS_BASE in the MSR-load area: they are loaded from guest-state fields',
    holds: ({ index }) => index >>> 0 !== Msr.Ia32FsBase && index >>> 0 !== Msr.Ia32GsBase,
  },
  {
    name: 'msrLoadIsNotAnX2apicRegister',
    section: SECTION,
    wants: 'no MSR 800H to 8FFH in the MSR-load area while the local APIC is in x2APIC mode',
    holds: ({ index }, { isX2apic }) => !isX2apic || index >>> 8 !== 8,
  },
  {
    name: 'msrLoadIsNotWritableInSmmOnly',
    section: SECTION,
    wants: 'no IA32_SMM_MONITOR_CTL in the MSR-load area outside SMM',
    holds: ({ index }, { inSmm }) => inSmm || index >>> 0 !== Msr.Ia32SmmMonitorCtl,
  },
  {
    name: 'msrLoadIsNotProhibited',
    section: SECTION,
    wants: 'no IA32_BIOS_UPDT_TRIG and no IA32_BIOS_SIGN_ID in the MSR-load area',
    holds: ({ index }) => !prohibited.has(index >>> 0),
  },
  {
    name: 'msrLoadReservedBitsAre0',
    section: SECTION,
    wants: 'bits 63:32 of an entry of the MSR-load area 0',
    holds: ({ reserved }) => reserved === 0,
  },
  {
    name: 'msrLoadValueIsAccepted',
    section: SECTION,
    wants: 'an MSR and a value that WRMSR at CPL 0 would accept',
    holds: ({ index, low, high }, reader) => !reader.wouldFault(index >>> 0, low, high),
  },
];

/** The first rule that an entry breaks, undefined if the entry can be loaded. */
export function brokenMsrLoadRule(entry: MsrLoadEntry, reader: MsrLoadReader): MsrLoadRule | undefined {
  return msrLoadRules.find((rule) => !rule.holds(entry, reader));
}
