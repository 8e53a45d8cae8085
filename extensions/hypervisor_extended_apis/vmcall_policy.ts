// SPDX-License-Identifier: LGPL-2.1-only
import { bfinfo, component, DENIAL_LOG_SIZE, VerifierIndex, VmcallError } from 'bareflank';
import { injectable } from 'inversify';

/** What a policy says to a call. */
export type Verdict = 'allow' | 'log' | 'deny';

/** Asked before each call of the extended APIs. Rebind it, or set verdicts. */
export interface VmcallPolicy {
  /** @param index of `VerifierIndex`. @throws VmcallError if the call is denied. */
  verify(index: number, call: string): void;
  setVerdict(index: number, verdict: Verdict): void;
  /** The last denials, oldest first. */
  readonly denials: readonly string[];
  clearDenials(): void;
  /** Index and verdict of each call. */
  dump(): string[];
}
export const VmcallPolicy = component<VmcallPolicy>('extendedApis.VmcallPolicy', 'vcpu');

/** Allows what nobody set otherwise. */
@injectable()
export class AllowingVmcallPolicy implements VmcallPolicy {
  /** The verdict of calls without one of their own. */
  default: Verdict = 'allow';
  denials: string[] = [];
  private readonly verdicts = new Map<number, Verdict>();

  verify(index: number, call: string): void {
    const verdict = this.verdicts.get(index) ?? this.default;
    if (verdict === 'allow') return;
    bfinfo`${verdict === 'deny' ? 'denied' : 'logged'} vmcall: ${call}`;
    if (verdict === 'log') return;
    this.denials = [...this.denials, call].slice(-DENIAL_LOG_SIZE);
    throw new VmcallError(`vmcall denied by policy: ${call}`);
  }

  setVerdict(index: number, verdict: Verdict): void {
    this.verdicts.set(index, verdict);
  }

  clearDenials(): void {
    this.denials = [];
  }

  dump(): string[] {
    return Object.entries(VerifierIndex).map(([name, index]) => `${name}: ${this.verdicts.get(index) ?? this.default}`);
  }
}
