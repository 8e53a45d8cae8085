// SPDX-License-Identifier: LGPL-2.1-only
import { inject, injectable } from 'inversify';
import { InvvpidType } from '../../intrinsics/constants.js';
import { SecondaryControl } from '../../intrinsics/control_bits.js';
import { VmcsField } from '../../intrinsics/vmcs_fields.js';
import { Vmx } from '../../intrinsics/vmx.js';
import { Vmcs } from '../vmcs/vmcs.js';
import { VpidPool, type Vpid } from './owners.js';
import type { Request } from './request.js';
import { SharedSwitch } from './shared_switch.js';

/** A VPID for the life of the vCPU. */
@injectable()
export class VpidIntelX64 implements Vpid {
  @inject(Vmcs) protected readonly vmcs!: Vmcs;
  @inject(Vmx) protected readonly vmx!: Vmx;
  @inject(VpidPool) protected readonly pool!: VpidPool;
  private allocated = 0;
  private readonly use = new SharedSwitch((isOn) => this.vmcs.asOwner('Vpid', () => this.turn(isOn)));

  get value(): number {
    if (this.allocated === 0) this.allocated = this.pool.allocate();
    return this.allocated;
  }

  get isEnabled(): boolean {
    return this.use.isOn;
  }

  enable(): Request {
    return this.use.request();
  }

  apply(): void {
    this.use.apply();
  }

  [Symbol.dispose](): void {
    if (this.allocated !== 0) this.pool.free(this.allocated);
    this.allocated = 0;
  }

  private turn(isOn: boolean): void {
    if (isOn) this.turnOn();
    else {
      this.vmcs.disable('secondary', SecondaryControl.EnableVpid);
      this.vmcs.write(VmcsField.VirtualProcessorIdentifier, 0n);
    }
  }

  private turnOn(): void {
    this.vmcs.write(VmcsField.VirtualProcessorIdentifier, BigInt(this.value));
    this.vmcs.enable('secondary', SecondaryControl.EnableVpid);
    // Whoever had this number before may have left translations behind.
    this.vmx.invvpid(InvvpidType.singleContext, this.value, 0n);
  }
}
