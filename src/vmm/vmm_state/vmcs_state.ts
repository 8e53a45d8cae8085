// SPDX-License-Identifier: LGPL-2.1-only
import { component } from '../../intrinsics/component.js';
import type { SegmentName, TableRegister } from '../../intrinsics/instructions/segments.js';
import type { SegmentDescriptor } from './gdt_x64.js';

/** A segment register: its selector and its hidden part. */
export interface SegmentState extends SegmentDescriptor {
  readonly selector: number;
}

/** The register state that a VMCS is filled with, as guest or as host. */
export interface VmcsState {
  /** Reads or computes the values. Precondition of all others. */
  init(): void;
  readonly segments: Readonly<Record<SegmentName, SegmentState>>;
  readonly gdt: TableRegister;
  readonly idt: TableRegister;
  readonly cr0: bigint;
  readonly cr3: bigint;
  readonly cr4: bigint;
  readonly dr7: bigint;
  readonly rflags: bigint;
  readonly ia32Debugctl: bigint;
  readonly ia32Pat: bigint;
  readonly ia32Efer: bigint;
  readonly ia32PerfGlobalCtrl: bigint;
  readonly ia32SysenterCs: bigint;
  readonly ia32SysenterEsp: bigint;
  readonly ia32SysenterEip: bigint;
  /** Whether a launch enters a separate guest instead of demoting the caller; then `rip` and `rsp` are the guest's. */
  readonly isGuest: boolean;
  readonly rip: bigint;
  readonly rsp: bigint;
}

/** The state of the VMM itself: what VM exits load. */
export const VmmState = component<VmcsState>('bareflank.VmmState', 'vcpu');
export type VmmState = VmcsState;

/** The state of the guest at launch: by default that of the running system. */
export const GuestState = component<VmcsState>('bareflank.GuestState', 'vcpu');
export type GuestState = VmcsState;
