// SPDX-License-Identifier: LGPL-2.1-only
// The owners of VT-x resources that several extensions share. Each resource has one owner. Contributions ask it, and it merges the requests. A request
// holds until it is disposed, whatever others ask for or take back. The contribution passes itself, `this`, as the first argument, so that its name
// is on record. All owners act on the current VMCS: call them from `VmcsContribution.setUp` or from a handler.
import { component } from '../../intrinsics/component.js';
import type { Contribution } from '../container/contribution.js';
import type { NamedMethod } from '../container/named_method.js';
import type { RequestReleaser } from '../requests/owned_request.js';
import type { Request, Requester } from '../requests/request.js';

/** What the owners of one vCPU have in common. */
export interface VmcsOwner extends RequestReleaser {
  /** Writes the requests into the current VMCS. Called at each launch, before the contributions of extensions. */
  apply(): void;
}

/** Which RDMSRs and WRMSRs exit. SDM 3C "MSR-Bitmap Address". Without the bitmap all do. */
export interface MsrBitmap extends VmcsOwner {
  /** Uses the bitmap: only requested accesses exit (and MSRs outside its two ranges). Without any such request, all accesses exit. */
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
  /** Uses the bitmaps: requested ports exit. Without any such request, no port exits (unless I/O exits unconditionally). */
  enable(by: Requester): Request;
  readonly isEnabled: boolean;
  /** @throws VmcsError "invalid port: …" outside 0–FFFFH. */
  trap(by: Requester, port: number): Request;
  /** How many requests there are for a port. */
  requests(port: number): number;
}
export const IoBitmap = component<IoBitmap>('bareflank.IoBitmap', 'vcpu');

/** Which exceptions exit. SDM 3C "Exception Bitmap". */
export interface ExceptionBitmap extends VmcsOwner {
  /**
   * @param vector 0–31 except 2: NMIs exit by a pin-based control. All page faults exit, whatever their error code.
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
   * A MOV, CLTS or LMSW that changes one of these bits exits (`ExitReason.ControlRegisterAccesses`). The base then writes the guest's value to the
   * register.
   */
  watch(by: Requester, register: MaskedRegister, bits: bigint): Request;
  /**
   * The register keeps these bits, whatever the guest writes, and the guest reads what it wrote. A change of these bits exits too. When the last
   * request for a bit ends, the register gets the value that the guest reads.
   */
  hide(by: Requester, register: MaskedRegister, bits: bigint): Request;
  /** The hidden bits, including those of the base. */
  hidden(register: MaskedRegister): bigint;
  /** What the guest reads: the bits of the mask come from the shadow, the others from the register. */
  view(register: MaskedRegister): bigint;
  /** Bits 31:0 of `hidden` without allocation, for the exit path. */
  hiddenLow(register: MaskedRegister): number;
  /** Bits 31:0 of `view` likewise. */
  viewLow(register: MaskedRegister): number;
}
export const GuestHostMasks = component<GuestHostMasks>('bareflank.GuestHostMasks', 'vcpu');

/** The tag of this vCPU's translations. SDM 3C "Virtual Processor Identifiers (VPIDs)". */
export interface Vpid extends VmcsOwner {
  /** Non-zero, and unique to each vCPU. */
  readonly value: number;
  /** Tags the vCPU's translations with `value`. Without any request, the tag is 0, and each exit drops the translations. */
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

/** Single steps. SDM 3C "Monitor Trap Flag". */
export interface MonitorTrap extends VmcsOwner {
  /**
   * Calls `by[method](argument)` after the next instruction of the guest. Calls wait in a queue. Each is made once, in the order of the
   * requests. Disposing the request removes this call only.
   *
   * @param by a contribution of this vCPU. Method and argument are kept as data, so that a step survives in a snapshot.
   * @param argument plain data, which structuredClone can copy.
   * @throws ContributionError if `by` is not a contribution of this vCPU, or has no such method.
   */
  step<M extends string, A = undefined>(by: Contribution & NamedMethod<M, A>, method: M, argument?: A): Request;
  /**
   * Handles the exit, unless a contribution handled it. If no call waits, the control was set without this owner, or an event injection asked for the
   * exit: the control is cleared, with a warning, and the guest goes on.
   */
  handleExit(): void;
  /** For the vCPU: its contributions, by name. */
  attachContributions(contributions: ReadonlyMap<string, Contribution>): void;
}
export const MonitorTrap = component<MonitorTrap>('bareflank.MonitorTrap', 'vcpu');

/**
 * How far the guest's time stamp is from the processor's: the sum of all requests. SDM 3C "Time-Stamp Counter Offset". The guest's
 * IA32_TSC_DEADLINE follows it.
 */
export interface TscOffset extends VmcsOwner {
  /** Adds `offset` until the request is disposed. */
  add(by: Requester, offset: bigint): Request;
  /** Gives a request of this owner another offset: for handlers that do so at each exit. @throws ContributionError for one that has ended */
  change(request: Request, offset: bigint): void;
}
export const TscOffset = component<TscOffset>('bareflank.TscOffset', 'vcpu');
