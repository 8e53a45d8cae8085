// SPDX-License-Identifier: LGPL-2.1-only
import { component, type ComponentSymbol } from '../../intrinsics/component.js';
import type { PartBinder } from './binding_recorder.js';

/** The parts of one vCPU. */
export interface VcpuParts extends Disposable {
  get<T>(identifier: ComponentSymbol<T>): T;
  getAll<T>(identifier: ComponentSymbol<T>): T[];
}

/** Makes the child container of a vCPU: for vcpu factories only. */
export interface VcpuContainers {
  /**
   * Makes all parts of a vCPU.
   *
   * @param bind says what to bind; it is validated like the modules.
   * @param where names the caller in errors.
   */
  create(bind: (binder: PartBinder) => void, where: string): VcpuParts;
  /** Adds the bindings of the vcpu modules. */
  bindModules(binder: PartBinder): void;
}
export const VcpuContainers = component<VcpuContainers>('bareflank.VcpuContainers', 'vmm');
