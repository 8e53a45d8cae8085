// SPDX-License-Identifier: LGPL-2.1-only
import { EntryControl } from '../../intrinsics/vmx/control_bits.js';
import { AccessRights, Cr0, Efer, Rflags } from '../../intrinsics/registers/registers.js';
import type { TableRegister } from '../../intrinsics/instructions/segments.js';
import { VmcsField, type VmcsFieldName } from '../../intrinsics/vmcs/vmcs_fields.js';
import type { LogicalProcessor } from '../processor/logical_processor.js';
import { generalRegisterNames, type SegmentRegister } from '../processor/register_names.js';
import type { Vmcs } from '../vmx/vmcs/vmcs.js';
import { VmxMode } from '../vmx/vmx_mode.js';
import { Owner } from '../vmx/vmx_state.js';

/** What software on a processor sees of it: registers, and the EPT through which it reaches memory. */
export interface ExecutionState {
  /** RAX … R15 in the order of their encoding. */
  readonly general: readonly (readonly [string, bigint])[];
  readonly rip: bigint;
  readonly rflags: bigint;
  readonly cr0: bigint;
  readonly cr2: bigint;
  readonly cr3: bigint;
  readonly cr4: bigint;
  readonly efer: bigint;
  readonly pdptes: readonly bigint[];
  readonly cs: SegmentRegister;
  readonly ss: SegmentRegister;
  readonly gdtr: TableRegister;
  readonly idtr: TableRegister;
  /** Undefined if the software's physical addresses are those of the machine. */
  readonly eptPointer: bigint | undefined;
}

/** A mode of operation, as far as addresses depend on it. */
export interface AddressMode {
  readonly bits: 16 | 32 | 64;
  readonly isLong: boolean;
}

const has = (value: bigint | number, bit: number): boolean => (Number(BigInt(value) & 0xffffffffn) & bit) !== 0;

/**
 * Whether the processor stopped while the VMM handled a VM exit. Its guest's state is in the VMCS then. The processor may still hold it too, or may
 * hold the host's.
 */
export function stoppedInHandler(processor: LogicalProcessor): boolean {
  return processor.end !== undefined && isInHandler(processor);
}

/** Whether the VMM has the processor, and the VMCS the state of its guest. */
function isInHandler({ exitEntry, engine, core }: LogicalProcessor): boolean {
  if (exitEntry === undefined || !engine.vmcs.isCurrent) return false;
  return core.block.get('VMX_MODE') === VmxMode.Root && engine.state.owner === Owner.JavaScript;
}

/** The state of the software that the processor executes; of its guest, if it stopped while the VMM handled an exit. */
export function executionState(processor: LogicalProcessor): ExecutionState {
  return stateOf(processor, stoppedInHandler(processor));
}

/** The same for those who ask while the VMM handles an exit: the state of its guest. */
export function guestState(processor: LogicalProcessor): ExecutionState {
  return stateOf(processor, isInHandler(processor));
}

function stateOf(processor: LogicalProcessor, inHandler: boolean): ExecutionState {
  const { engine } = processor;
  const now = stateOfBlock(processor, inHandler || engine.nonRoot);
  return inHandler ? { ...now, ...stateOfVmcs(engine.vmcs, now) } : now;
}

function stateOfBlock({ core, engine }: LogicalProcessor, isGuest: boolean): ExecutionState {
  const { block } = core;
  return {
    general: generalRegisterNames.map((name) => [name, block.get(name)]),
    rip: block.get('RIP'),
    rflags: block.get('RFLAGS'),
    cr0: block.get('CR0'),
    cr2: block.get('CR2'),
    cr3: block.get('CR3'),
    cr4: block.get('CR4'),
    efer: block.get('EFER'),
    pdptes: (['PDPTE0', 'PDPTE1', 'PDPTE2', 'PDPTE3'] as const).map((name) => block.get(name)),
    cs: block.get('CS'),
    ss: block.get('SS'),
    gdtr: block.get('GDTR'),
    idtr: block.get('IDTR'),
    eptPointer: isGuest && engine.state.usesEpt ? whole(engine.vmcs, 'EptPointer') : undefined,
  };
}

/** A VM exit saves these, and the VMM may have changed them since. */
function stateOfVmcs(vmcs: Vmcs, now: ExecutionState): Partial<ExecutionState> {
  const rsp = whole(vmcs, 'GuestRsp');
  const isLong = has(whole(vmcs, 'VmEntryControls'), EntryControl.Ia32eModeGuest);
  const longMode = BigInt(Efer.Lma | Efer.Lme);
  return {
    general: now.general.map(([name, value]) => [name, name === 'RSP' ? rsp : value]),
    rip: whole(vmcs, 'GuestRip'),
    rflags: whole(vmcs, 'GuestRflags'),
    cr0: whole(vmcs, 'GuestCr0'),
    cr3: whole(vmcs, 'GuestCr3'),
    cr4: whole(vmcs, 'GuestCr4'),
    efer: isLong ? now.efer | longMode : now.efer & ~longMode,
    cs: segment(vmcs, 'Cs'),
    ss: segment(vmcs, 'Ss'),
    gdtr: { base: whole(vmcs, 'GuestGdtrBase'), limit: Number(whole(vmcs, 'GuestGdtrLimit')) },
    idtr: { base: whole(vmcs, 'GuestIdtrBase'), limit: Number(whole(vmcs, 'GuestIdtrLimit')) },
  };
}

const whole = (vmcs: Vmcs, name: VmcsFieldName): bigint => vmcs.value(VmcsField[name]);

function segment(vmcs: Vmcs, name: 'Cs' | 'Ss'): SegmentRegister {
  return {
    selector: Number(whole(vmcs, `Guest${name}Selector`)),
    base: whole(vmcs, `Guest${name}Base`),
    limit: Number(whole(vmcs, `Guest${name}Limit`)),
    rights: Number(whole(vmcs, `Guest${name}AccessRights`)),
  };
}

/** SDM 3A "Modes of Operation". */
export function addressMode({ efer, cs }: ExecutionState): AddressMode {
  const isLong = has(efer, Efer.Lma);
  if (isLong && has(cs.rights, AccessRights.L)) return { bits: 64, isLong };
  return { bits: has(cs.rights, AccessRights.Db) ? 32 : 16, isLong };
}

/** The linear address of the next instruction. */
export function linearRip(state: ExecutionState): bigint {
  const { rip, cs } = state;
  return addressMode(state).bits === 64 ? rip : BigInt.asUintN(32, rip + cs.base);
}

/** The mode of operation by its name. SDM 3A "Modes of Operation". */
export function modeName(state: ExecutionState): string {
  const { bits, isLong } = addressMode(state);
  if (bits === 64) return '64-bit';
  if (isLong) return `compatibility, ${bits}-bit`;
  if (!has(state.cr0, Cr0.ProtectionEnable)) return `real-address, ${bits}-bit`;
  return has(state.rflags, Rflags.Virtual8086Mode) ? `virtual-8086, ${bits}-bit` : `protected, ${bits}-bit`;
}

/** CPL: the DPL of SS, except in real-address mode and in virtual-8086 mode. */
export function privilegeLevel({ cr0, rflags, ss }: ExecutionState): number {
  if (!has(cr0, Cr0.ProtectionEnable)) return 0;
  return has(rflags, Rflags.Virtual8086Mode) ? 3 : (ss.rights & AccessRights.Dpl) >>> 5;
}
