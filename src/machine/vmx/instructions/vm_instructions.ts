// SPDX-License-Identifier: LGPL-2.1-only
import { InveptType, InvvpidType } from '../../../intrinsics/instructions/vmx.js';
import { VmInstructionError } from '../../../intrinsics/vmx/vm_instruction_errors.js';
import { VmcsField } from '../../../intrinsics/vmcs/vmcs_fields.js';
import { supportedSlot, SlotKind, slotKinds, slotOf } from '../vmcs/field_slots.js';
import { readRegion, Vmcs, vmcsRevision, writeRegion } from '../vmcs/vmcs.js';
import { VmxMode } from '../vmx_mode.js';
import type { VmxOperation } from '../vmx_operation.js';
import { Owner } from '../vmx_state.js';
import { VmxStatus } from './vmx_status.js';
import { Word } from '../words.js';

const { mode: modeWord, vmxonRegion: vmxonRegionWord, session: sessionWord } = Word;

const instructionErrorSlot = slotOf(VmcsField.VmInstructionError);
const cr0NumericErrorPgPe = 0x80000021;
const cr4Vmxe = 0x2000;
const lockAndEnableOutsideSmx = 0x5;
const reservedDescriptorBits = 0xffff0000;

/**
 * The VMX instructions of one logical processor, except VMLAUNCH and VMRESUME. SDM 3D "VMX Instruction Reference". The caller has already handled
 * #UD and #GP by mode and the VM exit in non-root operation, and has fetched the operands.
 */
export class VmInstructions {
  /** The machine's memory as signed words. */
  private readonly words: Int32Array;

  constructor(
    private readonly processor: VmxOperation,
    readonly vmcs: Vmcs,
  ) {
    this.words = new Int32Array(processor.words.buffer);
  }

  /** Whether the processor is in VMX operation, root or not. */
  get inVmxOperation(): boolean {
    return this.words[modeWord] !== VmxMode.Off;
  }

  /** Physical address of the VMXON region, −1 outside VMX operation. */
  get vmxonRegion(): number {
    return readRegion(this.words, vmxonRegionWord);
  }

  /** Counts VMXONs: a VMCS launched in an earlier session cannot be resumed (VM-instruction error 6). */
  get session(): number {
    return this.words[sessionWord]!;
  }

  /** VMfail. The error field of the current VMCS, if there is one, gets the number. */
  fail(error: number): VmxStatus {
    if (!this.vmcs.isCurrent) return VmxStatus.FailInvalid;
    this.vmcs.report(instructionErrorSlot, error, 0);
    return VmxStatus.FailValid;
  }

  /** @param owner who executes it: until VMXOFF the structures of VMX operation are in its memory. */
  vmxon(low: number, high: number, owner: Owner = Owner.Code): VmxStatus {
    const { processor } = this;
    if ((processor.cr4Low & cr4Vmxe) === 0) return VmxStatus.UndefinedOpcode;
    if (processor.cpl !== 0) return VmxStatus.GeneralProtection;
    if (this.inVmxOperation) return this.fail(VmInstructionError.VmxonInVmxRoot);
    if ((processor.cr0Low & cr0NumericErrorPgPe) >>> 0 !== cr0NumericErrorPgPe) return VmxStatus.GeneralProtection;
    if ((processor.featureControlLow & lockAndEnableOutsideSmx) !== lockAndEnableOutsideSmx) {
      return VmxStatus.GeneralProtection;
    }
    const region = this.regionAddress(low, high);
    processor.setOwner(owner);
    if (region < 0 || this.revisionOf(region) !== vmcsRevision) {
      processor.setOwner(Owner.Code);
      return VmxStatus.FailInvalid;
    }
    writeRegion(this.words, vmxonRegionWord, region);
    this.vmcs.region = -1;
    this.words[sessionWord] = this.session + 1;
    processor.setVmxMode(VmxMode.Root);
    return VmxStatus.Succeed;
  }

  vmxoff(): VmxStatus {
    // The SDM does not define what happens to a current VMCS here. We write it back, so nothing is lost.
    this.storeCurrent();
    this.vmcs.region = -1;
    writeRegion(this.words, vmxonRegionWord, -1);
    this.processor.setVmxMode(VmxMode.Off);
    this.processor.setOwner(Owner.Code);
    return VmxStatus.Succeed;
  }

  vmclear(low: number, high: number): VmxStatus {
    const region = this.regionAddress(low, high);
    if (region < 0) return this.fail(VmInstructionError.VmclearInvalidAddress);
    if (region === this.vmxonRegion) return this.fail(VmInstructionError.VmclearVmxonPointer);
    if (region === this.vmcs.region) {
      this.vmcs.launchedIn = 0;
      this.vmcs.instruction[0] = 0;
      this.storeCurrent();
      this.vmcs.region = -1;
    } else {
      const at = this.processor.offsetOf(region);
      if (at >= 0) Vmcs.clear(this.processor.writer, at);
    }
    return VmxStatus.Succeed;
  }

  vmptrld(low: number, high: number): VmxStatus {
    const region = this.regionAddress(low, high);
    if (region < 0) return this.fail(VmInstructionError.VmptrldInvalidAddress);
    if (region === this.vmxonRegion) return this.fail(VmInstructionError.VmptrldVmxonPointer);
    if (this.revisionOf(region) !== vmcsRevision) return this.fail(VmInstructionError.VmptrldWrongRevision);
    if (region === this.vmcs.region) return VmxStatus.Succeed;
    this.storeCurrent();
    this.vmcs.load(this.processor.words, this.processor.offsetOf(region), region);
    return VmxStatus.Succeed;
  }

  /**
   * The checks of VMREAD. @returns the slot, or −1 after VMfail; `lastFailure` says which.
   * Read the value from the VMCS: `vmcs.low(slot)`, `vmcs.high(slot)`; for an odd encoding it is the high half alone.
   */
  vmread(encoding: number, encodingHigh: number): number {
    return this.accessedSlot(encoding, encodingHigh);
  }

  /**
   * VMREAD of bits 31:0 (for an odd encoding: of bits 63:32) as a signed number, 0 on VMfail. The exit path of hosts in JavaScript uses this. V8
   * would allocate an unsigned number above 2^31 wherever it does not inline the call.
   */
  readLow(encoding: number): number {
    const slot = supportedSlot(encoding);
    if (slot < 0 || !this.vmcs.isCurrent) return this.noSlot() & 0;
    return this.vmcs.signed[(slot << 1) | (encoding & 1)]!;
  }

  /** VMREAD of bits 63:32 as a signed number, 0 on VMfail and for an odd encoding. */
  readHigh(encoding: number): number {
    const slot = supportedSlot(encoding);
    if (slot < 0 || !this.vmcs.isCurrent) return this.noSlot() & 0;
    return (encoding & 1) !== 0 ? 0 : this.vmcs.signed[(slot << 1) | 1]!;
  }

  vmwrite(encoding: number, encodingHigh: number, low: number, high: number): VmxStatus {
    const slot = this.accessedSlot(encoding, encodingHigh);
    if (slot < 0) return this.lastFailure;
    if ((slotKinds[slot]! & SlotKind.ReadOnly) !== 0) return this.fail(VmInstructionError.VmwriteReadOnlyComponent);
    if ((encoding & 1) === 0) this.vmcs.write(slot, low, high);
    else this.vmcs.write(slot, this.vmcs.low(slot), low);
    return VmxStatus.Succeed;
  }

  /** How the last VMREAD or VMWRITE without a slot failed. */
  lastFailure: VmxStatus = VmxStatus.FailInvalid;

  /** INVEPT. @param eptpValid whether a VM entry would accept the EPTP; only single-context invalidation asks. */
  invept(type: number, typeHigh: number, eptpLow: number, eptpHigh: number, eptpValid: boolean): VmxStatus {
    if (
      typeHigh !== 0 ||
      (type !== InveptType.singleContext && type !== InveptType.global) ||
      (type === InveptType.singleContext && !eptpValid)
    ) {
      return this.fail(VmInstructionError.InvalidOperandToInveptOrInvvpid);
    }
    this.processor.flushEpt(type === InveptType.global ? -1 : eptpHigh * 0x100000000 + ((eptpLow & 0xfffff000) >>> 0));
    return VmxStatus.Succeed;
  }

  /** INVVPID. @param vpidHigh bits 63:32 of the descriptor, reserved. */
  invvpid(type: number, typeHigh: number, vpid: number, vpidHigh: number, canonical: boolean): VmxStatus {
    const reserved = (vpid & reservedDescriptorBits) !== 0 || vpidHigh !== 0;
    if (
      typeHigh !== 0 ||
      type > InvvpidType.singleContextGlobal ||
      reserved ||
      (type !== InvvpidType.allContexts && vpid === 0) ||
      (type === InvvpidType.individualAddress && !canonical)
    ) {
      return this.fail(VmInstructionError.InvalidOperandToInveptOrInvvpid);
    }
    // Invalidation of an individual address, or of a context without globals, may drop more than asked: SDM 3C "Guidelines for Use of the INVVPID Instruction".
    this.processor.flushVpid(type === InvvpidType.allContexts ? -1 : vpid);
    return VmxStatus.Succeed;
  }

  /** VMCALL in VMX root operation: there is no SMM monitor to call. */
  vmcallInRoot(): VmxStatus {
    return this.fail(VmInstructionError.VmcallInVmxRoot);
  }

  /** Writes the current VMCS back to its region, if there is one. */
  storeCurrent(): void {
    if (!this.vmcs.isCurrent) return;
    const at = this.processor.offsetOf(this.vmcs.region);
    if (at >= 0) this.vmcs.store(this.processor.writer, at);
  }

  /** The address of a VMXON or VMCS region, −1 if it is unaligned or beyond the physical-address width. */
  private regionAddress(low: number, high: number): number {
    if ((low & 0xfff) !== 0 || high >>> (this.processor.physicalAddressWidth - 32) !== 0) return -1;
    return high * 0x100000000 + (low >>> 0);
  }

  /** The first word of a region. With bit 31 set (a shadow VMCS) it never equals the revision; nor does a region without memory. */
  private revisionOf(region: number): number {
    const at = this.processor.offsetOf(region);
    return at < 0 ? 0xffffffff : this.processor.words[at >>> 2]!;
  }

  private accessedSlot(encoding: number, encodingHigh: number): number {
    const slot = encodingHigh === 0 ? supportedSlot(encoding) : -1;
    return slot < 0 || !this.vmcs.isCurrent ? this.noSlot() : slot;
  }

  /** VMREAD or VMWRITE without a current VMCS, or of a field that this processor does not have: VMfail. @returns −1. */
  private noSlot(): number {
    this.lastFailure = this.fail(VmInstructionError.UnsupportedVmcsComponent);
    return -1;
  }
}
