// SPDX-License-Identifier: LGPL-2.1-only
import type { HostQuirks } from './host_quirks.js';

/** A set of quirks, and where it comes from. */
export interface KnownHost {
  readonly name: string;
  readonly source: string;
  readonly quirks: HostQuirks;
}

const manual: HostQuirks = {
  vendor: 'Intel',
  int1Rip: 'next instruction',
  kernelPagePresent: 'as the page is',
  repeatedCompareFlags: 'of the beginning',
  repeatedCompareFault: 'page fault',
  compareToFlagsC1: 'cleared',
  callFault: 'target',
  faultInMiddle: 'state of before',
  narrowRepeat: 'upper halves cleared',
  dotProductNan: 'by lane',
  x87StoreFault: 'x87',
  tenByteStore: 'first part stored',
  mmxStoreFault: 'TOP kept',
};

const zen4: HostQuirks = {
  vendor: 'AMD',
  int1Rip: 'own instruction',
  kernelPagePresent: 'always set',
  repeatedCompareFlags: 'of the last element',
  repeatedCompareFault: 'page fault',
  compareToFlagsC1: 'kept',
  callFault: 'stack',
  faultInMiddle: 'accesses before the fault kept',
  narrowRepeat: 'upper halves kept',
  dotProductNan: 'one sum',
  x87StoreFault: 'memory',
  tenByteStore: 'nothing stored',
  mmxStoreFault: 'TOP kept',
};

/** Hosts whose quirks are injected into the comparison by its test. quirkSources gives the source of each value. */
export const knownHosts: readonly KnownHost[] = [
  { name: 'an Intel processor', source: 'the SDM, each value by the section that quirkSources names', quirks: manual },
  {
    name: 'an Intel processor under Linux',
    source: 'the SDM and Linux arch/x86/mm/fault.c, set_signal_archinfo',
    quirks: { ...manual, kernelPagePresent: 'always set' },
  },
  {
    name: 'Emerald Rapids under KVM',
    source: 'recorded on an Intel Xeon (family 6, model CFh), Linux 6.18',
    quirks: { ...manual, kernelPagePresent: 'always set', mmxStoreFault: 'TOP cleared' },
  },
  {
    name: 'an AMD processor',
    source:
      'AMD64 Architecture Programmer’s Manual, volume 3, "BT": ZF is undefined; the rest as on Zen 4, with INT1 as a trap',
    quirks: { ...zen4, int1Rip: 'next instruction' },
  },
  { name: 'Zen 4 under KVM', source: 'recorded on AMD EPYC (family 19h, model 11h), Linux 6.18', quirks: zen4 },
  {
    name: 'an AMD processor under PVM',
    source: 'recorded on an AMD processor under the hypervisor PVM',
    quirks: {
      ...zen4,
      int1Rip: 'next instruction',
      repeatedCompareFault: 'general protection with the state of the beginning',
    },
  },
];
