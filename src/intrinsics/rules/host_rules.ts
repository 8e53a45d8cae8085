// SPDX-License-Identifier: LGPL-2.1-only
import { isMsrValue } from '../contents/msr_contents.js';
import { EntryControl, ExitControl } from '../vmx/control_bits.js';
import { Msr } from '../registers/msr_definitions.js';
import { Cr4 } from '../registers/registers.js';
import { VmcsField as F } from '../vmcs/vmcs_fields.js';
import { section, type EntryReader, type EntryRule } from './entry_rule.js';
import { entryControls, exitControls, isCanonical, isInPhysicalRange } from './predicates.js';
import {
  isCetWithWriteProtect,
  isEfer,
  isSCet,
  isSettable,
  obeysCr0Fixed,
  obeysCr4Fixed,
} from './register_predicates.js';

const register = section('host', 'Checks on Host Control Registers, MSRs, and SSP');
const segment = section('host', 'Checks on Host Segment and Descriptor-Table Registers');
const addressSpace = section('host', 'Checks Related to Address-Space Size');

const FIXED_CR0 = [Msr.Ia32VmxCr0Fixed0, Msr.Ia32VmxCr0Fixed1];
const FIXED_CR4 = [Msr.Ia32VmxCr4Fixed0, Msr.Ia32VmxCr4Fixed1];

function has(reader: EntryReader, exitControl: number): boolean {
  return (exitControls(reader) & exitControl) !== 0;
}

function is64Bit(reader: EntryReader): boolean {
  return has(reader, ExitControl.HostAddressSpaceSize);
}

function canonical(make: typeof register, name: string, what: string, field: number): EntryRule {
  return make(name, {
    wants: `${what} canonical`,
    fields: [field],
    inputs: ['linearAddressWidth'],
    holds: (reader) => isCanonical(reader, field),
  });
}

const cet: readonly EntryRule[] = [
  register('hostCr4CetNeedsWriteProtect', {
    wants: 'host CR0.WP 1 while host CR4.CET is 1',
    fields: [F.HostCr0, F.HostCr4],
    holds: (reader) => isCetWithWriteProtect(reader, F.HostCr0, F.HostCr4),
  }),
  register('hostVerifyLoadCetState', {
    wants:
      'with "load CET state": host IA32_S_CET canonical, bits 9:6 0 and bits 11:10 not both 1; host SSP canonical with bits 1:0 0; host interrupt-SSP table address canonical',
    fields: [F.VmExitControls, F.HostIa32SCet, F.HostSsp, F.HostIa32InterruptSspTableAddr],
    inputs: ['linearAddressWidth'],
    holds: (reader) =>
      !has(reader, ExitControl.LoadCetState) ||
      (isSCet(reader.low(F.HostIa32SCet)) &&
        isCanonical(reader, F.HostIa32SCet) &&
        (reader.low(F.HostSsp) & 3) === 0 &&
        isCanonical(reader, F.HostSsp) &&
        isCanonical(reader, F.HostIa32InterruptSspTableAddr)),
  }),
  register('hostVerifyLoadPkrs', {
    wants: 'bits 63:32 of host IA32_PKRS 0 while "load PKRS" is 1',
    fields: [F.VmExitControls, F.HostIa32Pkrs],
    holds: (reader) => !has(reader, ExitControl.LoadPkrs) || reader.high(F.HostIa32Pkrs) === 0,
  }),
];

const registers: readonly EntryRule[] = [
  register('hostCr0ForUnsupportedBits', {
    wants: 'host CR0 with the bits of IA32_VMX_CR0_FIXED0 1 and none that is 0 in IA32_VMX_CR0_FIXED1',
    fields: [F.HostCr0],
    msrs: FIXED_CR0,
    holds: (reader) => obeysCr0Fixed(reader, F.HostCr0, 0),
  }),
  register('hostCr4ForUnsupportedBits', {
    wants: 'host CR4 with the bits of IA32_VMX_CR4_FIXED0 1 and none that is 0 in IA32_VMX_CR4_FIXED1',
    fields: [F.HostCr4],
    msrs: FIXED_CR4,
    holds: (reader) => obeysCr4Fixed(reader, F.HostCr4),
  }),
  register('hostCr3ForUnsupportedBits', {
    wants: 'host CR3 within the physical-address width',
    fields: [F.HostCr3],
    inputs: ['physicalAddressWidth'],
    holds: (reader) => isInPhysicalRange(reader, F.HostCr3),
  }),
  canonical(register, 'hostIa32SysenterEspCanonicalAddress', 'host IA32_SYSENTER_ESP', F.HostIa32SysenterEsp),
  canonical(register, 'hostIa32SysenterEipCanonicalAddress', 'host IA32_SYSENTER_EIP', F.HostIa32SysenterEip),
  register('hostVerifyLoadIa32PerfGlobalCtrl', {
    wants:
      'no reserved bit in host IA32_PERF_GLOBAL_CTRL while "load IA32_PERF_GLOBAL_CTRL" of the VM-exit controls is 1',
    fields: [F.VmExitControls, F.HostIa32PerfGlobalCtrl],
    msrs: [Msr.Ia32PerfGlobalCtrl],
    holds: (reader) =>
      !has(reader, ExitControl.LoadIa32PerfGlobalCtrl) ||
      isSettable(reader, F.HostIa32PerfGlobalCtrl, Msr.Ia32PerfGlobalCtrl),
  }),
  register('hostVerifyLoadIa32Pat', {
    wants: 'each byte of host IA32_PAT 0, 1, 4, 5, 6 or 7 while "load IA32_PAT" of the VM-exit controls is 1',
    fields: [F.VmExitControls, F.HostIa32Pat],
    holds: (reader) =>
      !has(reader, ExitControl.LoadIa32Pat) ||
      isMsrValue(reader, Msr.Ia32Pat, reader.low(F.HostIa32Pat), reader.high(F.HostIa32Pat)),
  }),
  register('hostVerifyLoadIa32Efer', {
    wants:
      'with "load IA32_EFER" of the VM-exit controls: no reserved bit in host IA32_EFER, LMA and LME each equal to "host address-space size"',
    fields: [F.VmExitControls, F.HostIa32Efer],
    msrs: [Msr.Ia32Efer],
    holds: (reader) => !has(reader, ExitControl.LoadIa32Efer) || isEfer(reader, F.HostIa32Efer, is64Bit(reader), true),
  }),
  ...cet,
];

function selector(name: string, letters: string, field: number): EntryRule {
  return segment(name, {
    wants: `host ${letters} selector with RPL 0 and TI 0`,
    fields: [field],
    holds: (reader) => (reader.low(field) & 7) === 0,
  });
}

const segments: readonly EntryRule[] = [
  selector('hostEsSelectorRplTiEqualZero', 'ES', F.HostEsSelector),
  selector('hostCsSelectorRplTiEqualZero', 'CS', F.HostCsSelector),
  selector('hostSsSelectorRplTiEqualZero', 'SS', F.HostSsSelector),
  selector('hostDsSelectorRplTiEqualZero', 'DS', F.HostDsSelector),
  selector('hostFsSelectorRplTiEqualZero', 'FS', F.HostFsSelector),
  selector('hostGsSelectorRplTiEqualZero', 'GS', F.HostGsSelector),
  selector('hostTrSelectorRplTiEqualZero', 'TR', F.HostTrSelector),
  segment('hostCsNotEqualZero', {
    wants: 'a host CS selector other than 0',
    fields: [F.HostCsSelector],
    holds: (reader) => (reader.low(F.HostCsSelector) & 0xffff) !== 0,
  }),
  segment('hostTrNotEqualZero', {
    wants: 'a host TR selector other than 0',
    fields: [F.HostTrSelector],
    holds: (reader) => (reader.low(F.HostTrSelector) & 0xffff) !== 0,
  }),
  segment('hostSsNotEqualZero', {
    wants: 'a host SS selector other than 0 while "host address-space size" is 0',
    fields: [F.VmExitControls, F.HostSsSelector],
    holds: (reader) => is64Bit(reader) || (reader.low(F.HostSsSelector) & 0xffff) !== 0,
  }),
  canonical(segment, 'hostFsCanonicalBaseAddress', 'host FS base', F.HostFsBase),
  canonical(segment, 'hostGsCanonicalBaseAddress', 'host GS base', F.HostGsBase),
  canonical(segment, 'hostGdtrCanonicalBaseAddress', 'host GDTR base', F.HostGdtrBase),
  canonical(segment, 'hostIdtrCanonicalBaseAddress', 'host IDTR base', F.HostIdtrBase),
  canonical(segment, 'hostTrCanonicalBaseAddress', 'host TR base', F.HostTrBase),
];

function isIa32eGuest(reader: EntryReader): boolean {
  return (entryControls(reader) & EntryControl.Ia32eModeGuest) !== 0;
}

const addressSpaceSize: readonly EntryRule[] = [
  addressSpace('hostIfOutsideIa32eMode', {
    wants: '"IA-32e mode guest" and "host address-space size" 0 while the processor is outside IA-32e mode',
    fields: [F.VmEntryControls, F.VmExitControls],
    inputs: ['ia32eMode'],
    holds: (reader) => reader.inIa32eMode || (!isIa32eGuest(reader) && !is64Bit(reader)),
  }),
  addressSpace('hostAddressSpaceSizeExitCtlIsSet', {
    wants: '"host address-space size" 1 while the processor is in IA-32e mode',
    fields: [F.VmExitControls],
    inputs: ['ia32eMode'],
    holds: (reader) => !reader.inIa32eMode || is64Bit(reader),
  }),
  addressSpace('hostAddressSpaceDisabled', {
    wants: 'while "host address-space size" is 0: "IA-32e mode guest" 0, host CR4.PCIDE 0, bits 63:32 of host RIP 0',
    fields: [F.VmExitControls, F.VmEntryControls, F.HostCr4, F.HostRip],
    holds: (reader) =>
      is64Bit(reader) ||
      (!isIa32eGuest(reader) && (reader.low(F.HostCr4) & Cr4.PcidEnableBit) === 0 && reader.high(F.HostRip) === 0),
  }),
  addressSpace('hostAddressSpaceEnabled', {
    wants: 'while "host address-space size" is 1: host CR4.PAE 1 and host RIP canonical',
    fields: [F.VmExitControls, F.HostCr4, F.HostRip],
    inputs: ['linearAddressWidth'],
    holds: (reader) =>
      !is64Bit(reader) ||
      ((reader.low(F.HostCr4) & Cr4.PhysicalAddressExtensions) !== 0 && isCanonical(reader, F.HostRip)),
  }),
];

/** SDM 3C "Checks on VMX Controls and Host-State Area", the host-state area. */
export const hostRules: readonly EntryRule[] = [...registers, ...segments, ...addressSpaceSize];
