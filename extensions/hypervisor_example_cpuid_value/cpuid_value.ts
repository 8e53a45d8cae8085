// SPDX-License-Identifier: LGPL-2.1-only
import { CpuidContribution, parameter, ReportContribution, state, vcpuModule } from 'bareflank';
import { inject, injectable } from 'inversify';

/** The leaf to change. */
export const Leaf = parameter('cpuid_value.leaf', 1n, 'leaf of CPUID, as EAX selects it');
/** The subleaf to change. */
export const Subleaf = parameter('cpuid_value.subleaf', 0n, 'subleaf of CPUID, as ECX selects it');
/** The register to change. */
export const Register = parameter('cpuid_value.register', 0n, 'register of the answer: 0 EAX, 1 EBX, 2 ECX, 3 EDX');
/** Bits that are 0 in the answer. */
export const ClearBits = parameter('cpuid_value.clear', 0n, 'bits that the guest sees as 0');
/** Bits that are 1 in the answer. */
export const SetBits = parameter('cpuid_value.set', 0n, 'bits that the guest sees as 1');

/** Changes bits of one register in the answer to one leaf of CPUID. */
@injectable()
export class CpuidValue implements CpuidContribution, ReportContribution {
  @inject(Leaf) readonly leaf!: bigint;
  @inject(Subleaf) readonly subleaf!: bigint;
  @inject(Register) readonly register!: bigint;
  @inject(ClearBits) readonly clear!: bigint;
  @inject(SetBits) readonly set!: bigint;
  readonly name = 'cpuid-value';
  @state() private changed = 0;

  get leaves(): readonly number[] {
    return [Number(this.leaf)];
  }

  handleCpuid(_leaf: number, subleaf: number, registers: Uint32Array): boolean {
    if (subleaf !== Number(this.subleaf)) return false;
    const index = Number(this.register);
    registers[index] = (registers[index]! & ~Number(this.clear)) | Number(this.set);
    this.changed++;
    return false;
  }

  report(): Record<string, number> {
    return { changed: this.changed };
  }
}

export default vcpuModule(({ bind, parameter: declare }) => {
  for (const each of [Leaf, Subleaf, Register, ClearBits, SetBits]) declare(each);
  bind(CpuidValue).toSelf();
  bind(CpuidContribution).toService(CpuidValue);
  bind(ReportContribution).toService(CpuidValue);
});
