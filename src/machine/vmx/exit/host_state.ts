// SPDX-License-Identifier: LGPL-2.1-only
// SDM 3C "Loading Host State".
import { ExitControl, PinBasedControl } from '../../../intrinsics/vmx/control_bits.js';
import { InterruptibilityState } from '../../../intrinsics/registers/registers.js';
import { VmcsField, type VmcsFieldName } from '../../../intrinsics/vmcs/vmcs_fields.js';
import { Layout } from '../../layout/layout.js';
import { slotOf } from '../vmcs/field_slots.js';
import { writeFlags } from '../../processor/lazy_flags.js';
import type { Vmcs } from '../vmcs/vmcs.js';
import type { VmxCore } from '../vmx_core.js';
import { store64, Word } from '../words.js';

/** CR0 bits that VM entries and VM exits leave alone: ET, 15:6, 17, 28:19, NW, CD. */
export const cr0Untouched = 0x7ffaffd0;
/** EFER.LME and EFER.LMA. */
export const eferLongMode = 0x500;

const cr4Pae = 0x20;
const cr4Pcide = 0x20000;
const eferSlot = slotOf(VmcsField.HostIa32Efer);
const patSlot = slotOf(VmcsField.HostIa32Pat);
const cr0Slot = slotOf(VmcsField.HostCr0);
const cr4Slot = slotOf(VmcsField.HostCr4);
const exitControlsSlot = slotOf(VmcsField.VmExitControls);

/** Fields that are copied to the host's words unchanged. */
const copies: readonly (readonly [VmcsFieldName, number, 4 | 8])[] = [
  ['HostRip', Layout.RIP, 8],
  ['HostRsp', Layout.RSP, 8],
  ['HostCr3', Layout.CR3, 8],
  ['HostGdtrBase', Layout.GDTR_BASE, 8],
  ['HostIdtrBase', Layout.IDTR_BASE, 8],
  ['HostIa32SysenterCs', Layout.SYSENTER_CS, 8],
  ['HostIa32SysenterEsp', Layout.SYSENTER_ESP, 8],
  ['HostIa32SysenterEip', Layout.SYSENTER_EIP, 8],
];

/** Access rights in the VMCS's format. SDM 3C "Loading Host Segment and Descriptor-Table Registers". */
const Rights = { Code64: 0xa09b, Code32: 0xc09b, Data: 0xc093, Tss: 0x8b, Unusable: 0x10000 } as const;

interface HostSegment {
  readonly number: number;
  readonly selector: VmcsFieldName;
  readonly base?: VmcsFieldName;
}

/** The data segments: unusable if their selector is null. */
const dataSegments: readonly HostSegment[] = [
  { number: 0, selector: 'HostEsSelector' },
  { number: 2, selector: 'HostSsSelector' },
  { number: 3, selector: 'HostDsSelector' },
  { number: 4, selector: 'HostFsSelector', base: 'HostFsBase' },
  { number: 5, selector: 'HostGsSelector', base: 'HostGsBase' },
];

function setSegment(u32: Uint32Array, segment: number, selector: number, limit: number, rights: number): void {
  u32[Word.selectors + segment] = selector;
  u32[Word.limits + segment] = limit;
  u32[Word.rights + segment] = rights;
  store64(u32, Word.bases + 2 * segment, 0, 0);
}

function loadSegments(u32: Uint32Array, vmcs: Vmcs, host64: boolean): void {
  const low = (name: VmcsFieldName): number => vmcs.low(slotOf(VmcsField[name]));
  const base = (segment: number, name: VmcsFieldName): void =>
    store64(u32, Word.bases + 2 * segment, low(name), vmcs.high(slotOf(VmcsField[name])));
  setSegment(u32, 1, low('HostCsSelector'), 0xffffffff, host64 ? Rights.Code64 : Rights.Code32);
  for (const { number, selector, base: baseField } of dataSegments) {
    const value = low(selector);
    // SS has no base field, yet keeps its type. The SDM marks it unusable too if its selector is null.
    setSegment(u32, number, value, 0xffffffff, value === 0 ? Rights.Unusable | Rights.Data : Rights.Data);
    if (baseField !== undefined) base(number, baseField);
  }
  setSegment(u32, 6, 0, 0, Rights.Unusable);
  setSegment(u32, 7, low('HostTrSelector'), 0x67, Rights.Tss);
  base(7, 'HostTrBase');
  u32[Word.gdtrLimit] = 0xffff;
  u32[Word.idtrLimit] = 0xffff;
}

function loadControlRegisters(u32: Uint32Array, vmcs: Vmcs, host64: boolean): void {
  u32[Word.cr0] = (u32[Word.cr0]! & cr0Untouched) | (vmcs.low(cr0Slot) & ~cr0Untouched);
  u32[Word.cr0 + 1] = 0;
  const cr4 = vmcs.low(cr4Slot);
  store64(u32, Word.cr4, host64 ? cr4 | cr4Pae : cr4 & ~cr4Pcide, vmcs.high(cr4Slot));
}

function loadMsrs(u32: Uint32Array, vmcs: Vmcs, exitControls: number): void {
  if ((exitControls & ExitControl.LoadIa32Efer) !== 0) store64(u32, Word.efer, vmcs.low(eferSlot), vmcs.high(eferSlot));
  else {
    const efer = u32[Word.efer]! & ~eferLongMode;
    u32[Word.efer] = (exitControls & ExitControl.HostAddressSpaceSize) !== 0 ? efer | eferLongMode : efer;
  }
  if ((exitControls & ExitControl.LoadIa32Pat) !== 0) store64(u32, Word.pat, vmcs.low(patSlot), vmcs.high(patSlot));
  store64(u32, Word.debugctl, 0, 0);
}

/**
 * The processor's own blocking by NMI. With "virtual NMIs" the guest's bit is virtual-NMI blocking, and nothing blocks NMIs.
 * @param holdsGuest the processor's words are a guest's, with its controls.
 */
export function blockingByNmi(u32: Uint32Array, holdsGuest: boolean): number {
  if (holdsGuest && (u32[Word.pin]! & PinBasedControl.VirtualNmis) !== 0) return 0;
  return u32[Word.interruptibility]! & InterruptibilityState.BlockingByNmi;
}

/**
 * Loads the host-state area of the current VMCS into the processor, except PDPTEs and the VM-exit MSR-load area.
 * @param blocking by NMI, of the host. SDM 3C "Loading Host State": control registers, debug registers and MSRs; segments and tables; RIP, RSP, RFLAGS; non-register state.
 */
export function loadHostState(core: VmxCore, vmcs: Vmcs, blocking: number): void {
  const { u32 } = core;
  const exitControls = vmcs.low(exitControlsSlot);
  const host64 = (exitControls & ExitControl.HostAddressSpaceSize) !== 0;
  loadControlRegisters(u32, vmcs, host64);
  store64(u32, Word.dr7, 0x400, 0);
  loadMsrs(u32, vmcs, exitControls);
  loadSegments(u32, vmcs, host64);
  for (const [name, address, bytes] of copies) {
    const slot = slotOf(VmcsField[name]);
    u32[address >>> 2] = vmcs.low(slot);
    if (bytes === 8) u32[(address >>> 2) + 1] = vmcs.high(slot);
  }
  writeFlags(u32, 2);
  u32[Word.interruptibility] = blocking;
  u32[Word.activity] = 0;
  store64(u32, Word.debugTraps, 0, 0);
  store64(u32, Word.monitorAddress, 0xffffffff, 0xffffffff);
}
