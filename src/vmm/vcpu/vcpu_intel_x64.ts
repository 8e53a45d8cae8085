// SPDX-License-Identifier: LGPL-2.1-only
import { inject, multiInject, optional } from 'inversify';
import { HostEntry, type ExitEntry } from '../../intrinsics/instructions/host_entry.js';
import type { Contribution } from '../container/contribution.js';
import { extension } from '../container/extension.js';
import { nothingToWaitFor } from '../container/answers.js';
import type { VcpuContribution } from './vcpu_contribution.js';
import { VmcsContribution } from '../vmcs/vmcs_contribution.js';
import { ExitHandler } from '../exit_handler/exit_handler.js';
import { ContributedTraps } from '../owners/contributed_traps.js';
import type { ReloadedContributions } from '../reload/reloaded_contributions.js';
import { state } from '../state/state.js';
import { StateSave } from '../state_save/state_save.js';
import { withRollback } from '../support/rollback.js';
import { Vmcs, type VmcsSetUp } from '../vmcs/vmcs.js';
import { GuestState, VmmState } from '../vmm_state/vmcs_state.js';
import { Vmxon } from '../vmxon/vmxon.js';
import type { UserData } from './user_data.js';
import { VcpuX64 } from './vcpu_x64.js';

/** A vCPU on an Intel processor. */
@extension()
export class VcpuIntelX64 extends VcpuX64 {
  @inject(Vmxon) protected readonly vmxon!: Vmxon;
  @inject(Vmcs) protected readonly vmcs!: Vmcs;
  @inject(ExitHandler) protected readonly exitHandler!: ExitHandler;
  @inject(VmmState) protected readonly vmmState!: VmmState;
  @inject(GuestState) protected readonly guestState!: GuestState;
  @inject(StateSave) protected readonly stateSave!: StateSave;
  @inject(HostEntry) protected readonly hostEntry!: HostEntry;
  @inject(ContributedTraps) protected readonly traps!: ContributedTraps;
  @multiInject(VmcsContribution) @optional() protected readonly vmcsContributions: readonly VmcsContribution[] = [];
  @state() private launched = false;

  override attach(): void {
    super.attach();
    if (this.launched) this.vmcs.attachEntry(this.exitEntry(), this.isHostVmVcpu ? Number(this.id) : undefined);
  }

  override init(userData?: UserData): void {
    if (this.isInitialized) return;
    withRollback((rollback) => {
      super.init(userData);
      rollback.onFailure(() => super.fini(userData));
      this.stateSave.init();
      rollback.onFailure(() => this.stateSave.fini());
      this.tell('onInit', this.contributions);
    });
  }

  override fini(userData?: UserData): void {
    if (!this.isInitialized) return;
    if (this.isRunning) this.hlt(userData);
    this.tell('onFini', this.inReverse());
    this.stateSave.fini();
    super.fini(userData);
  }

  override run(userData?: UserData): void {
    super.run(userData);
    if (this.launched) {
      this.vmcs.load();
      this.vmcs.resume();
      return;
    }
    withRollback((rollback) => {
      rollback.onFailure(() => super.hlt(userData));
      this.readStates();
      if (this.isHostVmVcpu) {
        this.vmxon.start();
        rollback.onFailure(() => this.vmxon.stop());
      }
      rollback.onFailure(() => this.hostEntry.detach());
      this.vmcs.launch(this.exitEntry(), [this.traps, ...this.vmcsContributions, this.finish]);
      this.launched = true;
      if (this.isHostVmVcpu) this.processorWork.start(this.id);
    });
    this.tell('onRun', this.contributions);
  }

  override hlt(userData?: UserData): void {
    if (!this.isInitialized || !this.isRunning) return;
    this.tell('onHlt', this.inReverse());
    this.traps.stop();
    this.processorWork.stop(this.id);
    if (this.isHostVmVcpu) this.vmxon.stop();
    this.hostEntry.detach();
    this.vmcs.release();
    this.launched = false;
    super.hlt(userData);
  }

  override finishReload({ removed, setUps, lives }: ReloadedContributions): void {
    this.traps.finishReload(removed);
    this.vmcs.setUpFurther(this.vmcsContributions.filter(({ name }) => setUps.includes(name)));
    const added = this.contributions.filter(({ name }) => lives.includes(name));
    this.tell('onInit', added);
    this.tell('onRun', added);
  }

  private exitEntry(): ExitEntry {
    return () => this.exitHandler.dispatch();
  }

  /** The base's last step of set-up. */
  private get finish(): VmcsSetUp {
    return { name: this.traps.name, setUp: () => this.traps.finish() };
  }

  /** The system's state is read before VMXON changes it, so that the guest gets the same state back at the end. */
  private readStates(): void {
    this.vmmState.init();
    this.guestState.init();
  }

  private tell(
    event: keyof Omit<VcpuContribution, keyof Contribution>,
    contributions: readonly VcpuContribution[],
  ): void {
    for (const each of contributions) nothingToWaitFor(each[event]?.(this), each, event);
  }

  private inReverse() {
    return [...this.contributions].reverse();
  }
}
