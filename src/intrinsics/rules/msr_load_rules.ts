// SPDX-License-Identifier: LGPL-2.1-only
// Rules of each entry of the VM-entry MSR-load area. A breach ends the entry with exit reason 34 and the number of the entry, counted from 1,
// as exit qualification. SDM 3C "Loading MSRs".
import { Msr } from '../registers/msr_definitions.js';

/** The description of a rule of the MSR-load area. */
export interface MsrLoadRuleText {
  readonly name: string;
  readonly section: string;
  readonly wants: string;
}

/** One rule of an entry that can be checked before the MSR is written. */
export interface MsrLoadRule extends MsrLoadRuleText {
  /**
   * @param index bits 31:0 of the entry: the address of the MSR.
   * @param reserved bits 63:32.
   * @param inSmm the processor is in SMM and stays there.
   */
  holds(index: number, reserved: number, inSmm: boolean): boolean;
}

const SECTION = 'SDM 3C "Loading MSRs"';

/** The rules of an entry, in the SDM's order, except the last one. */
export const msrLoadRules: readonly MsrLoadRule[] = [
  {
    name: 'msrLoadIsNotASegmentBase',
    section: SECTION,
    wants: 'no IA32_FS_BASE and no IA32_GS_BASE in the MSR-load area: they are loaded from guest-state fields',
    holds: (index) => index >>> 0 !== Msr.Ia32FsBase && index >>> 0 !== Msr.Ia32GsBase,
  },
  {
    name: 'msrLoadIsNotAnX2apicRegister',
    section: SECTION,
    wants: 'no MSR 800H to 8FFH, by which x2APIC mode accesses the local APIC, in the MSR-load area',
    holds: (index) => index >>> 8 !== 8,
  },
  {
    name: 'msrLoadIsNotWritableInSmmOnly',
    section: SECTION,
    wants: 'no IA32_SMM_MONITOR_CTL in the MSR-load area outside SMM',
    holds: (index, _reserved, inSmm) => inSmm || index >>> 0 !== Msr.Ia32SmmMonitorCtl,
  },
  {
    name: 'msrLoadIsNotProhibited',
    section: SECTION,
    wants:
      'no IA32_BIOS_UPDT_TRIG and no IA32_BIOS_SIGN_ID in the MSR-load area: a microcode update is prohibited for model-specific reasons',
    holds: (index) => index >>> 0 !== Msr.Ia32BiosUpdtTrig && index >>> 0 !== Msr.Ia32BiosSignId,
  },
  {
    name: 'msrLoadReservedBitsAre0',
    section: SECTION,
    wants: 'bits 63:32 of an entry of the MSR-load area 0',
    holds: (_index, reserved) => reserved === 0,
  },
];

/** The last rule: only the write of the MSR shows whether it holds. */
export const msrLoadValueRule: MsrLoadRuleText = {
  name: 'msrLoadValueIsAccepted',
  section: SECTION,
  wants: 'an MSR and a value that WRMSR at CPL 0 would accept',
};

/** The first rule that an entry breaks before its MSR is written, undefined if none. Allocates nothing. */
export function brokenMsrLoadRule(index: number, reserved: number, inSmm: boolean): MsrLoadRule | undefined {
  for (const rule of msrLoadRules) if (!rule.holds(index, reserved, inSmm)) return rule;
  return undefined;
}
