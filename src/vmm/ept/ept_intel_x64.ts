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
import { VmcsError } from '../errors.js';
import { MemoryManager } from '../memory_manager/memory_manager.js';
import type { PageTables } from '../memory_manager/page_tables.js';
import type { Request } from '../owners/request.js';
import { hex } from '../support/text.js';
import type { Ept, EptView, EptVmcs } from './ept.js';
import { EptCombination } from './ept_combination.js';
import {
  baseEntry,
  buildBaseEpt,
  emptyEpt,
  eptPointer,
  isOwnMemory,
  mappedBytes,
  type EptBase,
  type EptLeaf,
} from './ept_map.js';
import { EptViewIntelX64, type EptViewOwner } from './ept_view_intel_x64.js';

const addressBits = ~0xfffn;
const page4k = 0x1000n;

/** The base map, its views and their combinations, all in the VMM's page pool. */
@injectable()
export class EptIntelX64 implements Ept {
  @inject(MemoryManager) protected readonly manager!: MemoryManager;
  @inject(VmmMemory) protected readonly memory!: VmmMemory;
  @inject(Msrs) protected readonly msrs!: Msrs;
  @inject(Vmx) protected readonly vmx!: Vmx;
  private base: PageTables | undefined;
  private readonly views = new Map<string, { readonly view: EptViewIntelX64; readonly begin: 'base' | 'nothing' }>();
  /** By the names of their views. */
  private readonly combinations = new Map<string, EptCombination>();
  /** What each vCPU has entered, one entry a request. */
  private readonly entered = new WeakMap<EptVmcs, readonly EptViewIntelX64[]>();
  /** Those that are launched with EPT. */
  private readonly running = new Set<EptVmcs>();
  // Before a pointer was ever used no processor can hold translations of it.
  private readonly used = new Set<bigint>();

  isSupported(): boolean {
    const wanted =
      EptCapability.PageWalkLengthOf4 |
      EptCapability.MemoryTypeWriteBackSupported |
      EptCapability.Pde2mbSupport |
      EptCapability.Pdpte1gbSupport;
    return (this.capability() & wanted) === wanted;
  }

  pointer(): bigint {
    this.base ??= this.build();
    return eptPointer(this.manager, this.base);
  }

  excludes(physical: bigint, bytes: bigint): boolean {
    return physical < 0n || physical + bytes > mappedBytes || isOwnMemory(this.manager, physical, bytes);
  }

  share(page: bigint): Request {
    this.manager.share(page);
    let shared = true;
    return {
      [Symbol.dispose]: () => {
        if (!shared) return;
        shared = false;
        this.unshare(page);
      },
    };
  }

  view(name: string, begin: 'base' | 'nothing' = 'base'): EptView {
    const known = this.views.get(name);
    if (known === undefined) {
      const tables = begin === 'base' ? this.build() : emptyEpt(this.manager, this.memory);
      const view = new EptViewIntelX64(name, tables, this.ownerOfViews());
      this.views.set(name, { view, begin });
      return view;
    }
    if (known.begin === begin) return known.view;
    throw new VmcsError(
      `EPT view '${name}' is wanted with ${begin} at first, but somebody made it with ${known.begin}: give yours another name`,
    );
  }

  viewOf(pointer: bigint): EptView | undefined {
    for (const { view } of this.views.values()) if (((view.pointer ^ pointer) & addressBits) === 0n) return view;
    return undefined;
  }

  use(vmcs: EptVmcs): void {
    this.choose(vmcs, this.enteredBy(vmcs));
  }

  enter(vmcs: EptVmcs, view: EptView): Request {
    const known = this.views.get(view.name)?.view;
    if (known !== view) throw new VmcsError(`EPT view '${view.name}' is none that \`Ept.view\` made`);
    this.choose(vmcs, [...this.enteredBy(vmcs), known]);
    let left = false;
    return {
      [Symbol.dispose]: () => {
        if (left) return;
        left = true;
        const others = [...this.enteredBy(vmcs)];
        others.splice(others.indexOf(known), 1);
        if (this.running.has(vmcs)) this.choose(vmcs, others);
        else this.entered.set(vmcs, others);
      },
    };
  }

  stop(vmcs: EptVmcs): void {
    if (!this.running.delete(vmcs)) return;
    this.countUser(this.enteredBy(vmcs), -1);
    // INVEPT is undefined outside VMX operation, and what is cached over its end is dropped at the next use.
    if (this.running.size === 0) this.used.clear();
  }

  disable(vmcs: EptVmcs): void {
    if (vmcs.isEnabled('secondary', SecondaryControl.UnrestrictedGuest)) {
      throw new VmcsError(
        'EPT cannot be disabled while unrestricted guest is enabled. SDM 3C "VM-Execution Control Fields": it takes EPT. Disable that first',
      );
    }
    const names = namesOf(this.enteredBy(vmcs));
    if (names.length > 0) throw new VmcsError(`EPT cannot be disabled while views are in use: ${names.join(', ')}`);
    if (!vmcs.isEnabled('secondary', SecondaryControl.EnableEpt)) return;
    vmcs.asOwner('Ept', () => {
      // The field exists, and may be written, whether or not the control is 1.
      vmcs.write(VmcsField.EptPointer, 0n);
      vmcs.disable('secondary', SecondaryControl.EnableEpt);
    });
    this.invalidate(this.pointer());
  }

  /** The memory type of a page of the map. Write-back throughout: the guest's own PAT makes device memory uncacheable. */
  protected memoryTypeOf(_physical: bigint): number {
    return MemoryType.WriteBack;
  }

  private enteredBy(vmcs: EptVmcs): readonly EptViewIntelX64[] {
    return this.entered.get(vmcs) ?? [];
  }

  private choose(vmcs: EptVmcs, views: readonly EptViewIntelX64[]): void {
    const pointer = this.pointerOf(views);
    if (this.running.has(vmcs)) this.countUser(this.enteredBy(vmcs), -1);
    this.countUser(views, 1);
    this.running.add(vmcs);
    this.entered.set(vmcs, views);
    // An earlier VMM may have had other tables at this place.
    if (!this.used.has(pointer)) this.invept(pointer);
    this.used.add(pointer);
    vmcs.asOwner('Ept', () => {
      vmcs.write(VmcsField.EptPointer, pointer);
      vmcs.enable('secondary', SecondaryControl.EnableEpt);
    });
  }

  private countUser(views: readonly EptViewIntelX64[], difference: number): void {
    const combination = this.combinationOf(views);
    if (combination !== undefined) combination.users += difference;
  }

  private pointerOf(views: readonly EptViewIntelX64[]): bigint {
    const combination = this.combinationOf(views);
    if (combination !== undefined) return eptPointer(this.manager, combination.tables);
    return views[0]?.pointer ?? this.pointer();
  }

  /** The combination of more than one view, made when it is first asked for. */
  private combinationOf(views: readonly EptViewIntelX64[]): EptCombination | undefined {
    const names = namesOf(views);
    if (names.length < 2) return undefined;
    const key = JSON.stringify(names);
    const combination = this.combinations.get(key) ?? this.combine(names);
    this.combinations.set(key, combination);
    return combination;
  }

  private combine(names: readonly string[]): EptCombination {
    const tables = emptyEpt(this.manager, this.memory);
    const combination = new EptCombination(
      names.map((name) => this.views.get(name)!.view),
      tables,
    );
    try {
      combination.build();
    } catch (error) {
      this.release(tables);
      throw error;
    }
    return combination;
  }

  private release(tables: PageTables): void {
    // Whoever gets this pointer next must not see what is cached of it.
    this.used.delete(eptPointer(this.manager, tables));
    for (const { virtual } of tables.pages()) this.manager.free(virtual);
  }

  /** The views go first: at no time does one lead to memory that is not shared. */
  private unshare(page: bigint): void {
    if (this.manager.timesShared(page) === 1) {
      const physical = this.manager.virtualToPhysical(page);
      const bytes = BigInt(this.manager.size(page));
      for (const { view, begin } of this.views.values()) view.leave(physical, bytes, begin);
    }
    this.manager.unshare(page);
  }

  private ownerOfViews(): EptViewOwner {
    return {
      manager: this.manager,
      memoryTypeOf: (physical) => this.memoryTypeOf(physical),
      isExecuteOnlySupported: () => (this.capability() & EptCapability.ExecuteOnlyTranslation) !== 0,
      excludes: (physical, bytes) => this.excludes(physical, bytes),
      mayLeadTo: (physical, bytes) => !this.excludes(physical, bytes) || this.manager.isShared(physical, bytes),
      baseEntry: (page) => (page < mappedBytes ? baseEntry(this.origin, page, page4k)! : 0n),
      checkRedirection: (view, leaf) => this.checkRedirection(view, leaf),
      changed: (view, start, bytes) => this.changed(view, start, bytes),
    };
  }

  /** A combination that nobody uses gives way. */
  private checkRedirection(view: EptViewIntelX64, leaf: EptLeaf): void {
    for (const [key, combination] of this.combinations) {
      const conflict = combination.views.includes(view) ? combination.redirectionConflict(view, leaf) : undefined;
      if (conflict === undefined) continue;
      if (combination.users > 0) throw conflict;
      this.combinations.delete(key);
      this.release(combination.tables);
    }
  }

  private changed(view: EptViewIntelX64, start: bigint, bytes: bigint): void {
    for (const combination of this.combinations.values()) {
      if (!combination.views.includes(view)) continue;
      combination.update(start, bytes);
      this.invalidate(eptPointer(this.manager, combination.tables));
    }
    this.invalidate(view.pointer);
  }

  private build(): PageTables {
    return buildBaseEpt(this.origin);
  }

  private get origin(): EptBase {
    const { manager, memory } = this;
    return { manager, memory, memoryTypeOf: (physical) => this.memoryTypeOf(physical) };
  }

  private invalidate(pointer: bigint): void {
    if (this.used.has(pointer)) this.invept(pointer);
  }

  private invept(pointer: bigint): void {
    const isSingle = (this.capability() & EptCapability.InveptSingleContextSupport) !== 0;
    const type = isSingle ? InveptType.singleContext : InveptType.global;
    if (!this.vmx.invept(type, pointer)) {
      throw new VmcsError(`INVEPT of type ${type} failed for the EPT pointer ${hex(pointer)}. SDM 3C "INVEPT"`);
    }
  }

  /** Bits 31:0 of IA32_VMX_EPT_VPID_CAP. */
  private capability(): number {
    return Number(this.msrs.rdmsr(Msr.Ia32VmxEptVpidCap) & 0xffffffffn) | 0;
  }
}

/** The names, sorted, each once. */
function namesOf(views: readonly EptViewIntelX64[]): string[] {
  return [...new Set(views.map(({ name }) => name))].sort();
}
