// SPDX-License-Identifier: LGPL-2.1-only
import { inject, injectable } from 'inversify';
import { Processor, Processors } from '../../intrinsics/instructions/processor.js';
import type { Contribution } from '../container/contribution.js';
import { callMethod, refuseMissingMethod, type NamedMethod } from '../container/named_method.js';
import { ContributionError } from '../errors.js';
import { equalData } from '../state/equal_data.js';
import { plainCopy, whyNotPlain } from '../state/plain_copy.js';
import { derived, state } from '../state/state.js';
import type { ProcessorWork } from './processor_work.js';

/** A call that waits. */
interface WaitingCall {
  readonly contribution: string;
  readonly method: string;
  readonly argument: unknown;
}

function plainLeaf(leaf: unknown, name: string, method: string): unknown {
  const what = whyNotPlain(leaf);
  if (what === undefined) return leaf;
  throw new ContributionError(
    `'${name}' asks for work that calls its method ${method} with ${what}, which no snapshot can hold: pass plain data`,
  );
}

/** Keeps what waits for each vCPU of the host VM, whose id is the number of its processor. */
@injectable()
export class ProcessorWorkX64 implements ProcessorWork {
  @inject(Processor) protected readonly processor!: Processor;
  @inject(Processors) protected readonly processors!: Processors;
  /** By the id of each vCPU that is launched. */
  @state() private readonly waiting = new Map<bigint, WaitingCall[]>();
  /** By the id of each vCPU. */
  @derived() private readonly contributions = new Map<bigint, ReadonlyMap<string, Contribution>>();

  attachVcpu(vcpuid: bigint, contributions: ReadonlyMap<string, Contribution>): void {
    this.contributions.set(vcpuid, contributions);
    const calls = this.waiting.get(vcpuid);
    if (calls === undefined) return;
    // A reload may have taken a contribution away, or one of its methods.
    const known = calls.filter(({ contribution }) => contributions.has(contribution));
    for (const { contribution, method } of known) refuseMissingMethod(contributions.get(contribution)!, method, 'work');
    calls.splice(0, Infinity, ...known);
  }

  start(vcpuid: bigint): void {
    this.waiting.set(vcpuid, []);
  }

  stop(vcpuid: bigint): void {
    this.waiting.delete(vcpuid);
  }

  forgetVcpu(vcpuid: bigint): void {
    this.stop(vcpuid);
    this.contributions.delete(vcpuid);
  }

  onEach<M extends string, A = undefined>(by: Contribution & NamedMethod<M, A>, method: M, argument?: A): void {
    const own = BigInt(this.processor.id());
    if (this.find(own, by.name) !== by)
      throw new ContributionError(
        `'${by.name}' asks for work on each processor, but it is not a contribution of this vcpu: bind it at a contribution point, so that the work can find it`,
      );
    refuseMissingMethod(by, method, 'work');
    const data = plainCopy(argument, (leaf) => plainLeaf(leaf, by.name, method));
    for (const vcpuid of this.waiting.keys())
      if (vcpuid !== own) this.append(vcpuid, { contribution: by.name, method, argument: data });
    this.processors.interruptOthers();
    callMethod(by, method, argument);
  }

  runPending(calling?: (contribution: string) => void): void {
    const own = BigInt(this.processor.id());
    const calls = this.waiting.get(own);
    if (calls === undefined) return;
    // The work may ask for more work.
    this.waiting.set(own, []);
    for (const { contribution, method, argument } of calls) {
      calling?.(contribution);
      callMethod(this.find(own, contribution)!, method, argument);
    }
  }

  private append(vcpuid: bigint, call: WaitingCall): void {
    const target = this.find(vcpuid, call.contribution);
    if (target === undefined) return;
    refuseMissingMethod(target, call.method, 'work');
    const calls = this.waiting.get(vcpuid)!;
    if (!calls.some((each) => equalData(each, call))) calls.push(call);
  }

  private find(vcpuid: bigint, name: string): Contribution | undefined {
    return this.contributions.get(vcpuid)?.get(name);
  }
}
