// SPDX-License-Identifier: LGPL-2.1-only
import { inject, injectable } from 'inversify';
import { nothingToWaitFor } from '../container/answers.js';
import type { ReportContribution, ReportValue } from './report_contribution.js';
import { RingBuffer } from '../debug_ring/ring_buffer.js';
import { VcpuError } from '../errors.js';
import { derived, state, type Attachable } from '../state/state.js';
import { withRollback } from '../support/rollback.js';
import type { UserData } from './user_data.js';
import type { Vcpu } from './vcpu.js';
import { VcpuFactory } from './vcpu_factory.js';
import type { VcpuManager } from './vcpu_manager.js';

type Reports = Record<string, Record<string, ReportValue>>;

/** Creates vCPUs through the factory. */
@injectable()
export class VcpuManagerX64 implements VcpuManager, Attachable {
  @inject(VcpuFactory) protected readonly factory!: VcpuFactory;
  @state() private readonly ids = new Set<bigint>();
  @derived() private readonly vcpus = new Map<bigint, Vcpu>();
  // The rings of deleted vCPUs stay readable until the VMM is unloaded, because users dump them after the end.
  @state() private readonly oldRings = new Map<bigint, Uint8Array>();
  @state() private readonly lastReports = new Map<bigint, Reports>();

  // What the hooks gave the factory for each vCPU. A restored VMM gives it a copy, so data that are not plain make the save refuse.
  @state() private readonly userData = new Map<bigint, object>();

  /** Makes the vCPUs that a restored state names. */
  attach(): void {
    for (const id of this.ids) if (!this.vcpus.has(id)) this.vcpus.set(id, this.make(id, this.userData.get(id)));
  }

  createVcpu(vcpuid: bigint, userData?: UserData): void {
    const known = this.vcpus.get(vcpuid);
    const vcpu = known ?? this.make(vcpuid, userData);
    try {
      vcpu.init(userData);
    } catch (error) {
      this.forget(vcpuid, vcpu);
      throw error;
    }
    this.vcpus.set(vcpuid, vcpu);
    this.ids.add(vcpuid);
    if (known === undefined && userData !== undefined) this.userData.set(vcpuid, userData);
    this.oldRings.delete(vcpuid);
  }

  deleteVcpu(vcpuid: bigint, userData?: UserData): void {
    const vcpu = this.vcpus.get(vcpuid);
    if (vcpu === undefined) return;
    this.lastReports.set(vcpuid, reportsOf(vcpu));
    try {
      vcpu.fini(userData);
    } finally {
      this.forget(vcpuid, vcpu);
    }
  }

  runVcpu(vcpuid: bigint, userData?: UserData): void {
    const vcpu = this.vcpus.get(vcpuid);
    if (vcpu === undefined) return;
    withRollback((rollback) => {
      rollback.onFailure(() => vcpu.hlt(userData));
      vcpu.run(userData);
    });
  }

  hltVcpu(vcpuid: bigint, userData?: UserData): void {
    this.vcpus.get(vcpuid)?.hlt(userData);
  }

  write(vcpuid: bigint, text: string): void {
    const vcpu = this.vcpus.get(vcpuid);
    // Messages of parts during disposal belong to the ring that is kept.
    if (vcpu === undefined) this.oldRing(vcpuid)?.write(text);
    else vcpu.write(text);
  }

  readRing(vcpuid: bigint): string | undefined {
    return (this.vcpus.get(vcpuid)?.debugRing ?? this.oldRing(vcpuid))?.read();
  }

  reports(): Reports {
    const result: Reports = {};
    const ids = [...new Set([...this.vcpus.keys(), ...this.lastReports.keys()])].sort((a, b) => (a < b ? -1 : 1));
    for (const id of ids) {
      const vcpu = this.vcpus.get(id);
      merge(result, vcpu === undefined ? this.lastReports.get(id)! : reportsOf(vcpu));
    }
    return result;
  }

  /** Cleans up the rest when the VMM is unloaded. */
  [Symbol.dispose](): void {
    for (const [vcpuid, vcpu] of [...this.vcpus]) this.forget(vcpuid, vcpu);
  }

  private make(vcpuid: bigint, userData: UserData | undefined): Vcpu {
    const vcpu = this.factory.makeVcpu(vcpuid, userData) as Vcpu | undefined | null;
    if (vcpu === undefined || vcpu === null) throw new VcpuError(`the vcpu factory made no vcpu for id ${vcpuid}`);
    return vcpu;
  }

  private oldRing(vcpuid: bigint): RingBuffer | undefined {
    const memory = this.oldRings.get(vcpuid);
    return memory === undefined ? undefined : new RingBuffer(memory);
  }

  private forget(vcpuid: bigint, vcpu: Vcpu): void {
    if (this.vcpus.delete(vcpuid)) this.oldRings.set(vcpuid, vcpu.debugRing.memory);
    this.ids.delete(vcpuid);
    this.userData.delete(vcpuid);
    this.factory.disposeVcpu(vcpu);
  }
}

function reportOf(each: ReportContribution): Record<string, ReportValue> {
  try {
    return { ...nothingToWaitFor(each.report(), each, 'report') };
  } catch (error) {
    throw new VcpuError(`the report of extension ${each.name} threw: ${String(error)}`, { causedBy: error });
  }
}

function reportsOf(vcpu: Vcpu): Reports {
  return Object.fromEntries(vcpu.reports.map((each) => [each.name, reportOf(each)]));
}

const isNumber = (value: ReportValue | undefined): value is number | bigint =>
  typeof value === 'number' || typeof value === 'bigint';

function sum(a: number | bigint, b: number | bigint): number | bigint {
  return typeof a === 'number' && typeof b === 'number' ? a + b : BigInt(a) + BigInt(b);
}

function merge(into: Reports, from: Reports): void {
  for (const [name, values] of Object.entries(from)) {
    const target = (into[name] ??= {});
    for (const [key, value] of Object.entries(values)) {
      const before = target[key];
      if (isNumber(before) && isNumber(value)) target[key] = sum(before, value);
      else if (before === undefined) target[key] = value;
    }
  }
}
