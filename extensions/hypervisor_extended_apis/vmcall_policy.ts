// SPDX-License-Identifier: LGPL-2.1-only
import { bfinfo, component, state, VmcallError } from 'bareflank';
import { injectable } from 'inversify';
import { DENIAL_LOG_SIZE, VerifierIndex } from './verifier.js';

/** A policy's verdict on a call. `log`: the call is recorded among the denials, and executed. */
export type Verdict = 'allow' | 'log' | 'deny';

/** Asked before each call of the extended APIs. Rebind it, or set verdicts. */
export interface VmcallPolicy {
  /** The verdict on calls without their own. `deny` or `log` has the effect of 1.1's flags. */
  default: Verdict;
  /**
   * @param index of `VerifierIndex`.
   * @param call its JSON name.
   * @param argument port or MSR, a list of them, or a flag; undefined for calls without one. @throws VmcallError if the call is denied.
   */
  verify(index: number, call: string, argument?: unknown): void;
  setVerdict(index: number, verdict: Verdict): void;
  /** The last calls that were denied or logged, oldest first. */
  readonly denials: readonly string[];
  clearDenials(): void;
  /** The verdict of each call, by its name in `VerifierIndex`. */
  dump(): Record<string, Verdict>;
}
export const VmcallPolicy = component<VmcallPolicy>('extendedApis.VmcallPolicy', 'vcpu');

/** Allows a call unless its verdict was set otherwise. */
@injectable()
export class AllowingVmcallPolicy implements VmcallPolicy {
  @state() default: Verdict = 'allow';
  @state() denials: string[] = [];
  @state() private readonly verdicts = new Map<number, Verdict>();

  verify(index: number, call: string, _argument?: unknown): void {
    const verdict = this.verdicts.get(index) ?? this.default;
    if (verdict === 'allow') return;
    const note = `${verdict === 'deny' ? 'denied' : 'logged'} vmcall: ${call}`;
    bfinfo`${note}`;
    this.denials = [...this.denials, note].slice(-DENIAL_LOG_SIZE);
    if (verdict === 'deny') throw new VmcallError('vmcall denied by policy');
  }

  setVerdict(index: number, verdict: Verdict): void {
    this.verdicts.set(index, verdict);
  }

  clearDenials(): void {
    this.denials = [];
  }

  dump(): Record<string, Verdict> {
    const verdicts = Object.entries(VerifierIndex).map(([name, index]) => [
      name,
      this.verdicts.get(index) ?? this.default,
    ]);
    return Object.fromEntries(verdicts) as Record<string, Verdict>;
  }
}
