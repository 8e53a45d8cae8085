// SPDX-License-Identifier: LGPL-2.1-only
import { inject, injectable, multiInject, optional } from 'inversify';
import { MsrContribution } from '../contributions/msr_contribution.js';
import { PortContribution } from '../contributions/port_contribution.js';
import type { VmcsContribution } from '../contributions/vmcs_contribution.js';
import { IoBitmap, MsrBitmap } from './owners.js';
import type { Request } from './request.js';

/** Lets the accesses exit that MSR and port contributions emulate, whatever else uses the bitmaps. */
@injectable()
export class ContributedTraps implements VmcsContribution {
  @inject(MsrBitmap) protected readonly msrBitmap!: MsrBitmap;
  @inject(IoBitmap) protected readonly ioBitmap!: IoBitmap;
  @multiInject(MsrContribution) @optional() protected readonly msrs: readonly MsrContribution[] = [];
  @multiInject(PortContribution) @optional() protected readonly ports: readonly PortContribution[] = [];
  readonly name = 'bareflank-contributed-traps';
  private requests: Request[] = [];

  setUp(): void {
    for (const request of this.requests) request[Symbol.dispose]();
    this.requests = [
      ...this.msrs.flatMap(({ msrs, read, write }) => [
        ...(read === undefined ? [] : msrs.map((msr) => this.msrBitmap.trapRead(msr))),
        ...(write === undefined ? [] : msrs.map((msr) => this.msrBitmap.trapWrite(msr))),
      ]),
      ...this.ports.flatMap(({ ports }) => ports.map((port) => this.ioBitmap.trap(port))),
    ];
    if (this.ports.length > 0) this.ioBitmap.enable();
  }
}
