// SPDX-License-Identifier: LGPL-2.1-only
/* eslint-disable @typescript-eslint/no-unsafe-declaration-merging, @typescript-eslint/no-empty-object-type --
   the definitions give the class its properties; a test walks them all */
import { inject, optional } from 'inversify';
import type { ControlBitAccess } from '../../intrinsics/accessors/accessor_types.js';
import { CpuidAccessors } from '../../intrinsics/accessors/cpuid_accessors.js';
import type { VmcsAccessors } from '../../intrinsics/accessors/vmcs_accessors.js';
import { X64 } from '../../intrinsics/registers/paging.js';
import type { ControlWord } from '../../intrinsics/vmx/control_bits.js';
import { ControlRegisters } from '../../intrinsics/instructions/control_registers.js';
import { HostEntry, type ExitEntry } from '../../intrinsics/instructions/host_entry.js';
import { Msrs } from '../../intrinsics/instructions/msr.js';
import { Msr } from '../../intrinsics/registers/msr_definitions.js';
import { Efer } from '../../intrinsics/registers/registers.js';
import { Segments } from '../../intrinsics/instructions/segments.js';
import { controlWordOf, vmcsFieldLabel } from '../../intrinsics/vmcs/vmcs_field_details.js';
import { VmmMemory } from '../../intrinsics/instructions/vmm_memory.js';
import { Vmx } from '../../intrinsics/instructions/vmx.js';
import { nothingToWaitFor } from '../container/answers.js';
import { extension } from '../container/extension.js';
import { Ept } from '../ept/ept.js';
import { VmEntryError, VmxError } from '../errors.js';
import { MemoryManager } from '../memory_manager/memory_manager.js';
import { bfdebug, bferror, bfwarning } from '../output/output.js';
import { announces, type AnnouncedFeature } from '../processor_facts/announced_features.js';
import { defaultSizes, Sizes } from '../sizes.js';
import { derived, state } from '../state/state.js';
import { StateSave } from '../state_save/state_save.js';
import { withRollback } from '../support/rollback.js';
import { hex } from '../support/text.js';
import { readVmFailure, vmFailure } from '../support/vm_failure.js';
import { VcpuIdentity } from '../vcpu_identity.js';
import { accessFailure } from '../vmcs_fields/access_errors.js';
import { ControlWords } from '../vmcs_fields/control_words.js';
import { installVmcsAccessors } from '../vmcs_fields/install_vmcs_accessors.js';
import { VmcsWriteTrace } from '../vmcs_fields/vmcs_write_trace.js';
import { WriteLedger } from '../vmcs_fields/write_ledger.js';
import { methodsOf, writePlace } from '../vmcs_fields/write_place.js';
import { dumpVmcsState } from '../vmm_state/vmcs_state_dump.js';
import { GuestState, VmmState } from '../vmm_state/vmcs_state.js';
import { writeControl32BitFields, writeControlNaturalFields } from './control_fields.js';
import { driverContext } from './driver_context_fields.js';
import {
  writeGuest16BitFields,
  writeGuest32BitFields,
  writeGuest64BitFields,
  writeGuestNaturalFields,
} from './guest_fields.js';
import {
  writeHost16BitFields,
  writeHost32BitFields,
  writeHost64BitFields,
  writeHostNaturalFields,
} from './host_fields.js';
import { loadPromotedState, readPromotedState } from './promotion.js';
import type { Vmcs, VmcsSetUp } from './vmcs.js';
import { VmEntryExplainer } from './vm_entry_explainer.js';

const wordOf = (low: number, high: number): bigint => (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);

/**
 * The VMCS of a vCPU: access to its fields, set-up, launch, resume and promotion. Each group of fields and each word of controls has its own method,
 * which subclasses may override. Its values are in the file named after it.
 */
@extension()
export class VmcsIntelX64 implements Vmcs {
  @inject(VcpuIdentity) readonly vcpuid!: bigint;
  @inject(Vmx) protected readonly vmx!: Vmx;
  @inject(Msrs) protected readonly msrs!: Msrs;
  @inject(VmcsWriteTrace) @optional() protected readonly writeTrace: VmcsWriteTrace | undefined;
  @inject(GuestState) protected readonly guestState!: GuestState;
  @inject(VmmState) protected readonly vmmState!: VmmState;
  @inject(StateSave) protected readonly stateSave!: StateSave;
  @inject(CpuidAccessors) protected readonly cpuid!: CpuidAccessors;
  @inject(HostEntry) protected readonly hostEntry!: HostEntry;
  @inject(Ept) protected readonly ept!: Ept;
  @inject(MemoryManager) protected readonly manager!: MemoryManager;
  @inject(VmmMemory) protected readonly memory!: VmmMemory;
  @inject(ControlRegisters) protected readonly controlRegisters!: ControlRegisters;
  @inject(Segments) protected readonly segments!: Segments;
  @inject(VmEntryExplainer) protected readonly explainer!: VmEntryExplainer;
  @inject(Sizes) @optional() protected readonly sizes: Sizes = defaultSizes;
  /** Where the VMM last wrote each field, if writes are traced. */
  @state() protected readonly lastWrites = new Map<number, string>();
  /** Debug mode for this VMCS alone, regardless of `VmcsWriteTrace`. */
  @state() traceWrites = false;
  @state() private region = 0n;
  @state() private exitStack = 0n;
  /** Highest address of the stack that VM exits switch to. */
  @state() protected exitStackTop = 0n;
  /** The exit entry of the current launch. */
  @derived() protected entry!: ExitEntry;
  // Only during the further set-up of the VMCS.
  @derived() private ledger: WriteLedger | undefined;
  @derived() private readonly controlWords = new ControlWords(this, (address) => this.msrs.rdmsr(address));

  static {
    installVmcsAccessors(this.prototype);
  }

  launch(entry: ExitEntry, setUps: readonly VmcsSetUp[] = []): void {
    this.entry = entry;
    withRollback((rollback) => {
      rollback.onFailure(() => this.release());
      this.createRegion();
      this.createExitStack();
      this.clear();
      this.load();
      this.writeFields();
      this.setUpFurther(setUps);
      if (!this.vmx.vmlaunch()) throw this.entryFailed('VMLAUNCH');
    });
  }

  setUpFurther(setUps: readonly VmcsSetUp[]): void {
    const ledger = new WriteLedger(driverContext);
    this.ledger = ledger;
    try {
      for (const each of setUps) ledger.as(each.name, () => nothingToWaitFor(each.setUp(this), each, 'setUp'));
    } finally {
      this.ledger = undefined;
    }
  }

  attachEntry(entry: ExitEntry, processor?: number): void {
    this.entry = entry;
    if (processor !== undefined) this.hostEntry.attach(entry, processor);
  }

  resume(): void {
    if (!this.vmx.vmresume()) throw this.entryFailed('VMRESUME');
  }

  promote(): void {
    const rip = this.guestRip.get();
    const rsp = this.guestRsp.get();
    const rflags = this.guestRflags.get();
    const { controlRegisters, segments, msrs, memory } = this;
    loadPromotedState({ controlRegisters, segments, msrs, memory }, readPromotedState(this));
    if (!this.hostEntry.returnTo(rip, rsp, rflags)) {
      throw new VmxError(`promote: the processor did not go on at ${hex(rip)}`);
    }
  }

  load(): void {
    const physical = this.manager.virtualToPhysical(this.region);
    if (!this.vmx.vmptrld(physical)) throw vmFailure(this.vmx, `vcpu ${this.vcpuid}: VMPTRLD ${hex(physical)}`);
    this.hostEntry.attach(this.entry);
  }

  clear(): void {
    const physical = this.manager.virtualToPhysical(this.region);
    if (!this.vmx.vmclear(physical)) throw vmFailure(this.vmx, `vcpu ${this.vcpuid}: VMCLEAR ${hex(physical)}`);
  }

  release(): void {
    this.manager.free(this.region);
    this.manager.free(this.exitStack);
    this.region = 0n;
    this.exitStack = 0n;
  }

  exists(field: number): boolean {
    return this.controlWords.letExist(field);
  }

  read(field: number): bigint {
    const value = this.vmx.vmread(field);
    if (value !== undefined) return value;
    throw this.failure('VMREAD', field);
  }

  readIfExists(field: number, verbose = false): bigint {
    if (this.exists(field)) return this.read(field);
    if (verbose) bfwarning`${vmcsFieldLabel(field)} field doesn't exist`;
    return 0n;
  }

  write(field: number, value: bigint): void {
    this.note(field, value);
    if (!this.vmx.vmwrite(field, value)) throw this.failure('VMWRITE', field, value);
  }

  writeIfExists(field: number, value: bigint, verbose = false): void {
    if (this.exists(field)) this.write(field, value);
    else if (verbose) bfwarning`${vmcsFieldLabel(field)} field doesn't exist`;
  }

  change(field: number, mask: bigint, value: bigint): void {
    const old = this.read(field);
    this.ledger?.note(field, mask, value & mask);
    this.trace(field);
    const changed = (old & ~mask) | (value & mask);
    if (!this.vmx.vmwrite(field, changed)) throw this.failure('VMWRITE', field, changed);
  }

  lastWrittenAt(field: number): string | undefined {
    return this.lastWrites.get(field);
  }

  readLow(field: number): number {
    return this.vmx.vmreadLow(field);
  }

  readHigh(field: number): number {
    return this.vmx.vmreadHigh(field);
  }

  writeHalves(field: number, low: number, high: number): void {
    if (this.ledger !== undefined) return this.write(field, wordOf(low, high));
    if (!this.vmx.vmwriteHalves(field, low, high)) {
      throw this.failure('VMWRITE', field, wordOf(low, high));
    }
  }

  isEnabled(word: ControlWord, mask: number): boolean {
    return this.controlWords.isEnabled(word, mask);
  }

  isAllowed1(word: ControlWord, mask: number): boolean {
    return this.controlWords.isAllowed1(word, mask);
  }

  isAllowed0(word: ControlWord, mask: number): boolean {
    return this.controlWords.isAllowed0(word, mask);
  }

  enable(word: ControlWord, mask: number): void {
    this.controlWords.enable(word, mask);
  }

  disable(word: ControlWord, mask: number): void {
    this.controlWords.disable(word, mask);
  }

  enableIfAllowed(word: ControlWord, mask: number, verbose = false): boolean {
    return this.controlWords.enableIfAllowed(word, mask, verbose);
  }

  disableIfAllowed(word: ControlWord, mask: number, verbose = false): boolean {
    return this.controlWords.disableIfAllowed(word, mask, verbose);
  }

  asOwner(owner: string, body: () => void): void {
    if (this.ledger === undefined) body();
    else this.ledger.as(owner, body);
  }

  protected writeFields(): void {
    this.writeGuest16BitFields();
    this.writeGuest64BitFields();
    this.writeGuest32BitFields();
    this.writeGuestNaturalFields();
    this.writeControl16BitFields();
    this.writeControl64BitFields();
    this.writeControl32BitFields();
    this.writeControlNaturalFields();
    this.writeHost16BitFields();
    this.writeHost64BitFields();
    this.writeHost32BitFields();
    this.writeHostNaturalFields();
    this.writePinBasedControls();
    this.writePrimaryControls();
    this.writeSecondaryControls();
    this.writeExitControls();
    this.writeEntryControls();
  }

  protected writeGuest16BitFields(): void {
    writeGuest16BitFields(this, this.guestState);
  }

  protected writeGuest64BitFields(): void {
    writeGuest64BitFields(this, this.guestState);
  }

  protected writeGuest32BitFields(): void {
    writeGuest32BitFields(this, this.guestState);
  }

  protected writeGuestNaturalFields(): void {
    writeGuestNaturalFields(this, this.guestState);
  }

  protected writeControl16BitFields(): void {
    // Nothing by default: VPID, posted interrupts and EPTP switching are off.
  }

  protected writeControl64BitFields(): void {
    // Nothing by default: no bitmaps, no MSR areas, no TSC offset.
  }

  protected writeControl32BitFields(): void {
    writeControl32BitFields(this);
  }

  protected writeControlNaturalFields(): void {
    writeControlNaturalFields(this, this.guestState, this.msrs);
  }

  protected writeHost16BitFields(): void {
    writeHost16BitFields(this, this.vmmState);
  }

  protected writeHost64BitFields(): void {
    writeHost64BitFields(this, this.vmmState);
  }

  protected writeHost32BitFields(): void {
    writeHost32BitFields(this, this.vmmState);
  }

  protected writeHostNaturalFields(): void {
    const rip = this.hostEntry.attach(this.entry);
    writeHostNaturalFields(this, this.vmmState, { rip, rsp: this.exitStackTop, gsBase: this.stateSave.address });
  }

  protected writePinBasedControls(): void {
    this.writeDefaultControls('pin');
  }

  protected writePrimaryControls(): void {
    this.writeDefaultControls('primary');
    this.primaryProcessorBasedVmExecutionControls.activateSecondaryControls.enable();
  }

  protected writeSecondaryControls(): void {
    this.writeDefaultControls('secondary');
    const controls = this.secondaryProcessorBasedVmExecutionControls;
    this.keepFeature('rdtscp', controls.enableRdtscp);
    this.keepFeature('invpcid', controls.enableInvpcid);
    this.keepFeature('xsaves', controls.enableXsavesXrstors);
    this.enableUnrestrictedGuest();
  }

  /** Enables the control that keeps a feature for the guest. Warns if CPUID announces the feature and the guest loses it. */
  protected keepFeature(feature: AnnouncedFeature, control: ControlBitAccess): void {
    control.enableIfAllowed(announces(this.cpuid, feature));
  }

  /** With both, the guest may clear CR0.PE and CR0.PG, as a kernel does in its decompressor and when it starts other processors. */
  protected enableUnrestrictedGuest(): void {
    const { enableEpt, unrestrictedGuest } = this.secondaryProcessorBasedVmExecutionControls;
    if (!enableEpt.isAllowed1() || !unrestrictedGuest.isAllowed1()) return;
    if (!this.ept.isSupported()) return;
    this.ept.use(this);
    unrestrictedGuest.enable();
  }

  protected writeExitControls(): void {
    this.writeDefaultControls('exit');
    const controls = this.vmExitControls;
    controls.saveDebugControls.enable();
    controls.hostAddressSpaceSize.enable();
    controls.saveIa32Pat.enable();
    controls.loadIa32Pat.enable();
    controls.saveIa32Efer.enable();
    controls.loadIa32Efer.enable();
    this.keepFeature('perfGlobalCtrl', controls.loadIa32PerfGlobalCtrl);
  }

  protected writeEntryControls(): void {
    this.writeDefaultControls('entry');
    const controls = this.vmEntryControls;
    controls.loadDebugControls.enable();
    if ((this.guestState.ia32Efer & BigInt(Efer.Lma)) !== 0n) controls.ia32eModeGuest.enable();
    controls.loadIa32Pat.enable();
    controls.loadIa32Efer.enable();
    this.keepFeature('perfGlobalCtrl', controls.loadIa32PerfGlobalCtrl);
  }

  /** Starts a word of controls: what must be 1 is 1, all else 0. */
  protected writeDefaultControls(word: ControlWord): void {
    this.controlWords.writeDefault(word);
  }

  /** A whole word of controls that a set-up writes counts for the bits that it changes. */
  private note(field: number, value: bigint): void {
    this.trace(field);
    if (this.ledger === undefined) return;
    const mask = controlWordOf(field) !== undefined ? this.read(field) ^ value : 0xffffffffffffffffn;
    this.ledger.note(field, mask, value);
  }

  private trace(field: number): void {
    if (this.traceWrites || this.writeTrace?.enabled === true) this.lastWrites.set(field, writePlace(accessMethods));
  }

  private failure(instruction: 'VMREAD' | 'VMWRITE', field: number, value?: bigint): Error {
    const what = `vcpu ${this.vcpuid}: ${instruction}`;
    return accessFailure(this.vmx, (each) => this.exists(each), { what, field, value });
  }

  private createRegion(): void {
    this.region = this.manager.alloc(X64.pageSize, 'structure');
    this.memory.write32(this.region, Number(this.msrs.rdmsr(Msr.Ia32VmxBasic) & 0x7fffffffn));
  }

  private createExitStack(): void {
    this.exitStack = this.manager.alloc(this.sizes.exitStack, 'structure');
    this.exitStackTop = this.exitStack + BigInt(this.sizes.exitStack);
  }

  /** The error of a failed entry: its number, and every rule that the VMCS breaks. */
  private entryFailed(instruction: 'VMLAUNCH' | 'VMRESUME'): VmEntryError {
    const { reason } = readVmFailure(this.vmx);
    const failures = this.explainer.explain(instruction === 'VMLAUNCH', (field) => this.lastWrittenAt(field));
    const summary = `${instruction} failed: ${reason}. ${failures.text}`;
    // Before the dumps, which are some 300 lines.
    bferror`${summary}`;
    bfdebug`${this.explainer.dump()}`;
    bfdebug`${dumpVmcsState('guest state', this.guestState)}`;
    bfdebug`${dumpVmcsState('vmm state', this.vmmState)}`;
    return new VmEntryError(summary, failures.names);
  }
}

/** Its properties: the definitions make them. */
export interface VmcsIntelX64 extends VmcsAccessors {}

/** The methods that write a field. Those that call others come before them. */
const accessMethods = methodsOf(
  VmcsIntelX64.prototype,
  'enableIfAllowed',
  'disableIfAllowed',
  'enable',
  'disable',
  'writeIfExists',
  'writeHalves',
  'change',
  'write',
);
