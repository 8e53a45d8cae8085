// SPDX-License-Identifier: LGPL-2.1-only
import { unsignedBits } from '../support/unsigned_bits.js';
import { inject, injectable } from 'inversify';
import { InveptType, Vmx } from '../../intrinsics/instructions/vmx.js';
import { SecondaryControl } from '../../intrinsics/vmx/control_bits.js';
import { Msrs } from '../../intrinsics/instructions/msr.js';
import { EptCapability, Msr } from '../../intrinsics/registers/msr_definitions.js';
import { MemoryType } from '../../intrinsics/registers/registers.js';
import { Processor, Processors } from '../../intrinsics/instructions/processor.js';
import { VmcsField } from '../../intrinsics/vmcs/vmcs_fields.js';
import { VmmMemory } from '../../intrinsics/instructions/vmm_memory.js';
import { VmcsError } from '../errors.js';
import { MemoryManager } from '../memory_manager/memory_manager.js';
import type { PageTables } from '../memory_manager/page_tables.js';
import type { Request, Requester } from '../requests/request.js';
import { RequestOwner } from '../requests/request_owner.js';
import { derived, state, type Attachable } from '../state/state.js';
import { invept } from './invalidation.js';
import type { Ept, EptView, EptVmcs } from './ept.js';
import { EptCombination } from './ept_combination.js';
import {
  baseEntry,
  buildBaseEpt,
  emptyEpt,
  eptAt,
  eptPointer,
  isOwnMemory,
  mappedBytes,
  pointerTo,
  type EptBase,
  type EptLeaf,
} from './ept_map.js';
import { EptViewIntelX64, type EptViewOwner } from './ept_view_intel_x64.js';

const addressBits = ~0xfffn;

/** A view as data. It has its own tables. */
interface ViewRecord {
  /** Its place among the views. */
  readonly id: number;
  readonly name: string;
  readonly begin: 'base' | 'nothing';
  /** VMM-virtual address of its root table. */
  readonly root: bigint;
}

/** A combination as data. */
interface CombinationRecord {
  /** In the order of their names. */
  readonly views: readonly number[];
  readonly root: bigint;
}

/** A vCPU uses a view, or an allocation is shared. */
type EptKey =
  | { readonly kind: 'view'; readonly vcpu: bigint; readonly view: number }
  | { readonly kind: 'page'; readonly page: bigint };

/** The base map, its views and their combinations, all in the VMM's page pool. */
@injectable()
export class EptIntelX64 extends RequestOwner<EptKey> implements Ept, Attachable {
  @inject(MemoryManager) protected readonly manager!: MemoryManager;
  @inject(VmmMemory) protected readonly memory!: VmmMemory;
  @inject(Msrs) protected readonly msrs!: Msrs;
  @inject(Vmx) protected readonly vmx!: Vmx;
  @inject(Processor) protected readonly processor!: Processor;
  @inject(Processors) protected readonly processors!: Processors;
  readonly owner = 'Ept';
  /** VMM-virtual address of the base map's root table; 0: not built yet. */
  @state() private baseRoot = 0n;
  @state() private readonly viewRecords: ViewRecord[] = [];
  @state() private combinationRecords: CombinationRecord[] = [];
  /** Ids of the vCPUs that are launched with EPT. */
  @state() private readonly running = new Set<bigint>();
  /** Which vCPU has used which pointer, as `usage` makes it of the two. Until then the vCPU's processor cannot hold translations of the pointer. */
  @state() private readonly used = new Set<bigint>();
  /** How often tables that vCPUs use have changed. */
  @state() private generation = 0;
  /** By the id of the vCPU: the generation whose translations its processor has dropped. */
  @state() private readonly seen = new Map<bigint, number>();
  /** By id. */
  @derived() private views: EptViewIntelX64[] = [];
  /** By the ids of their views. */
  @derived() private combinations = new Map<string, EptCombination>();
  /** By the id of the vCPU. */
  @derived() private vmcses = new Map<bigint, EptVmcs>();

  attach(): void {
    this.vmcses = new Map();
    this.views = this.viewRecords.map((record) => this.viewOfRecord(record));
    this.combinations = new Map(
      this.combinationRecords.map(({ views, root }) => [keyOf(views), this.combinationOfViews(views, root)]),
    );
  }

  catchUp(): void {
    const own = BigInt(this.processor.id());
    if (!this.running.has(own) || this.seen.get(own) === this.generation) return;
    this.seen.set(own, this.generation);
    for (const key of this.used) if (vcpuOf(key) === own) this.invept(pointerIn(key));
  }

  attachVcpu(vmcs: EptVmcs): void {
    this.vmcses.set(vmcs.vcpuid, vmcs);
  }

  forgetVcpu({ vcpuid }: EptVmcs): void {
    for (const [id, { key }] of this.records) if (key.kind === 'view' && key.vcpu === vcpuid) this.records.delete(id);
    this.running.delete(vcpuid);
    this.vmcses.delete(vcpuid);
  }

  isSupported(): boolean {
    const wanted =
      EptCapability.PageWalkLengthOf4 |
      EptCapability.MemoryTypeWriteBackSupported |
      EptCapability.Pde2mbSupport |
      EptCapability.Pdpte1gbSupport;
    return (this.capability() & wanted) === wanted;
  }

  pointer(): bigint {
    if (this.baseRoot === 0n) this.baseRoot = this.build().root;
    return pointerTo(this.manager, this.baseRoot);
  }

  excludes(physical: bigint, bytes: bigint): boolean {
    return physical < 0n || physical + bytes > mappedBytes || isOwnMemory(this.manager, physical, bytes);
  }

  share(by: Requester, page: bigint): Request {
    return this.ask(by, { kind: 'page', page });
  }

  view(name: string, begin: 'base' | 'nothing' = 'base'): EptView {
    const known = this.viewRecords.find((record) => record.name === name);
    if (known === undefined) return this.makeView(name, begin);
    if (known.begin === begin) return this.views[known.id]!;
    throw new VmcsError(
      `EPT view '${name}' is asked for with ${begin} at first, but it was made with ${known.begin}: give yours another name`,
    );
  }

  viewOf(pointer: bigint): EptView | undefined {
    return this.views.find((view) => ((view.pointer ^ pointer) & addressBits) === 0n);
  }

  use(vmcs: EptVmcs): void {
    this.attachVcpu(vmcs);
    this.choose(vmcs.vcpuid);
  }

  enter(by: Requester, vmcs: EptVmcs, view: EptView): Request {
    if (this.views[view.id] !== view) throw new VmcsError(`EPT view '${view.name}' was not made by \`Ept.view\``);
    this.attachVcpu(vmcs);
    return this.ask(by, { kind: 'view', vcpu: vmcs.vcpuid, view: view.id });
  }

  stop({ vcpuid }: EptVmcs): void {
    if (!this.running.delete(vcpuid)) return;
    // INVEPT is not defined outside VMX operation. Translations that survive the end of VMX operation are dropped at the next use.
    for (const key of this.used) if (vcpuOf(key) === vcpuid) this.used.delete(key);
    this.seen.delete(vcpuid);
  }

  disable(vmcs: EptVmcs): void {
    if (vmcs.isEnabled('secondary', SecondaryControl.UnrestrictedGuest)) {
      throw new VmcsError(
        'EPT cannot be disabled while unrestricted guest is enabled. SDM 3C "VM-Execution Control Fields": it needs EPT. Disable unrestricted guest first',
      );
    }
    const names = this.enteredBy(vmcs.vcpuid).map((id) => this.views[id]!.name);
    if (names.length > 0) throw new VmcsError(`EPT cannot be disabled while views are in use: ${names.join(', ')}`);
    if (!vmcs.isEnabled('secondary', SecondaryControl.EnableEpt)) return;
    vmcs.asOwner(this.owner, () => {
      // The field exists, and may be written, whether or not the control is 1.
      vmcs.write(VmcsField.EptPointer, 0n);
      vmcs.disable('secondary', SecondaryControl.EnableEpt);
    });
    this.invalidate(this.pointer());
  }

  protected requested(key: EptKey): void {
    if (key.kind === 'page') this.manager.share(key.page);
    else this.choose(key.vcpu);
  }

  protected released(key: EptKey): void {
    if (key.kind === 'page') this.unshare(key.page);
    else if (this.running.has(key.vcpu)) this.choose(key.vcpu);
  }

  /** A shared page is one of all vCPUs: the first release ends it. */
  protected override isOf(key: EptKey, vcpuid: bigint): boolean {
    return key.kind === 'page' || key.vcpu === vcpuid;
  }

  /** The memory type of a page of the map. Write-back throughout: the guest's own PAT makes device memory uncacheable. */
  protected memoryTypeOf(_physical: bigint): number {
    return MemoryType.WriteBack;
  }

  /** Ids of the views that a vCPU has entered, in the order of their names, each once. */
  private enteredBy(vcpu: bigint): number[] {
    const ids = new Set<number>();
    for (const { key } of this.records.values()) if (key.kind === 'view' && key.vcpu === vcpu) ids.add(key.view);
    const nameOf = (id: number): string => this.views[id]!.name;
    return [...ids].sort((one, other) => (nameOf(one) < nameOf(other) ? -1 : 1));
  }

  private choose(vcpu: bigint): void {
    const pointer = this.pointerOf(this.enteredBy(vcpu));
    const vmcs = this.vmcses.get(vcpu)!;
    this.running.add(vcpu);
    if (!this.seen.has(vcpu)) this.seen.set(vcpu, this.generation);
    // An earlier VMM may have had other tables at this place.
    const key = usage(vcpu, pointer);
    if (!this.used.has(key)) this.invept(pointer);
    this.used.add(key);
    vmcs.asOwner(this.owner, () => {
      vmcs.write(VmcsField.EptPointer, pointer);
      vmcs.enable('secondary', SecondaryControl.EnableEpt);
    });
  }

  private pointerOf(views: readonly number[]): bigint {
    if (views.length === 0) return this.pointer();
    if (views.length === 1) return this.views[views[0]!]!.pointer;
    return eptPointer(this.manager, this.combined(views).tables);
  }

  private makeView(name: string, begin: 'base' | 'nothing'): EptView {
    const tables = begin === 'base' ? this.build() : emptyEpt(this.manager, this.memory);
    const record = { id: this.viewRecords.length, name, begin, root: tables.root };
    this.viewRecords.push(record);
    const view = this.viewOfRecord(record);
    this.views.push(view);
    return view;
  }

  private viewOfRecord({ id, name, begin, root }: ViewRecord): EptViewIntelX64 {
    return new EptViewIntelX64(id, name, begin, eptAt(this.manager, this.memory, root), this.ownerOfViews());
  }

  /** The combination of more than one view, made at the first use. */
  private combined(views: readonly number[]): EptCombination {
    return this.combinations.get(keyOf(views)) ?? this.combine(views);
  }

  private combine(views: readonly number[]): EptCombination {
    const { root } = emptyEpt(this.manager, this.memory);
    const combination = this.combinationOfViews(views, root);
    try {
      combination.build();
    } catch (error) {
      this.free(combination.tables);
      throw error;
    }
    this.combinationRecords.push({ views, root });
    this.combinations.set(keyOf(views), combination);
    return combination;
  }

  private combinationOfViews(views: readonly number[], root: bigint): EptCombination {
    return new EptCombination(
      views.map((id) => this.views[id]!),
      eptAt(this.manager, this.memory, root),
    );
  }

  private forgetCombination(key: string, { tables }: EptCombination): void {
    this.combinations.delete(key);
    this.combinationRecords = this.combinationRecords.filter(({ root }) => root !== tables.root);
    this.free(tables);
  }

  private free(tables: PageTables): void {
    // The next user of this pointer must not see its cached translations.
    const pointer = eptPointer(this.manager, tables);
    for (const key of this.used) if (pointerIn(key) === pointer) this.used.delete(key);
    for (const { virtual } of tables.pages()) this.manager.free(virtual);
  }

  /** The views go first: at no time does one lead to memory that is not shared. */
  private unshare(page: bigint): void {
    if (this.manager.timesShared(page) === 1) {
      const physical = this.manager.virtualToPhysical(page);
      const bytes = BigInt(this.manager.size(page));
      for (const view of this.views) view.leave(physical, bytes);
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
      baseEntry: (page, bytes) => (page < mappedBytes ? baseEntry(this.origin, page, bytes) : undefined),
      checkRedirection: (view, leaf) => this.checkRedirection(view, leaf),
      changed: (view, start, bytes) => this.changed(view, start, bytes),
    };
  }

  /** Frees a combination that nobody uses. */
  private checkRedirection(view: EptViewIntelX64, leaf: EptLeaf): void {
    for (const [key, combination] of this.combinations) {
      const conflict = combination.views.includes(view) ? combination.redirectionConflict(view, leaf) : undefined;
      if (conflict === undefined) continue;
      if (this.isUsed(key)) throw conflict;
      this.forgetCombination(key, combination);
    }
  }

  private isUsed(combination: string): boolean {
    return [...this.running].some((vcpu) => keyOf(this.enteredBy(vcpu)) === combination);
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

  /** The tables of a pointer have changed: drops its translations, on the executing processor now and on others before they go on with a guest. */
  private invalidate(pointer: bigint): void {
    if (![...this.used].some((key) => pointerIn(key) === pointer)) return;
    const own = BigInt(this.processor.id());
    const isCurrent = this.seen.get(own) === this.generation;
    this.generation++;
    if (isCurrent) {
      if (this.used.has(usage(own, pointer))) this.invept(pointer);
      this.seen.set(own, this.generation);
    } else this.catchUp();
    if ([...this.running].some((vcpu) => vcpu !== own)) this.processors.interruptOthers();
  }

  private invept(pointer: bigint): void {
    const isSingle = (this.capability() & EptCapability.InveptSingleContextSupport) !== 0;
    const type = isSingle ? InveptType.singleContext : InveptType.global;
    invept(this.vmx, type, pointer);
  }

  /** Bits 31:0 of IA32_VMX_EPT_VPID_CAP. */
  private capability(): number {
    return Number(this.msrs.rdmsr(Msr.Ia32VmxEptVpidCap) & 0xffffffffn) | 0;
  }
}

/** A vCPU and a pointer that it has used, as one number. A pointer has 64 bits. */
function usage(vcpu: bigint, pointer: bigint): bigint {
  return (vcpu << 64n) | pointer;
}
function vcpuOf(key: bigint): bigint {
  return key >> 64n;
}
function pointerIn(key: bigint): bigint {
  return unsignedBits(64, key);
}

/** The key of a combination. */
function keyOf(views: readonly number[]): string {
  return views.join(' ');
}
