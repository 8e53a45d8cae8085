// SPDX-License-Identifier: LGPL-2.1-only
// The owners of VT-x resources that several extensions share: each has one owner, contributions ask it, it merges. All of them act on the
// current VMCS: call them from `VmcsContribution.setUp` or from a handler.
import { component } from '../../intrinsics/component.js';
import type { Request } from './request.js';

/** Which RDMSRs and WRMSRs exit. SDM 3C "MSR-Bitmap Address". Without the bitmap all do. */
export interface MsrBitmap {
  /** Uses the bitmap: nothing exits but what somebody asks for (and MSRs outside its two ranges). */
  enable(): void;
  /** Back to "all exit". */
  disable(): void;
  readonly isEnabled: boolean;
  /** @throws VmcsError "invalid msr: …" outside 0–1FFFH and C0000000H–C0001FFFH. */
  trapRead(msr: number): Request;
  trapWrite(msr: number): Request;
}
export const MsrBitmap = component<MsrBitmap>('bareflank.MsrBitmap', 'vcpu');

/** Which I/O instructions exit. SDM 3C "I/O-Bitmap Addresses". */
export interface IoBitmap {
  enable(): void;
  disable(): void;
  readonly isEnabled: boolean;
  /** @throws VmcsError for a port above FFFFH. */
  trap(port: number): Request;
}
export const IoBitmap = component<IoBitmap>('bareflank.IoBitmap', 'vcpu');

/** Which exceptions exit. SDM 3C "Exception Bitmap". */
export interface ExceptionBitmap {
  /** @param vector 0–31; page faults all, whatever their error code. */
  trap(vector: number): Request;
}
export const ExceptionBitmap = component<ExceptionBitmap>('bareflank.ExceptionBitmap', 'vcpu');

/** The tag of this vCPU's translations. SDM 3C "Virtual Processor Identifiers (VPIDs)". */
export interface Vpid {
  /** Non-zero, and unique to each vCPU. */
  readonly value: number;
  enable(): void;
  disable(): void;
}
export const Vpid = component<Vpid>('bareflank.Vpid', 'vcpu');

/** Gives each vCPU its VPID. */
export interface VpidPool {
  allocate(): number;
  free(vpid: number): void;
}
export const VpidPool = component<VpidPool>('bareflank.VpidPool', 'vmm');

/** Single steps. SDM 3C "Monitor Trap Flag". */
export interface MonitorTrap {
  /** Calls `callback` after the next instruction of the guest. Callbacks wait in a queue and are called once each, first come first served. */
  step(callback: () => void): void;
  /** Forgets all that wait. */
  clear(): void;
  /** The exit. @throws VmcsError if nobody waits for it. */
  handleExit(): void;
}
export const MonitorTrap = component<MonitorTrap>('bareflank.MonitorTrap', 'vcpu');

/** How far the guest's time stamp is from the processor's: the sum of what is asked for. SDM 3C "Time-Stamp Counter Offset". */
export interface TscOffset {
  /** Adds `offset` until the request is disposed. */
  add(offset: bigint): Request;
}
export const TscOffset = component<TscOffset>('bareflank.TscOffset', 'vcpu');
