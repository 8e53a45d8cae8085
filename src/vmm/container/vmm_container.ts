// SPDX-License-Identifier: LGPL-2.1-only
import type { ComponentSymbol } from '../../intrinsics/component.js';
import type { BindingRecord } from './binding_record.js';
import { BindingRecorder, type PartBinder } from './binding_recorder.js';
import { effectiveBindings } from './binding_rules.js';
import { validated, type ValidatedRecords } from './validated_records.js';
import { PartContainer } from './part_container.js';
import { vmmModule } from './part_module.js';
import { VcpuContainers, type VcpuParts } from './vcpu_containers.js';

/** The VMM's container, and the maker of its children. Created from the records of all modules. */
export class VmmContainer implements VcpuContainers {
  private parts!: PartContainer;
  private readonly children = new Set<PartContainer>();
  private lastVcpu: ValidatedRecords | undefined;

  private constructor(private readonly records: readonly BindingRecord[]) {}

  /**
   * Validates the records of all modules together, then makes every part of the VMM's scope.
   *
   * @throws ModuleLoadError; nothing is left behind.
   */
  static create(records: readonly BindingRecord[]): VmmContainer {
    const result = new VmmContainer(records);
    const own = vmmModule(({ bind }) => bind(VcpuContainers).toConstantValue(result)).record(
      'bareflank (vmm_container.ts)',
    );
    const all = [...records, ...own];
    result.parts = PartContainer.create('vmm', effectiveBindings(all));
    return result;
  }

  get<T>(identifier: ComponentSymbol<T>): T {
    return this.parts.get(identifier);
  }

  getAll<T>(identifier: ComponentSymbol<T>): T[] {
    return this.parts.getAll(identifier);
  }

  /** The parts of the VMM's scope. */
  vmmParts(): PartContainer {
    return this.parts;
  }

  /** The parts of each existing vCPU. */
  vcpuParts(): Iterable<PartContainer> {
    return this.children;
  }

  create(bind: (binder: PartBinder) => void, where: string): VcpuParts {
    const recorder = new BindingRecorder('vcpu', where);
    bind(recorder);
    const vmm = this.records.filter((record) => record.scope === 'vmm');
    const records = [...vmm, ...recorder.finish(), ...this.ownRecords()];
    this.lastVcpu = validated(records, this.lastVcpu);
    const child = PartContainer.create('vcpu', this.lastVcpu.bindings, this.parts);
    this.children.add(child);
    return {
      get: (identifier) => child.get(identifier),
      getAll: (identifier) => child.getAll(identifier),
      [Symbol.dispose]: () => {
        this.children.delete(child);
        child[Symbol.dispose]();
      },
    };
  }

  bindModules(binder: PartBinder): void {
    (binder as BindingRecorder).replay(this.records.filter((record) => record.scope === 'vcpu'));
  }

  /** Disposes the remaining vCPUs, then the VMM's parts, last made first. */
  [Symbol.dispose](): void {
    for (const child of this.children) child[Symbol.dispose]();
    this.children.clear();
    this.parts[Symbol.dispose]();
  }

  private ownRecords(): readonly BindingRecord[] {
    return vmmModule(({ bind }) => bind(VcpuContainers).toConstantValue(this)).record('bareflank (vmm_container.ts)');
  }
}
