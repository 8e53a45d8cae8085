// SPDX-License-Identifier: LGPL-2.1-only
import { component } from '../../intrinsics/component.js';
import type { ReportContribution } from './report_contribution.js';
import type { DebugRing } from '../debug_ring/debug_ring.js';
import type { ReloadedContributions } from '../reload/reloaded_contributions.js';
import type { UserData } from './user_data.js';

/** A virtual processor, as in Bareflank: a vCPU of the host VM demotes the running system, one of a guest VM runs a separate guest. The host of the SDM is the VMM. */
export interface Vcpu {
  readonly id: bigint;
  /** Makes and links the parts. */
  init(userData?: UserData): void;
  /** Stops the vCPU if it runs, then finishes its parts. */
  fini(userData?: UserData): void;
  /** Enters the guest: VMXON and launch the first time, resume later. @throws VcpuError before `init` */
  run(userData?: UserData): void;
  /** Leaves VMX operation. The next `run` launches again. Does nothing before `init`. */
  hlt(userData?: UserData): void;
  /** In VMX root operation, after its parts were replaced: sets up what is new, and takes back the requests of what is gone. */
  finishReload(changes: ReloadedContributions): void;
  readonly isRunning: boolean;
  readonly isInitialized: boolean;
  /** Id 0. */
  readonly isBootstrapVcpu: boolean;
  readonly isHostVmVcpu: boolean;
  readonly isGuestVmVcpu: boolean;
  /** Writes to its debug ring. */
  write(text: string): void;
  readonly debugRing: DebugRing;
  readonly reports: readonly ReportContribution[];
}
export const Vcpu = component<Vcpu>('bareflank.Vcpu', 'vcpu');
