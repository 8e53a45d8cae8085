// SPDX-License-Identifier: LGPL-2.1-only
import {
  EntryControl,
  ExitControl,
  PinBasedControl,
  PrimaryControl,
  SecondaryControl,
} from '../../src/intrinsics/vmx/control_bits.js';
import { Msr } from '../../src/intrinsics/registers/msr_definitions.js';
import { Cr0, Cr4, Efer, Rflags } from '../../src/intrinsics/registers/registers.js';
import type { EntryReader, RuleFeature } from '../../src/intrinsics/rules/entry_rule.js';
import { VmcsField as F } from '../../src/intrinsics/vmcs/vmcs_fields.js';

const mask = (bits: number): bigint => BigInt(bits >>> 0);
const allOf = (controls: Readonly<Record<string, number>>): bigint =>
  Object.values(controls).reduce((all, bit) => all | mask(bit), 0n);

/** Capability MSRs of a processor that has every control this framework names; reserved bits as on processors of the Skylake age. */
const capabilities: Readonly<Record<number, bigint>> = {
  [Msr.Ia32VmxBasic]: 0x00da0400_00000004n,
  [Msr.Ia32VmxTruePinbasedCtls]: ((allOf(PinBasedControl) | 0x16n) << 32n) | 0x16n,
  [Msr.Ia32VmxTrueProcbasedCtls]: ((allOf(PrimaryControl) | 0x04006172n) << 32n) | 0x04006172n,
  [Msr.Ia32VmxProcbasedCtls2]: allOf(SecondaryControl) << 32n,
  [Msr.Ia32VmxProcbasedCtls3]: 0x9fn,
  [Msr.Ia32VmxTrueExitCtls]: ((allOf(ExitControl) | 0x36dfbn) << 32n) | 0x36dfbn,
  [Msr.Ia32VmxExitCtls2]: 0x8n,
  [Msr.Ia32VmxTrueEntryCtls]: ((allOf(EntryControl) | 0x11fbn) << 32n) | 0x11fbn,
  [Msr.Ia32VmxMisc]: 0x7004c1e7n,
  [Msr.Ia32VmxCr0Fixed0]: 0x80000021n,
  [Msr.Ia32VmxCr0Fixed1]: 0xffffffffn,
  [Msr.Ia32VmxCr4Fixed0]: 0x2000n,
  [Msr.Ia32VmxCr4Fixed1]: 0x01ff_ffffn,
  [Msr.Ia32VmxEptVpidCap]: 0x00000f01_06734141n,
  [Msr.Ia32VmxVmfunc]: 0x1n,
};

const settable: Readonly<Record<number, bigint>> = {
  [Msr.Ia32Debugctl]: 0xffc3n,
  [Msr.Ia32PerfGlobalCtrl]: 0x7_000000ffn,
  [Msr.Ia32Efer]: 0x901n,
  [Msr.Ia32RtitCtl]: 0x3fffn,
  [Msr.Ia32LbrCtl]: 0x7f000fn,
};

const CODE = 0xa09b;
const DATA = 0xc093;
const CR0 = Cr0.ProtectionEnable | Cr0.NumericError | Cr0.WriteProtect | Cr0.Paging;
const CR4 = Cr4.PhysicalAddressExtensions | Cr4.VmxEnableBit;
const EFER = Efer.Lme | Efer.Lma | Efer.Nxe;

/** Fields of a 64-bit host and a 64-bit guest at CPL 0 which break no rule. */
const valid: Readonly<Record<number, number | bigint>> = {
  [F.PinBasedVmExecutionControls]: 0x16,
  [F.PrimaryProcessorBasedVmExecutionControls]: 0x04006172,
  [F.VmExitControls]: 0x36dfb | ExitControl.HostAddressSpaceSize,
  [F.VmEntryControls]: 0x11fb | EntryControl.Ia32eModeGuest,
  [F.VmcsLinkPointer]: 0xffffffffffffffffn,

  [F.HostCr0]: mask(CR0),
  [F.HostCr3]: 0x1000,
  [F.HostCr4]: CR4,
  [F.HostCsSelector]: 0x08,
  [F.HostSsSelector]: 0x10,
  [F.HostTrSelector]: 0x28,
  [F.HostRip]: 0xffff800000001000n,
  [F.HostIa32Pat]: 0x0007040600070406n,
  [F.HostIa32Efer]: EFER,

  [F.GuestCr0]: mask(CR0),
  [F.GuestCr3]: 0x2000,
  [F.GuestCr4]: CR4,
  [F.GuestDr7]: 0x400,
  [F.GuestRflags]: 2,
  [F.GuestRip]: 0xffffffff81000000n,
  [F.GuestIa32Pat]: 0x0007040600070406n,
  [F.GuestIa32Efer]: EFER,
  [F.GuestCsSelector]: 0x10,
  [F.GuestCsLimit]: 0xffffffff,
  [F.GuestCsAccessRights]: CODE,
  ...data(F.GuestEsSelector, F.GuestEsLimit, F.GuestEsAccessRights),
  ...data(F.GuestSsSelector, F.GuestSsLimit, F.GuestSsAccessRights),
  ...data(F.GuestDsSelector, F.GuestDsLimit, F.GuestDsAccessRights),
  ...data(F.GuestFsSelector, F.GuestFsLimit, F.GuestFsAccessRights),
  ...data(F.GuestGsSelector, F.GuestGsLimit, F.GuestGsAccessRights),
  [F.GuestLdtrSelector]: 0x30,
  [F.GuestLdtrLimit]: 0xffff,
  [F.GuestLdtrAccessRights]: 0x82,
  [F.GuestTrSelector]: 0x28,
  [F.GuestTrLimit]: 0x67,
  [F.GuestTrAccessRights]: 0x8b,
  [F.GuestGdtrLimit]: 0xffff,
  [F.GuestIdtrLimit]: 0xffff,
};

function data(selector: number, limit: number, rights: number): Record<number, number> {
  return { [selector]: 0x18, [limit]: 0xffffffff, [rights]: DATA };
}

/** A VMCS and a processor in a test's hands: every input of the VM-entry rules can be set. */
export class FakeVmcs implements EntryReader {
  readonly fields = new Map<number, bigint>();
  readonly memory = new Map<number, number>();
  readonly features = new Set<RuleFeature>();
  readonly capabilities = new Map<number, bigint>(
    Object.entries(capabilities).map(([msr, value]) => [Number(msr), value]),
  );
  physicalAddressWidth = 39;
  linearAddressWidth = 48;
  inIa32eMode = true;
  inSmm = false;
  isTracing = false;
  currentVmcs = 0x7000;
  isLaunch = true;
  isLaunched = false;
  isBlockedByMovSs = false;

  /** Sets a field and returns this, so that tests can chain. */
  set(field: number, value: number | bigint): this {
    this.fields.set(field, BigInt.asUintN(64, BigInt(value)));
    return this;
  }

  /** Sets bits of a field to 1. */
  on(field: number, bits: number | bigint): this {
    return this.set(field, this.get(field) | (typeof bits === 'number' ? mask(bits) : bits));
  }

  /** Clears bits of a field. */
  off(field: number, bits: number | bigint): this {
    return this.set(field, this.get(field) & ~(typeof bits === 'number' ? mask(bits) : bits));
  }

  get(field: number): bigint {
    return this.fields.get(field) ?? 0n;
  }

  /** Activates secondary controls. */
  secondary(bits: number): this {
    this.on(F.PrimaryProcessorBasedVmExecutionControls, PrimaryControl.ActivateSecondaryControls);
    return this.on(F.SecondaryProcessorBasedVmExecutionControls, bits);
  }

  /** Activates tertiary controls. */
  tertiary(bits: number): this {
    this.on(F.PrimaryProcessorBasedVmExecutionControls, PrimaryControl.ActivateTertiaryControls);
    return this.on(F.TertiaryProcessorBasedVmExecutionControls, bits);
  }

  low(field: number): number {
    return Number(this.get(field) & 0xffffffffn) | 0;
  }

  high(field: number): number {
    return Number(this.get(field) >> 32n) | 0;
  }

  capabilityLow(msr: number): number {
    return Number((this.capabilities.get(msr) ?? 0n) & 0xffffffffn) | 0;
  }

  capabilityHigh(msr: number): number {
    return Number((this.capabilities.get(msr) ?? 0n) >> 32n) | 0;
  }

  settableLow(msr: number): number {
    return Number((settable[msr] ?? 0n) & 0xffffffffn) | 0;
  }

  settableHigh(msr: number): number {
    return Number((settable[msr] ?? 0n) >> 32n) | 0;
  }

  hasFeature(feature: RuleFeature): boolean {
    return this.features.has(feature);
  }

  readPhysical32(address: number): number {
    return this.memory.get(address) ?? 0;
  }
}

/** A 64-bit host with a 64-bit guest. */
export function validVmcs(): FakeVmcs {
  const vmcs = new FakeVmcs();
  for (const [field, value] of Object.entries(valid)) vmcs.set(Number(field), value);
  return vmcs;
}

/** The same with EPT (write-back, 4 levels, accessed and dirty flags). */
export function validVmcsWithEpt(): FakeVmcs {
  return validVmcs().secondary(SecondaryControl.EnableEpt).set(F.EptPointer, 0x305e);
}

/** A guest in 32-bit protected mode with 32-bit paging. */
export function valid32BitVmcs(vmcs: FakeVmcs = validVmcs()): FakeVmcs {
  return vmcs
    .off(F.VmEntryControls, EntryControl.Ia32eModeGuest)
    .off(F.GuestCr4, Cr4.PhysicalAddressExtensions)
    .off(F.GuestIa32Efer, Efer.Lma | Efer.Lme)
    .set(F.GuestCsAccessRights, 0xc09b)
    .set(F.GuestRip, 0x1000);
}

/** A guest in virtual-8086 mode. */
export function validVirtual8086Vmcs(): FakeVmcs {
  const vmcs = valid32BitVmcs().on(F.GuestRflags, Rflags.Virtual8086Mode);
  for (let segment = 0; segment < 6; segment++) {
    vmcs.set(F.GuestEsSelector + 2 * segment, 0x100 + segment);
    vmcs.set(F.GuestEsBase + 2 * segment, (0x100 + segment) * 16);
    vmcs.set(F.GuestEsLimit + 2 * segment, 0xffff);
    vmcs.set(F.GuestEsAccessRights + 2 * segment, 0xf3);
  }
  return vmcs;
}

/** A guest in real-address mode with "unrestricted guest". */
export function validUnrestrictedVmcs(): FakeVmcs {
  return valid32BitVmcs(validVmcsWithEpt())
    .secondary(SecondaryControl.UnrestrictedGuest)
    .off(F.GuestCr0, Cr0.Paging | Cr0.ProtectionEnable)
    .set(F.GuestCsAccessRights, 0x9b)
    .set(F.GuestCsLimit, 0xffff);
}

/** A guest with PAE paging and no EPT, its PDPTEs at 2000H. */
export function validPaeVmcs(vmcs: FakeVmcs = validVmcs()): FakeVmcs {
  return valid32BitVmcs(vmcs).on(F.GuestCr4, Cr4.PhysicalAddressExtensions);
}
