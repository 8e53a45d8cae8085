// SPDX-License-Identifier: LGPL-2.1-only
import { inject, injectable, multiInject, optional } from 'inversify';
import { SecondaryControl } from '../../intrinsics/vmx/control_bits.js';
import { Cr0 } from '../../intrinsics/registers/registers.js';
import { MsrContribution } from '../contributions/msr_contribution.js';
import { PortContribution } from '../contributions/port_contribution.js';
import { Ept } from '../ept/ept.js';
import { Vmcs } from '../vmcs/vmcs.js';
import { state, type Attachable } from '../state/state.js';
import type { ContributedTraps } from './contributed_traps.js';
import { ExceptionBitmap, GuestHostMasks, IoBitmap, MonitorTrap, MsrBitmap, TscOffset, Vpid } from './owners.js';

/**
 * Makes the accesses exit that MSR and port contributions emulate, whatever else uses the bitmaps. Writes the owners' earlier requests into a new
 * VMCS, and tells the owners when a launch ends.
 */
@injectable()
export class ContributedTrapsIntelX64 implements ContributedTraps, Attachable {
  @inject(MsrBitmap) protected readonly msrBitmap!: MsrBitmap;
  @inject(IoBitmap) protected readonly ioBitmap!: IoBitmap;
  @inject(ExceptionBitmap) protected readonly exceptionBitmap!: ExceptionBitmap;
  @inject(GuestHostMasks) protected readonly guestHostMasks!: GuestHostMasks;
  @inject(Vpid) protected readonly vpid!: Vpid;
  @inject(MonitorTrap) protected readonly monitorTrap!: MonitorTrap;
  @inject(TscOffset) protected readonly tscOffset!: TscOffset;
  @inject(Ept) protected readonly ept!: Ept;
  @inject(Vmcs) protected readonly vmcs!: Vmcs;
  @multiInject(MsrContribution) @optional() protected readonly msrs: readonly MsrContribution[] = [];
  @multiInject(PortContribution) @optional() protected readonly ports: readonly PortContribution[] = [];
  readonly name = 'bareflank-contributed-traps';
  /** The owners keep the contributions' requests, which last as long as the vCPU. */
  @state() private hasAsked = false;
  @state() private watchesPaging = false;

  attach(): void {
    this.ept.attachVcpu(this.vmcs);
  }

  /** The owners of the VMM outlive the vCPU. */
  [Symbol.dispose](): void {
    this.ept.forgetVcpu(this.vmcs);
  }

  setUp(): void {
    const { msrBitmap, ioBitmap, exceptionBitmap, guestHostMasks, vpid, monitorTrap, tscOffset } = this;
    for (const owner of [msrBitmap, ioBitmap, exceptionBitmap, guestHostMasks, vpid, monitorTrap, tscOffset])
      owner.apply();
    if (!this.hasAsked) this.ask();
    this.hasAsked = true;
  }

  finish(): void {
    if (this.watchesPaging || this.vmcs.isEnabled('secondary', SecondaryControl.UnrestrictedGuest)) return;
    // VMX operation keeps PE and PG 1 then. A MOV that clears them would be #GP in the guest, which no processor without VMX raises. It exits
    // instead, and the base's handler says what is missing.
    this.guestHostMasks.watch(this, 'cr0', BigInt((Cr0.ProtectionEnable | Cr0.Paging) >>> 0));
    this.watchesPaging = true;
  }

  stop(): void {
    this.ept.stop(this.vmcs);
  }

  private ask(): void {
    for (const contribution of this.msrs) this.askForMsrs(contribution);
    for (const contribution of this.ports) {
      for (const port of contribution.ports) this.ioBitmap.trap(contribution, port);
      this.ioBitmap.enable(contribution);
    }
  }

  private askForMsrs(contribution: MsrContribution): void {
    for (const msr of contribution.msrs) {
      // Those that the bitmap does not cover exit anyway.
      if (!this.msrBitmap.covers(msr)) continue;
      if (contribution.handleMsrRead !== undefined) this.msrBitmap.trapRead(contribution, msr);
      if (contribution.handleMsrWrite !== undefined) this.msrBitmap.trapWrite(contribution, msr);
    }
  }
}
