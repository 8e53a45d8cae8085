// SPDX-License-Identifier: LGPL-2.1-only
import type { FeatureSource } from '../../intrinsics/contents/msr_contents.js';
import type { EntryRule } from '../../intrinsics/rules/entry_rule.js';
import { entryRules } from '../../intrinsics/rules/entry_rules.js';
import { lowHalf } from '../processor/halves.js';
import { Constants } from '../layout/core_constants.js';
import { modelFeatures } from '../models/model_features.js';
import { skylakeClient } from '../models/skylake_client.js';
import type { Capability } from './allowed_controls.js';
import { vmxCapabilities, type CapabilityOptions } from './capabilities.js';
import { EntryChecks } from './entry/entry_checks.js';
import { VmEntry } from './entry/vm_entry.js';
import { VmExit, type VmxAbort } from './exit/vm_exit.js';
import { VmInstructions } from './instructions/vm_instructions.js';
import { RuleInputs } from './entry/rule_inputs.js';
import { Vmcs } from './vmcs/vmcs.js';
import { VmcsEntryReader } from './entry/vmcs_entry_reader.js';
import type { MemoryWriter } from '../memory/memory_writer.js';
import { VmxArea, type VmxAreaState } from './vmcs/vmx_area.js';
import type { VmxCore } from './vmx_core.js';
import { VmxMode } from './vmx_mode.js';
import type { VmxOperation } from './vmx_operation.js';
import { Owner, VmxState } from './vmx_state.js';
import { VmxStatus } from './instructions/vmx_status.js';
import { Word } from './words.js';

const { exitPending: exitPendingWord, owner: ownerWord } = Word;

/** Facts about the processor model that the engine needs. */
export interface VmxEngineOptions extends CapabilityOptions {
  /** The VM-entry rules in order of their breach: control, host, guest; all of the SDM's by default. */
  readonly rules?: readonly EntryRule[];
  /** What the processor announces. The default is the default model's. */
  readonly features?: FeatureSource;
}

/**
 * VMX of one logical processor: one engine and one VMCS, whether the hypervisor is TypeScript (`Owner.JavaScript`) or x86 code in the
 * machine (`Owner.Code`). SDM 3C "Introduction to Virtual Machine Extensions" and after.
 */
export class VmxEngine implements VmxOperation {
  /** The current VMCS. */
  readonly vmcs: Vmcs;
  readonly instructions: VmInstructions;
  readonly state: VmxState;
  readonly capabilities: readonly Capability[];
  readonly checks: EntryChecks;
  /** What the rules read; the explainer asks it too. */
  readonly reader: VmcsEntryReader;
  private readonly entry: VmEntry;
  private readonly exit: VmExit;
  private readonly area: VmxArea;

  constructor(
    readonly core: VmxCore,
    options: VmxEngineOptions,
  ) {
    const area = new VmxArea(core.u32.buffer, core.block.id);
    this.area = area;
    this.vmcs = new Vmcs(area, new Int32Array(core.u32.buffer));
    this.instructions = new VmInstructions(this, this.vmcs);
    this.capabilities = vmxCapabilities(options);
    this.state = new VmxState(core, this.vmcs);
    const features = options.features ?? modelFeatures(skylakeClient);
    this.reader = new VmcsEntryReader(this.state, this.capabilities, new RuleInputs(area), features);
    this.checks = new EntryChecks(this.vmcs, this.reader, options.rules ?? entryRules, area);
    this.exit = new VmExit(this.state);
    this.entry = new VmEntry(this.state, this.instructions, this.checks, this.reader, this.exit);
  }

  /** A VM exit waits for the exit entry in JavaScript. */
  get exitPending(): boolean {
    return this.state.words[exitPendingWord] !== 0;
  }
  set exitPending(value: boolean) {
    this.state.words[exitPendingWord] = value ? 1 : 0;
  }

  /** Whether the processor runs a guest. */
  get nonRoot(): boolean {
    return this.state.nonRoot;
  }

  /** VMLAUNCH, VMRESUME. After `Transferred` from JavaScript the caller returns at once; `exitPending` is true if the entry failed late. */
  enter(isLaunch: boolean, owner: Owner): VmxStatus {
    const status = this.entry.enter(isLaunch, owner);
    if (status === VmxStatus.Transferred && !this.state.nonRoot && owner === Owner.JavaScript) this.exitPending = true;
    return status;
  }

  /** A VM exit, after the core stopped with `StopReason.VmExit`. @returns the VMX abort that shut the processor down, normally `None`. */
  leave(): VmxAbort {
    const abort = this.exit.leaveGuest();
    const { words } = this.state;
    if (words[ownerWord] === Owner.JavaScript) words[exitPendingWord] = 1;
    return abort;
  }

  /** The machine's whole memory was replaced: recomputes what the engine derives from the current VMCS. */
  memoryRestored(): void {
    const { coldUnknown } = this.state;
    this.vmcs.memoryRestored();
    this.checks.memoryRestored();
    this.state.updateExitPlan();
    // Rebuilding the plan of exits marks all groups as unknown.
    this.state.coldUnknown = coldUnknown;
  }

  /** How many bytes the engine keeps outside the processor's block. */
  get areaBytes(): number {
    return this.area.bytes;
  }

  /** What of the engine is not in the processor's block. */
  save(): VmxAreaState {
    return this.area.save();
  }

  /** Precondition: the processor is loaded, and its block is as it was when the state was saved. */
  restore(state: VmxAreaState): void {
    this.area.restore(state);
    this.memoryRestored();
  }

  // VmxOperation: what the instructions need.

  get words(): Uint32Array {
    return this.core.u32;
  }

  get writer(): MemoryWriter {
    return this.core.writer;
  }

  get physicalAddressWidth(): number {
    return this.core.physicalAddressWidth;
  }

  get cr0Low(): number {
    return lowHalf(this.core.block.get('CR0'));
  }

  get cr4Low(): number {
    return lowHalf(this.core.block.get('CR4'));
  }

  get cpl(): number {
    return this.core.block.get('CPL');
  }

  get featureControlLow(): number {
    return lowHalf(this.core.block.get('FEATURE_CONTROL'));
  }

  offsetOf(physicalAddress: number): number {
    return this.core.structureOffset(physicalAddress);
  }

  /** Whether a VMM in JavaScript has executed VMXON, and not x86 code. */
  get isOfJavaScript(): boolean {
    return this.core.block.get('CARVE_OUT_STRUCTURES') !== 0;
  }

  /** The VMM's memory exists only for a VMM in JavaScript. A hypervisor in x86 code cannot reach it through its structures or its EPT. */
  setOwner(owner: Owner): void {
    const { block } = this.core;
    const parts = owner === Owner.JavaScript ? Constants.CARVE_OUT_VMM : 0;
    if (block.get('CARVE_OUT_STRUCTURES') === parts) return;
    block.set('CARVE_OUT_STRUCTURES', parts);
    // An EPT translation of the previous owner may lead to memory that the new owner does not have.
    this.core.flushGuestTlb();
  }

  setVmxMode(mode: number): void {
    if (mode === VmxMode.Off) this.state.materializeHost();
    this.core.block.set('VMX_MODE', mode);
  }

  flushEpt(): void {
    this.core.flushGuestTlb();
  }

  flushVpid(): void {
    this.core.flushGuestTlb();
  }
}
