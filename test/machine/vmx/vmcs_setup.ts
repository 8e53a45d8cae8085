// SPDX-License-Identifier: LGPL-2.1-only
import { VmcsField, type VmcsFieldName } from '../../../src/intrinsics/vmcs/vmcs_fields.js';
import { vmcsRevision } from '../../../src/machine/vmx/vmcs/vmcs.js';
import { VmxEngine } from '../../../src/machine/vmx/vmx_engine.js';
import { VmxStatus } from '../../../src/machine/vmx/instructions/vmx_status.js';
import { Word } from '../../../src/machine/vmx/words.js';
import { cr4Allowed, FakeCore } from './fake_core.js';

/** Physical addresses of the regions that the tests use. */
export const Region = {
  Vmxon: 0x1000,
  Vmcs: 0x2000,
  Other: 0x3000,
  MsrStore: 0x4000,
  MsrLoad: 0x5000,
  Bitmap: 0x6000,
} as const;

/** A VMCS that passes every rule: a 64-bit guest and a 64-bit host. */
export const validFields: Readonly<Partial<Record<VmcsFieldName, bigint>>> = {
  PinBasedVmExecutionControls: 0x16n,
  PrimaryProcessorBasedVmExecutionControls: 0x04006172n,
  VmExitControls: 0x36dffn | 0x200n,
  VmEntryControls: 0x11ffn | 0x200n,
  VmcsLinkPointer: 0xffff_ffff_ffff_ffffn,
  GuestCr0: 0x80000031n,
  GuestCr3: 0x10000n,
  GuestCr4: 0x2020n,
  GuestDr7: 0x400n,
  GuestRip: 0x7c00n,
  GuestRsp: 0x8000n,
  GuestRflags: 2n,
  GuestCsSelector: 8n,
  GuestCsLimit: 0xffffffffn,
  GuestCsAccessRights: 0xa09bn,
  GuestSsSelector: 0x10n,
  GuestSsLimit: 0xffffffffn,
  GuestSsAccessRights: 0xc093n,
  GuestDsAccessRights: 0x10000n,
  GuestEsAccessRights: 0x10000n,
  GuestFsAccessRights: 0x10000n,
  GuestGsAccessRights: 0x10000n,
  GuestLdtrAccessRights: 0x10000n,
  GuestTrSelector: 0x18n,
  GuestTrLimit: 0x67n,
  GuestTrAccessRights: 0x8bn,
  GuestGdtrLimit: 0x27n,
  GuestIdtrLimit: 0xfffn,
  HostCr0: 0x80000031n,
  HostCr3: 0x20000n,
  HostCr4: 0x2020n,
  HostCsSelector: 8n,
  HostSsSelector: 0x10n,
  HostTrSelector: 0x18n,
  HostRip: 0xffff_8000_0000_1000n,
  HostRsp: 0xffff_8000_0000_2000n,
};

/** An engine in VMX root operation, in 64-bit mode, with a current VMCS whose fields are 0. */
export function engineInRoot(): { core: FakeCore; engine: VmxEngine } {
  const core = new FakeCore();
  const engine = new VmxEngine(core, { cr4Allowed });
  const { u32 } = core;
  u32[Word.cr0] = 0x80000031;
  u32[Word.cr4] = 0x2020;
  u32[Word.efer] = 0x500;
  u32[Word.featureControl] = 5;
  for (const region of [Region.Vmxon, Region.Vmcs, Region.Other]) u32[core.physicalOffset(region) >>> 2] = vmcsRevision;
  if (engine.instructions.vmxon(Region.Vmxon, 0) !== VmxStatus.Succeed) throw new Error('VMXON failed');
  engine.instructions.vmclear(Region.Vmcs, 0);
  if (engine.instructions.vmptrld(Region.Vmcs, 0) !== VmxStatus.Succeed) throw new Error('VMPTRLD failed');
  return { core, engine };
}

/** Writes a field of any width. */
export function writeField(engine: VmxEngine, name: VmcsFieldName, value: bigint): VmxStatus {
  return engine.instructions.vmwrite(VmcsField[name], 0, Number(value & 0xffffffffn), Number(value >> 32n));
}

/** Reads a field as VMREAD does. */
export function readField(engine: VmxEngine, name: VmcsFieldName): bigint {
  const slot = engine.instructions.vmread(VmcsField[name], 0);
  if (slot < 0) throw new Error(`${name} does not exist`);
  return (BigInt(engine.vmcs.high(slot)) << 32n) | BigInt(engine.vmcs.low(slot));
}

/** An engine whose VMCS passes every rule, with some fields replaced. */
export function engineReady(fields: Partial<Record<VmcsFieldName, bigint>> = {}): {
  core: FakeCore;
  engine: VmxEngine;
} {
  const made = engineInRoot();
  for (const [name, value] of Object.entries({ ...validFields, ...fields }))
    writeField(made.engine, name as VmcsFieldName, value);
  return made;
}
