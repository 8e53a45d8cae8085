// SPDX-License-Identifier: LGPL-2.1-only
import { component } from '../../intrinsics/component.js';
import type { Contribution } from '../container/contribution.js';
import type { NamedMethod } from '../container/named_method.js';

/** Work that each processor must do itself, such as INVVPID or a switch of views. */
export interface ProcessorWork {
  /**
   * Calls `method` on each processor that runs under the VMM, in VMX root operation. Each vCPU calls its own contribution of the name of `by`; a vCPU
   * without one is left out. The executing processor calls before `onEach` returns, each other one before its guest's next instruction. The
   * caller never waits for another processor.
   *
   * Calls that wait for a processor are made in their order. A call that waits already, with an equal argument, is made once. If the VMM leaves
   * the processor first, its calls are dropped.
   *
   * @param by a contribution of the executing vCPU. Its method may not resume the guest.
   * @param argument plain data, which is copied: a call that waits is a part of a snapshot.
   * @throws ContributionError if `by` is no contribution of this vCPU, if it has no such method, and for an argument that is not plain data.
   */
  onEach<M extends string, A = undefined>(by: Contribution & NamedMethod<M, A>, method: M, argument?: A): void;
  /**
   * For the exit handler, at a VM exit of the reason `PENDING_WORK`: makes the calls that wait for the executing processor.
   *
   * @param calling takes the name of each contribution before it is called.
   */
  runPending(calling?: (contribution: string) => void): void;
  /** For the vCPU: its contributions, by name. */
  attachVcpu(vcpuid: bigint, contributions: ReadonlyMap<string, Contribution>): void;
  /** For the vCPU: its guest is launched. From now on calls reach it. */
  start(vcpuid: bigint): void;
  /** For the vCPU: the launch ends. */
  stop(vcpuid: bigint): void;
  /** For the vCPU, at its end. */
  forgetVcpu(vcpuid: bigint): void;
}
export const ProcessorWork = component<ProcessorWork>('bareflank.ProcessorWork', 'vmm');
