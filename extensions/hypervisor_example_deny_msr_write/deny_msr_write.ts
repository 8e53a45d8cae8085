// SPDX-License-Identifier: LGPL-2.1-only
import {
  bfwarning,
  Msr,
  MsrContribution,
  Msrs,
  parameter,
  ReportContribution,
  state,
  Vector,
  vcpuModule,
} from 'bareflank';
import type { Exit } from 'bareflank';
import { inject, injectable } from 'inversify';

/** The MSR that keeps its value. */
export const DeniedMsr = parameter(
  'deny_msr_write.msr',
  BigInt(Msr.Ia32Lstar),
  'address of an MSR that the guest may set once; the default is IA32_LSTAR, the entry of system calls',
);

/** Lets the guest give an MSR its first value that is not 0. Each later write raises #GP(0) in the guest. */
@injectable()
export class DenyMsrWrite implements MsrContribution, ReportContribution {
  @inject(Msrs) readonly processorMsrs!: Msrs;
  @inject(DeniedMsr) readonly msr!: bigint;
  readonly name = 'deny-msr-write';
  @state() private denied = 0;

  get msrs(): readonly number[] {
    return [Number(this.msr)];
  }

  handleMsrWrite(msr: number, value: bigint, exit: Exit): boolean {
    if (this.processorMsrs.rdmsr(msr) === 0n) return false; // the first value: the base writes it
    bfwarning`MSR 0x${msr.toString(16)} := 0x${value.toString(16)} at 0x${exit.vmcs.guestRip.get().toString(16)} is denied`;
    this.denied++;
    exit.inject(Vector.GeneralProtection, 0);
    return true;
  }

  report(): Record<string, number> {
    return { denied: this.denied };
  }
}

export default vcpuModule(({ bind, parameter: declare }) => {
  declare(DeniedMsr);
  bind(DenyMsrWrite).toSelf();
  bind(MsrContribution).toService(DenyMsrWrite);
  bind(ReportContribution).toService(DenyMsrWrite);
});
