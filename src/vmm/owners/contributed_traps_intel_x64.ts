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
import type { Request } from '../requests/request.js';
import {
  ExceptionBitmap,
  GuestHostMasks,
  IoBitmap,
  MonitorTrap,
  MsrBitmap,
  TscOffset,
  Vpid,
  type VmcsOwner,
} from './owners.js';

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
  /** The requests for what contributions emulate. */
  @state() private asked: readonly Request[] = [];
  @state() private watchesPaging = false;

  attach(): void {
    this.ept.attachVcpu(this.vmcs);
  }

  /** The owners of the VMM outlive the vCPU. */
  [Symbol.dispose](): void {
    this.ept.forgetVcpu(this.vmcs);
  }

  setUp(): void {
    for (const owner of this.owners) owner.apply();
    if (!this.hasAsked) this.asked = this.ask();
    this.hasAsked = true;
  }

  finishReload(removed: readonly string[]): void {
    const { vcpuid } = this.vmcs;
    for (const owner of [...this.owners, this.ept])
      for (const contribution of removed) owner.releaseOf(contribution, vcpuid);
    // What is wanted as before never stops being trapped.
    const before = this.asked;
    this.asked = this.ask();
    for (const request of before) request[Symbol.dispose]();
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

  private get owners(): readonly VmcsOwner[] {
    const { msrBitmap, ioBitmap, exceptionBitmap, guestHostMasks, vpid, monitorTrap, tscOffset } = this;
    return [msrBitmap, ioBitmap, exceptionBitmap, guestHostMasks, vpid, monitorTrap, tscOffset];
  }

  private ask(): Request[] {
    const { ioBitmap } = this;
    const ports = this.ports.flatMap((contribution) => [
      ...contribution.ports.map((port) => ioBitmap.trap(contribution, port)),
      ioBitmap.enable(contribution),
    ]);
    return [...this.msrs.flatMap((contribution) => this.askForMsrs(contribution)), ...ports];
  }

  private askForMsrs(contribution: MsrContribution): Request[] {
    const { msrBitmap } = this;
    // Those that the bitmap does not cover exit anyway.
    return contribution.msrs
      .filter((msr) => msrBitmap.covers(msr))
      .flatMap((msr) => [
        ...(contribution.handleMsrRead === undefined ? [] : [msrBitmap.trapRead(contribution, msr)]),
        ...(contribution.handleMsrWrite === undefined ? [] : [msrBitmap.trapWrite(contribution, msr)]),
      ]);
  }
}
