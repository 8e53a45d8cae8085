// SPDX-License-Identifier: LGPL-2.1-only
import { inject, injectable } from 'inversify';
import { VmcsField } from '../../../src/intrinsics/vmcs/vmcs_fields.js';
import { vcpuModule, type PartModule } from '../../../src/vmm/container/part_module.js';
import { VmcsContribution } from '../../../src/vmm/vmcs/vmcs_contribution.js';
import {
  ExceptionBitmap,
  GuestHostMasks,
  IoBitmap,
  MonitorTrap,
  MsrBitmap,
  TscOffset,
  Vpid,
} from '../../../src/vmm/owners/owners.js';
import { Vmcs } from '../../../src/vmm/vmcs/vmcs.js';
import type { Request } from '../../../src/vmm/requests/request.js';
import { startedVmm } from '../started_vmm.js';

/** A contribution that asks all owners, so that a test can do it. */
@injectable()
export class Asker implements VmcsContribution {
  @inject(MsrBitmap) readonly msrBitmap!: MsrBitmap;
  @inject(IoBitmap) readonly ioBitmap!: IoBitmap;
  @inject(ExceptionBitmap) readonly exceptionBitmap!: ExceptionBitmap;
  @inject(GuestHostMasks) readonly guestHostMasks!: GuestHostMasks;
  @inject(Vpid) readonly vpid!: Vpid;
  @inject(MonitorTrap) readonly monitorTrap!: MonitorTrap;
  @inject(TscOffset) readonly tscOffset!: TscOffset;
  @inject(Vmcs) readonly vmcs!: Vmcs;
  readonly name = 'asker';
  static last: Asker;

  /** Calls back after the next step. A test needs no snapshot: its argument may be a function. */
  afterStep(callback: () => void): Request {
    return this.monitorTrap.step(this, 'run', callback);
  }

  run(callback: () => void): void {
    callback();
  }

  setUp(): void {
    Asker.last = this;
  }
}

/** A started VMM on the fake machine, its contribution that asks, and what the fake machine then holds. */
export function owners(modules: readonly PartModule[] = []) {
  const { machine, vmm } = startedVmm([vcpuModule(({ bind }) => bind(VmcsContribution).to(Asker)), ...modules]);
  const field = (encoding: number): bigint => machine.fields.get(encoding) ?? 0n;
  const has = (encoding: number, mask: number): boolean => (field(encoding) & BigInt(mask >>> 0)) !== 0n;
  const bit = (address: bigint, at: number): boolean =>
    (machine.memory.page(address + BigInt(at >>> 3))[(at >>> 3) & 0xfff]! & (1 << (at & 7))) !== 0;
  return { machine, vmm, it: Asker.last, field, has, bit };
}

export const primary = VmcsField.PrimaryProcessorBasedVmExecutionControls;
