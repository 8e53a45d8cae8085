// SPDX-License-Identifier: LGPL-2.1-only
import { inject, injectable } from 'inversify';
import { InveptType } from '../../intrinsics/constants.js';
import { SecondaryControl } from '../../intrinsics/control_bits.js';
import { Msrs } from '../../intrinsics/msr.js';
import { EptCapability, Msr } from '../../intrinsics/msr_definitions.js';
import { MemoryType } from '../../intrinsics/registers.js';
import { VmcsField } from '../../intrinsics/vmcs_fields.js';
import { VmmMemory } from '../../intrinsics/vmm_memory.js';
import { Vmx } from '../../intrinsics/vmx.js';
import { MemoryManager } from '../memory_manager/memory_manager.js';
import type { PageTables } from '../memory_manager/page_tables.js';
import type { Vmcs } from '../vmcs/vmcs.js';
import type { Ept, EptView } from './ept.js';
import { buildIdentityEpt, eptPointer } from './ept_map.js';
import { EptViewIntelX64 } from './ept_view_intel_x64.js';

/** The base map and its views, all in the VMM's page pool. */
@injectable()
export class EptIntelX64 implements Ept {
  @inject(MemoryManager) protected readonly manager!: MemoryManager;
  @inject(VmmMemory) protected readonly memory!: VmmMemory;
  @inject(Msrs) protected readonly msrs!: Msrs;
  @inject(Vmx) protected readonly vmx!: Vmx;
  private base: PageTables | undefined;
  private readonly views = new Map<string, EptView>();
  // Before a view was ever used no processor can hold translations of it, and INVEPT may not even be possible yet.
  private readonly used = new Set<bigint>();

  isSupported(): boolean {
    const wanted =
      EptCapability.PageWalkLengthOf4 |
      EptCapability.MemoryTypeWriteBackSupported |
      EptCapability.Pde2mbSupport |
      EptCapability.Pdpte1gbSupport;
    return (Number(this.msrs.rdmsr(Msr.Ia32VmxEptVpidCap) & 0xffffffffn) & wanted) === wanted;
  }

  pointer(): bigint {
    this.base ??= this.build();
    return eptPointer(this.manager, this.base);
  }

  view(name: string): EptView {
    const known = this.views.get(name);
    if (known !== undefined) return known;
    const made = new EptViewIntelX64(
      name,
      this.build(),
      this.manager,
      (physical) => this.memoryTypeOf(physical),
      (pointer) => this.invalidate(pointer),
    );
    this.views.set(name, made);
    return made;
  }

  use(vmcs: Pick<Vmcs, 'write' | 'enable'>, view?: EptView): void {
    const pointer = view?.pointer ?? this.pointer();
    this.used.add(pointer);
    vmcs.write(VmcsField.EptPointer, pointer);
    vmcs.enable('secondary', SecondaryControl.EnableEpt);
  }

  /** The memory type of a page of the map. Write-back throughout: the guest's own PAT makes device memory uncacheable. */
  protected memoryTypeOf(_physical: bigint): number {
    return MemoryType.WriteBack;
  }

  private build(): PageTables {
    return buildIdentityEpt(this.manager, this.memory, (physical) => this.memoryTypeOf(physical));
  }

  private invalidate(pointer: bigint): void {
    if (this.used.has(pointer)) this.vmx.invept(InveptType.singleContext, pointer);
  }
}
