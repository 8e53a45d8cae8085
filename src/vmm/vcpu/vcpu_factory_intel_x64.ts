// SPDX-License-Identifier: LGPL-2.1-only
import { inject, injectable } from 'inversify';
import type { PartBinder } from '../container/binding_recorder.js';
import { VcpuContainers, type VcpuParts } from '../container/vcpu_containers.js';
import { derived } from '../state/state.js';
import type { UserData } from './user_data.js';
import { Vcpu } from './vcpu.js';
import type { VcpuFactory } from './vcpu_factory.js';
import { VcpuIdentity } from '../vcpu_identity.js';

/** Gives each vCPU its own container with the bindings of the vcpu modules. */
@injectable()
export class VcpuFactoryIntelX64 implements VcpuFactory {
  @inject(VcpuContainers) protected readonly containers!: VcpuContainers;
  @derived() private readonly parts = new WeakMap<Vcpu, VcpuParts>();

  makeVcpu(vcpuid: bigint, userData?: UserData): Vcpu {
    const parts = this.containers.create((binder) => {
      this.bindParts(binder, vcpuid, userData);
      binder.rebind(VcpuIdentity).toConstantValue(vcpuid);
    }, `${this.constructor.name}.bindParts`);
    const vcpu = parts.get(Vcpu);
    this.parts.set(vcpu, parts);
    return vcpu;
  }

  disposeVcpu(vcpu: Vcpu): void {
    this.parts.get(vcpu)?.[Symbol.dispose]();
    this.parts.delete(vcpu);
  }

  /** Fills the container of a vCPU. An override calls the base, then binds and rebinds, by id or by user data. */
  protected bindParts(binder: PartBinder, _vcpuid: bigint, _userData?: UserData): void {
    this.containers.bindModules(binder);
  }
}
