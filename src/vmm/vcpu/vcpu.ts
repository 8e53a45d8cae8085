// SPDX-License-Identifier: LGPL-2.1-only
import { component } from '../../intrinsics/component.js';
import type { ReportContribution } from './report_contribution.js';
import type { DebugRing } from '../debug_ring/debug_ring.js';
import type { UserData } from './user_data.js';

/** A virtual processor. SDM has none; Bareflank calls one "host" that demotes the running system, "guest" that runs a guest of its own. */
export interface Vcpu {
  readonly id: bigint;
  /** Makes and links the parts. */
  init(userData?: UserData): void;
  /** Stops first if it runs; then the parts end. */
  fini(userData?: UserData): void;
  /** Enters the guest: VMXON and launch the first time, resume later. @throws VcpuError before `init` */
  run(userData?: UserData): void;
  /** Leaves VMX operation; the next `run` launches anew. Without `init`: nothing. */
  hlt(userData?: UserData): void;
  readonly isRunning: boolean;
  readonly isInitialized: boolean;
  /** Id 0. */
  readonly isBootstrapVcpu: boolean;
  readonly isHostVmVcpu: boolean;
  readonly isGuestVmVcpu: boolean;
  /** To its debug ring. */
  write(text: string): void;
  readonly debugRing: DebugRing;
  readonly reports: readonly ReportContribution[];
}
export const Vcpu = component<Vcpu>('bareflank.Vcpu', 'vcpu');
