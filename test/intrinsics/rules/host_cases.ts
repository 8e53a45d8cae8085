// SPDX-License-Identifier: LGPL-2.1-only
import { ExitControl } from '../../../src/intrinsics/vmx/control_bits.js';
import { Cr0, Cr4, Efer } from '../../../src/intrinsics/registers/registers.js';
import { VmcsField as F } from '../../../src/intrinsics/vmcs/vmcs_fields.js';
import { type FakeVmcs, valid32BitVmcs, validVmcs } from '../../support/valid_vmcs.js';
import { RuleCases } from './rule_cases.js';

const cases = new RuleCases();
const { breaks, keeps } = { breaks: cases.breaks.bind(cases), keeps: cases.keeps.bind(cases) };
const EXIT = F.VmExitControls;
const NOT_CANONICAL = 0x0000800000000000n;

const exit = (bits: number) => (): FakeVmcs => validVmcs().on(EXIT, bits);
const host32 = (): FakeVmcs =>
  Object.assign(valid32BitVmcs().off(EXIT, ExitControl.HostAddressSpaceSize).set(F.HostRip, 0x1000), {
    inIa32eMode: false,
  });

breaks('hostCr0ForUnsupportedBits', 'NE is 0', validVmcs, (v) => v.off(F.HostCr0, Cr0.NumericError));
breaks('hostCr0ForUnsupportedBits', 'bit 32 is 1', validVmcs, (v) => v.on(F.HostCr0, 1n << 32n));
keeps('hostCr0ForUnsupportedBits', 'CD and NW', validVmcs, (v) =>
  v.on(F.HostCr0, Cr0.CacheDisable | Cr0.NotWriteThrough),
);
breaks('hostCr4ForUnsupportedBits', 'VMXE is 0', validVmcs, (v) => v.off(F.HostCr4, Cr4.VmxEnableBit));
breaks('hostCr4ForUnsupportedBits', 'bit 30 is 1', validVmcs, (v) => v.on(F.HostCr4, 1 << 30));
breaks('hostCr4ForUnsupportedBits', 'bit 32 is 1', validVmcs, (v) => v.on(F.HostCr4, 1n << 32n));
breaks('hostCr3ForUnsupportedBits', 'beyond the width', validVmcs, (v) => v.on(F.HostCr3, 1n << 39n));
breaks('hostIa32SysenterEspCanonicalAddress', 'not canonical', validVmcs, (v) =>
  v.set(F.HostIa32SysenterEsp, NOT_CANONICAL),
);
breaks('hostIa32SysenterEipCanonicalAddress', 'not canonical', validVmcs, (v) =>
  v.set(F.HostIa32SysenterEip, NOT_CANONICAL),
);
breaks('hostVerifyLoadIa32PerfGlobalCtrl', 'bit 8', exit(ExitControl.LoadIa32PerfGlobalCtrl), (v) =>
  v.set(F.HostIa32PerfGlobalCtrl, 0x100),
);
breaks('hostVerifyLoadIa32PerfGlobalCtrl', 'bit 35', exit(ExitControl.LoadIa32PerfGlobalCtrl), (v) =>
  v.set(F.HostIa32PerfGlobalCtrl, 1n << 35n),
);
keeps('hostVerifyLoadIa32PerfGlobalCtrl', 'bit 8, not loaded', validVmcs, (v) =>
  v.set(F.HostIa32PerfGlobalCtrl, 0x100),
);
breaks('hostVerifyLoadIa32Pat', 'entry 0 is 2', exit(ExitControl.LoadIa32Pat), (v) =>
  v.set(F.HostIa32Pat, 0x0007040600070402n),
);
breaks('hostVerifyLoadIa32Pat', 'entry 7 is 3', exit(ExitControl.LoadIa32Pat), (v) =>
  v.set(F.HostIa32Pat, 0x0307040600070406n),
);
breaks('hostVerifyLoadIa32Pat', 'entry 1 is 8', exit(ExitControl.LoadIa32Pat), (v) =>
  v.set(F.HostIa32Pat, 0x0007040600070806n),
);
keeps('hostVerifyLoadIa32Pat', 'all types there are', exit(ExitControl.LoadIa32Pat), (v) =>
  v.set(F.HostIa32Pat, 0x0706050401000706n),
);
keeps('hostVerifyLoadIa32Pat', 'entry 0 is 2, not loaded', validVmcs, (v) => v.set(F.HostIa32Pat, 2));
breaks('hostVerifyLoadIa32Efer', 'a reserved bit', exit(ExitControl.LoadIa32Efer), (v) => v.on(F.HostIa32Efer, 2));
breaks('hostVerifyLoadIa32Efer', 'bit 32', exit(ExitControl.LoadIa32Efer), (v) => v.on(F.HostIa32Efer, 1n << 32n));
breaks('hostVerifyLoadIa32Efer', 'LMA is 0', exit(ExitControl.LoadIa32Efer), (v) => v.off(F.HostIa32Efer, Efer.Lma));
breaks('hostVerifyLoadIa32Efer', 'LME is 0', exit(ExitControl.LoadIa32Efer), (v) => v.off(F.HostIa32Efer, Efer.Lme));
keeps('hostVerifyLoadIa32Efer', 'LMA is 0, not loaded', validVmcs, (v) => v.off(F.HostIa32Efer, Efer.Lma));
breaks(
  'hostCr4CetNeedsWriteProtect',
  'WP is 0',
  () => validVmcs().on(F.HostCr4, Cr4.ControlFlowEnforcement),
  (v) => v.off(F.HostCr0, Cr0.WriteProtect),
);
const cet = exit(ExitControl.LoadCetState);
breaks('hostVerifyLoadCetState', 'S_CET bit 6', cet, (v) => v.set(F.HostIa32SCet, 0x40));
breaks('hostVerifyLoadCetState', 'S_CET bits 11 and 10', cet, (v) => v.set(F.HostIa32SCet, 0xc00));
breaks('hostVerifyLoadCetState', 'S_CET not canonical', cet, (v) => v.set(F.HostIa32SCet, NOT_CANONICAL));
breaks('hostVerifyLoadCetState', 'SSP unaligned', cet, (v) => v.set(F.HostSsp, 2));
breaks('hostVerifyLoadCetState', 'SSP not canonical', cet, (v) => v.set(F.HostSsp, NOT_CANONICAL));
breaks('hostVerifyLoadCetState', 'table address not canonical', cet, (v) =>
  v.set(F.HostIa32InterruptSspTableAddr, NOT_CANONICAL),
);
keeps('hostVerifyLoadCetState', 'S_CET bit 6, not loaded', validVmcs, (v) => v.set(F.HostIa32SCet, 0x40));
breaks('hostVerifyLoadPkrs', 'bit 32', exit(ExitControl.LoadPkrs), (v) => v.set(F.HostIa32Pkrs, 1n << 32n));
keeps('hostVerifyLoadPkrs', 'bit 32, not loaded', validVmcs, (v) => v.set(F.HostIa32Pkrs, 1n << 32n));

for (const [name, field] of [
  ['Es', F.HostEsSelector],
  ['Cs', F.HostCsSelector],
  ['Ss', F.HostSsSelector],
  ['Ds', F.HostDsSelector],
  ['Fs', F.HostFsSelector],
  ['Gs', F.HostGsSelector],
  ['Tr', F.HostTrSelector],
] as const) {
  breaks(`host${name}SelectorRplTiEqualZero`, 'RPL 1', validVmcs, (v) => v.on(field, 1));
  breaks(`host${name}SelectorRplTiEqualZero`, 'TI 1', validVmcs, (v) => v.on(field, 4));
}
breaks('hostCsNotEqualZero', 'CS is 0', validVmcs, (v) => v.set(F.HostCsSelector, 0));
breaks('hostTrNotEqualZero', 'TR is 0', validVmcs, (v) => v.set(F.HostTrSelector, 0));
breaks('hostSsNotEqualZero', 'SS is 0 in a 32-bit host', host32, (v) => v.set(F.HostSsSelector, 0));
keeps('hostSsNotEqualZero', 'SS is 0 in a 64-bit host', validVmcs, (v) => v.set(F.HostSsSelector, 0));
for (const [rule, field] of [
  ['hostFsCanonicalBaseAddress', F.HostFsBase],
  ['hostGsCanonicalBaseAddress', F.HostGsBase],
  ['hostGdtrCanonicalBaseAddress', F.HostGdtrBase],
  ['hostIdtrCanonicalBaseAddress', F.HostIdtrBase],
  ['hostTrCanonicalBaseAddress', F.HostTrBase],
] as const) {
  breaks(rule, 'not canonical', validVmcs, (v) => v.set(field, NOT_CANONICAL));
  breaks(rule, 'not canonical in the upper half', validVmcs, (v) => v.set(field, 0xffff7fffffffffffn));
  keeps(rule, 'the lowest address of the upper half', validVmcs, (v) => v.set(field, 0xffff800000000000n));
}

breaks(
  'hostIfOutsideIa32eMode',
  'a 64-bit guest and host outside IA-32e mode',
  validVmcs,
  (v) => (v.inIa32eMode = false),
);
breaks('hostIfOutsideIa32eMode', 'a 64-bit host outside IA-32e mode', valid32BitVmcs, (v) => (v.inIa32eMode = false));
keeps('hostIfOutsideIa32eMode', 'a 32-bit host', host32, () => undefined);
breaks('hostAddressSpaceSizeExitCtlIsSet', 'a 32-bit host in IA-32e mode', host32, (v) => (v.inIa32eMode = true));
breaks('hostAddressSpaceDisabled', 'RIP beyond 4 GiB', host32, (v) => v.on(F.HostRip, 1n << 32n));
breaks('hostAddressSpaceDisabled', 'PCIDE', host32, (v) => v.on(F.HostCr4, Cr4.PcidEnableBit));
keeps('hostAddressSpaceDisabled', 'PCIDE in a 64-bit host', validVmcs, (v) => v.on(F.HostCr4, Cr4.PcidEnableBit));
breaks('hostAddressSpaceEnabled', 'PAE is 0', validVmcs, (v) => v.off(F.HostCr4, Cr4.PhysicalAddressExtensions));
breaks('hostAddressSpaceEnabled', 'RIP not canonical', validVmcs, (v) => v.set(F.HostRip, NOT_CANONICAL));
keeps('hostAddressSpaceEnabled', 'PAE is 0 in a 32-bit host', host32, (v) =>
  v.off(F.HostCr4, Cr4.PhysicalAddressExtensions),
);

/** Mutations of the host-state area. */
export const hostCases = cases.list;
