// SPDX-License-Identifier: LGPL-2.1-only
import { inject, injectable, multiInject, optional } from 'inversify';
import { MsrContribution } from '../contributions/msr_contribution.js';
import { PortContribution } from '../contributions/port_contribution.js';
import { Ept } from '../ept/ept.js';
import { Vmcs } from '../vmcs/vmcs.js';
import type { ContributedTraps } from './contributed_traps.js';
import { ExceptionBitmap, GuestHostMasks, IoBitmap, MonitorTrap, MsrBitmap, TscOffset, Vpid } from './owners.js';
import type { Request } from './request.js';

/**
 * Lets the accesses exit that MSR and port contributions emulate, whatever else uses the bitmaps; writes into a new VMCS what was asked of the
 * owners before; and tells them when a launch ends.
 */
@injectable()
export class ContributedTrapsIntelX64 implements ContributedTraps {
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
  private requests: Request[] = [];

  setUp(): void {
    const { msrBitmap, ioBitmap, exceptionBitmap, guestHostMasks, vpid, monitorTrap, tscOffset } = this;
    for (const owner of [msrBitmap, ioBitmap, exceptionBitmap, guestHostMasks, vpid, monitorTrap, tscOffset])
      owner.apply();
    if (this.requests.length === 0) this.ask();
  }

  stop(): void {
    this.ept.stop(this.vmcs);
  }

  private ask(): void {
    this.requests = [
      ...this.msrs.flatMap((contribution) => this.askForMsrs(contribution)),
      ...this.ports.flatMap(({ ports }) => ports.map((port) => this.ioBitmap.trap(port))),
    ];
    if (this.ports.length > 0) this.requests.push(this.ioBitmap.enable());
  }

  private askForMsrs(contribution: MsrContribution): Request[] {
    // Those that the bitmap does not cover exit anyway.
    const covered = contribution.msrs.filter((msr) => this.msrBitmap.covers(msr));
    return [
      ...(contribution.handleMsrRead === undefined ? [] : covered.map((msr) => this.msrBitmap.trapRead(msr))),
      ...(contribution.handleMsrWrite === undefined ? [] : covered.map((msr) => this.msrBitmap.trapWrite(msr))),
    ];
  }
}
