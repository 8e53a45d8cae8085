// SPDX-License-Identifier: LGPL-2.1-only
// The owners of VT-x resources that several extensions share: each has one owner, contributions ask it, it merges. What is asked for holds
// until the request is disposed, whatever others ask for or take back. Who asks gives itself, `this`, as the first argument: its name is on
// record. All of them act on the current VMCS: call them from `VmcsContribution.setUp` or from a handler.
import { component } from '../../intrinsics/component.js';
import type { Contribution } from '../container/contribution.js';
import type { RequestHolder } from '../requests/owned_request.js';
import type { Request, Requester } from '../requests/request.js';

/** What owners of one vCPU have in common. */
export interface VmcsOwner extends RequestHolder {
  /** Writes what is asked for into the current VMCS. Called at each launch, before the contributions that extensions bring. */
  apply(): void;
}

/** Which RDMSRs and WRMSRs exit. SDM 3C "MSR-Bitmap Address". Without the bitmap all do. */
export interface MsrBitmap extends VmcsOwner {
  /** Uses the bitmap: nothing exits but what somebody asks for (and MSRs outside its two ranges). When nobody wants it any more all exit. */
  enable(by: Requester): Request;
  readonly isEnabled: boolean;
  /** Whether the bitmap has bits for an MSR; all others exit always. */
  covers(msr: number): boolean;
  /** @throws VmcsError "invalid msr: …" outside 0–1FFFH and C0000000H–C0001FFFH. */
  trapRead(by: Requester, msr: number): Request;
  /** @throws VmcsError as `trapRead` does. */
  trapWrite(by: Requester, msr: number): Request;
}
export const MsrBitmap = component<MsrBitmap>('bareflank.MsrBitmap', 'vcpu');

/** Which I/O instructions exit. SDM 3C "I/O-Bitmap Addresses". */
export interface IoBitmap extends VmcsOwner {
  /** Uses the bitmaps: the ports exit that somebody asks for. When nobody wants them any more none do (unless I/O exits unconditionally). */
  enable(by: Requester): Request;
  readonly isEnabled: boolean;
  /** @throws VmcsError "invalid port: …" for what is not 0–FFFFH. */
  trap(by: Requester, port: number): Request;
  /** How many requests there are for a port. */
  requests(port: number): number;
}
export const IoBitmap = component<IoBitmap>('bareflank.IoBitmap', 'vcpu');

/** Which exceptions exit. SDM 3C "Exception Bitmap". */
export interface ExceptionBitmap extends VmcsOwner {
  /**
   * @param vector 0–31 but 2: NMIs exit by a pin-based control. Page faults all exit, whatever their error code.
   * @throws VmcsError "invalid vector: …"
   */
  trap(by: Requester, vector: number): Request;
}
export const ExceptionBitmap = component<ExceptionBitmap>('bareflank.ExceptionBitmap', 'vcpu');

/** A register with a mask and a shadow. */
export type MaskedRegister = 'cr0' | 'cr4';

/**
 * Which bits of CR0 and CR4 are not the guest's alone. SDM 3C "Guest/Host Masks and Read Shadows for CR0 and CR4". The base hides the bits
 * that VMX operation fixes.
 */
export interface GuestHostMasks extends VmcsOwner {
  /**
   * A MOV, CLTS or LMSW that changes one of these bits exits (`ExitReason.ControlRegisterAccesses`). The base then gives the guest what it
   * wrote.
   */
  watch(by: Requester, register: MaskedRegister, bits: bigint): Request;
  /**
   * The register keeps these bits as they are, whatever the guest writes, and the guest reads what it wrote. What it changes exits as well.
   * When nobody hides a bit any more the register takes what the guest reads.
   */
  hide(by: Requester, register: MaskedRegister, bits: bigint): Request;
  /** The bits that somebody hides, the base included. */
  hidden(register: MaskedRegister): bigint;
  /** What the guest reads: the bits of the mask from the shadow, the others from the register. */
  view(register: MaskedRegister): bigint;
}
export const GuestHostMasks = component<GuestHostMasks>('bareflank.GuestHostMasks', 'vcpu');

/** The tag of this vCPU's translations. SDM 3C "Virtual Processor Identifiers (VPIDs)". */
export interface Vpid extends VmcsOwner {
  /** Non-zero, and unique to each vCPU. */
  readonly value: number;
  /** Tags the vCPU's translations with `value`. When nobody wants it any more the tag is 0, and each exit forgets them. */
  enable(by: Requester): Request;
  readonly isEnabled: boolean;
}
export const Vpid = component<Vpid>('bareflank.Vpid', 'vcpu');

/** Gives each vCPU its VPID. */
export interface VpidPool {
  allocate(): number;
  free(vpid: number): void;
}
export const VpidPool = component<VpidPool>('bareflank.VpidPool', 'vmm');

/** The method of a contribution that a step calls. */
export type StepMethod<M extends string, A> = Readonly<Record<M, (argument: A) => void>>;

/** Single steps. SDM 3C "Monitor Trap Flag". */
export interface MonitorTrap extends VmcsOwner {
  /**
   * Calls `by[method](argument)` after the next instruction of the guest. Calls wait in a queue and are made once each, first come first
   * served. Disposing the request takes this one back, and no other.
   *
   * @param by a contribution of this vCPU. Method and argument are kept as data, so that a step survives in a snapshot.
   * @param argument plain data, that is what structuredClone copies.
   * @throws ContributionError if `by` is no contribution of this vCPU, or has no such method.
   */
  step<M extends string, A = undefined>(by: Contribution & StepMethod<M, A>, method: M, argument?: A): Request;
  /** The exit. @throws VmcsError if nobody waits for it. */
  handleExit(): void;
  /** For the vCPU: its contributions, by name. */
  attachContributions(contributions: ReadonlyMap<string, Contribution>): void;
}
export const MonitorTrap = component<MonitorTrap>('bareflank.MonitorTrap', 'vcpu');

/**
 * How far the guest's time stamp is from the processor's: the sum of what is asked for. SDM 3C "Time-Stamp Counter Offset". The guest's
 * IA32_TSC_DEADLINE follows it.
 */
export interface TscOffset extends VmcsOwner {
  /** Adds `offset` until the request is disposed. */
  add(by: Requester, offset: bigint): Request;
}
export const TscOffset = component<TscOffset>('bareflank.TscOffset', 'vcpu');
