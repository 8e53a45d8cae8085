// SPDX-License-Identifier: LGPL-2.1-only
import { ExitControl } from '../../../intrinsics/vmx/control_bits.js';
import {
  msrContents,
  settableBits,
  type FeatureSource,
  type Halves,
} from '../../../intrinsics/contents/msr_contents.js';
import type { EntryReader, RuleFeature } from '../../../intrinsics/rules/entry_rule.js';
import { Efer, InterruptibilityState } from '../../../intrinsics/registers/registers.js';
import { VmcsField } from '../../../intrinsics/vmcs/vmcs_fields.js';
import { Constants } from '../../layout/core_constants.js';
import type { Capability } from '../allowed_controls.js';
import { firstVmxMsr } from '../capabilities.js';
import { slotOf } from '../vmcs/field_slots.js';
import type { RuleInputs } from './rule_inputs.js';
import type { VmxState } from '../vmx_state.js';
import { Word } from '../words.js';

const exitControls = slotOf(VmcsField.VmExitControls);
const {
  efer: eferWord,
  hostIa32e: hostIa32eWord,
  interruptibility: interruptibilityWord,
  resident: residentWord,
} = Word;
const nothing: Capability = [0, 0];

/** What the VM-entry rules read, from the current VMCS and the processor. */
export class VmcsEntryReader implements EntryReader {
  readonly inSmm = false;
  readonly isTracing = false;
  readonly linearAddressWidth = Constants.LINEAR_ADDRESS_WIDTH;
  /** Set by every read of an input that is neither a field nor a constant of the processor. */
  volatileRead = false;
  private readonly settable: ReadonlyMap<number, Halves>;
  private launch = false;

  constructor(
    private readonly state: VmxState,
    private readonly capabilities: readonly Capability[],
    readonly inputs: RuleInputs,
    features: FeatureSource,
  ) {
    this.settable = new Map(
      Object.keys(msrContents).map((msr) => [Number(msr) | 0, settableBits(Number(msr), features)]),
    );
  }

  get physicalAddressWidth(): number {
    return this.state.core.physicalAddressWidth;
  }

  /** Says which instruction the next rules are about. */
  setLaunch(isLaunch: boolean): void {
    this.launch = isLaunch;
  }

  get isLaunch(): boolean {
    this.volatileRead = true;
    return this.launch;
  }

  get currentVmcs(): number {
    this.volatileRead = true;
    return this.state.vmcs.region;
  }

  get isLaunched(): boolean {
    this.volatileRead = true;
    return this.state.vmcs.launchedIn !== 0;
  }

  get isBlockedByMovSs(): boolean {
    this.volatileRead = true;
    const { words } = this.state;
    return words[residentWord] === 0 && (words[interruptibilityWord]! & InterruptibilityState.BlockingByMovSs) !== 0;
  }

  /** The engine removes all clean marks when this changes, so it is not a volatile input. */
  get inIa32eMode(): boolean {
    return this.state.words[hostIa32eWord] !== 0;
  }

  /** Reads the processor's mode as an entry begins. @returns whether it differs from the mode at the previous entry. */
  updateMode(): boolean {
    const { state } = this;
    // While the guest's state stays in the processor, the host's mode is what the exit would have loaded.
    const isIa32e =
      state.words[residentWord] !== 0
        ? (state.vmcs.bits(exitControls) & ExitControl.HostAddressSpaceSize) !== 0
        : (state.words[eferWord]! & Efer.Lma) !== 0;
    const isNew = isIa32e !== this.inIa32eMode;
    state.words[hostIa32eWord] = isIa32e ? 1 : 0;
    return isNew;
  }

  low(field: number): number {
    return this.read(slotOf(field) << 1);
  }

  high(field: number): number {
    return this.read((slotOf(field) << 1) | 1);
  }

  private read(half: number): number {
    this.inputs.note(half);
    return this.state.vmcs.signed[half]!;
  }

  capabilityLow(msr: number): number {
    return (this.capabilities[msr - firstVmxMsr] ?? nothing)[0] | 0;
  }

  capabilityHigh(msr: number): number {
    return (this.capabilities[msr - firstVmxMsr] ?? nothing)[1] | 0;
  }

  settableLow(msr: number): number {
    return (this.settable.get(msr | 0)?.low ?? 0) | 0;
  }

  settableHigh(msr: number): number {
    return (this.settable.get(msr | 0)?.high ?? 0) | 0;
  }

  hasFeature(feature: RuleFeature): boolean {
    // Skylake-class, without SGX, TSX, CET and bus-lock detection.
    void feature;
    return false;
  }

  readPhysical32(address: number): number {
    this.volatileRead = true;
    const at = this.state.core.structureOffset(address);
    // Without memory nothing drives the bus: all bits are 1.
    return at < 0 ? 0xffffffff : this.state.core.u32[at >>> 2]!;
  }
}
