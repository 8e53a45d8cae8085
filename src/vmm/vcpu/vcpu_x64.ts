// SPDX-License-Identifier: LGPL-2.1-only
import { inject, injectable, multiInject, optional } from 'inversify';
import { VcpuId, VcpuIdentity } from '../vcpu_identity.js';
import { NamedContributions } from './named_contributions.js';
import { ReportContribution } from './report_contribution.js';
import { VcpuContribution } from './vcpu_contribution.js';
import { DebugRing } from '../debug_ring/debug_ring.js';
import { VcpuError } from '../errors.js';
import { MonitorTrap } from '../owners/owners.js';
import { ProcessorWork } from '../processor_work/processor_work.js';
import type { ReloadedContributions } from '../reload/reloaded_contributions.js';
import { state, type Attachable } from '../state/state.js';
import { hex } from '../support/text.js';
import type { UserData } from './user_data.js';
import type { Vcpu } from './vcpu.js';

/** What all vCPUs have in common: id, state, ring, the contributions to their life. */
@injectable()
export class VcpuX64 implements Vcpu, Attachable {
  @inject(VcpuIdentity) readonly id!: bigint;
  @inject(DebugRing) readonly debugRing!: DebugRing;
  @multiInject(ReportContribution) @optional() readonly reports: readonly ReportContribution[] = [];
  @multiInject(VcpuContribution) @optional() protected readonly contributions: readonly VcpuContribution[] = [];
  @inject(NamedContributions) protected readonly namedContributions!: NamedContributions;
  @inject(MonitorTrap) protected readonly monitorTrap!: MonitorTrap;
  @inject(ProcessorWork) protected readonly processorWork!: ProcessorWork;
  @state() private initialized = false;
  @state() private running = false;

  attach(): void {
    const contributions = this.namedContributions.byName();
    this.monitorTrap.attachContributions(contributions);
    this.processorWork.attachVcpu(this.id, contributions);
  }

  /** The VMM's parts outlive the vCPU. */
  [Symbol.dispose](): void {
    this.processorWork.forgetVcpu(this.id);
  }

  init(_userData?: UserData): void {
    if ((this.id & VcpuId.reserved) !== 0n) throw new VcpuError(`invalid vcpuid ${hex(this.id)}: bit 63 is reserved`);
    this.initialized = true;
  }

  fini(userData?: UserData): void {
    if (this.isRunning) this.hlt(userData);
    this.initialized = false;
  }

  run(_userData?: UserData): void {
    if (!this.initialized) throw new VcpuError(`vcpu ${this.id} must be initialised before it runs`);
    this.running = true;
  }

  hlt(_userData?: UserData): void {
    this.running = false;
  }

  finishReload(_changes: ReloadedContributions): void {
    // For subclasses.
  }

  get isRunning(): boolean {
    return this.running;
  }

  get isInitialized(): boolean {
    return this.initialized;
  }

  get isBootstrapVcpu(): boolean {
    return this.id === 0n;
  }

  get isHostVmVcpu(): boolean {
    return (this.id & VcpuId.guestMask & ~VcpuId.reserved) === 0n;
  }

  get isGuestVmVcpu(): boolean {
    return !this.isHostVmVcpu;
  }

  write(text: string): void {
    this.debugRing.write(text);
  }
}
