// SPDX-License-Identifier: LGPL-2.1-only
// Accesses to control registers that exit. By default only those that change a bit which VMX operation fixes (CR0.NE, CR4.VMXE) do; an
// extension may trap more. SDM 3C "Exit Qualification for Control-Register Accesses". A value that the processor would refuse raises #GP(0) in
// the guest, and changes nothing.
import {
  CR0_BITS,
  isCr0,
  isCr3High,
  isCr4,
  isPdpte,
  mayChangePcide,
  mayEnterIa32eMode,
  mayLeavePaging,
  PDPTE_LOADING_CR0,
  PDPTE_LOADING_CR4,
  pdpteTable,
  usesPdptes,
} from '../../intrinsics/contents/control_register_contents.js';
import type { RegisterFacts } from '../../intrinsics/contents/register_facts.js';
import type { ControlRegisters } from '../../intrinsics/instructions/control_registers.js';
import { EntryControl, SecondaryControl } from '../../intrinsics/vmx/control_bits.js';
import { ProcessorFault } from '../../intrinsics/errors.js';
import { ControlRegisterAccess, Vector } from '../../intrinsics/vmx/exit_information.js';
import type { Msrs } from '../../intrinsics/instructions/msr.js';
import { Msr } from '../../intrinsics/registers/msr_definitions.js';
import { Cr0, Efer } from '../../intrinsics/registers/registers.js';
import { VmcsField } from '../../intrinsics/vmcs/vmcs_fields.js';
import { isIn64BitMode, readRegister, writeRegister } from '../emulation/guest_registers.js';
import type { GuestHostMasks } from '../owners/owners.js';
import type { Vmcs } from '../vmcs/vmcs.js';
import type { Exit } from '../exit/exit.js';
import { complete, injectFault } from './processor_fault.js';

/** What these emulations need besides the exit. */
export interface ControlRegisterContext {
  readonly exit: Exit;
  readonly controlRegisters: ControlRegisters;
  readonly msrs: Msrs;
  readonly facts: RegisterFacts;
  /** Bits 31:0 that the guest's CR4 may have. */
  cr4Bits(): number;
  readonly masks: Pick<GuestHostMasks, 'hiddenLow' | 'viewLow'>;
  /** Scratch for two halves, low first: the operand. */
  readonly operand: Uint32Array;
  /** Reads 64 bits of physical memory as the guest sees them: the PDPTEs. */
  readAsGuest64(address: bigint): bigint;
  /** Says why the guest gets a fault that the bare machine would not give it. */
  warn(message: string): void;
  /** Drops the guest's translations, if entries keep them. */
  invalidateTranslations(): void;
}

/** Four PDPTEs that may be loaded. */
type Pdptes = readonly { readonly low: number; readonly high: number }[];

const pagingAndProtection = Cr0.ProtectionEnable | Cr0.Paging;
const caching = Cr0.CacheDisable | Cr0.NotWriteThrough;

const fault = (what: string): ProcessorFault => new ProcessorFault(Vector.GeneralProtection, 0, what);
const lowOf = (value: bigint): number => Number(value & 0xffffffffn) | 0;
const highOf = (value: bigint): number => Number(value >> 32n) | 0;

/** The operand: a general-purpose register, of which 32 bits count outside 64-bit mode. */
function readOperand({ exit, operand }: ControlRegisterContext, number: number): void {
  readRegister(exit, number, operand);
  if (!isIn64BitMode(exit.vmcs)) operand[1] = 0;
}

function writeOperand({ exit, operand }: ControlRegisterContext, number: number): void {
  writeRegister(exit, number, isIn64BitMode(exit.vmcs) ? 8 : 4, operand[0]!, operand[1]!);
}

/** The PDPTEs that CR3 points to. @throws ProcessorFault if one of them may not be loaded. */
function readPdptes(context: ControlRegisterContext, cr3: number): Pdptes {
  const table = BigInt(pdpteTable(cr3));
  return [0n, 8n, 16n, 24n].map((offset) => {
    const entry = context.readAsGuest64(table + offset);
    const [low, high] = [lowOf(entry), highOf(entry)];
    if (!isPdpte(low, high, context.facts.physicalAddressWidth)) throw fault('a reserved bit in a PDPTE');
    return { low, high };
  });
}

/** With EPT, VM entry takes the PDPTEs of PAE paging from the VMCS, else from memory. SDM 3C "Guest Page-Directory-Pointer-Table Entries". */
function storePdptes(vmcs: Vmcs, pdptes: Pdptes): void {
  if (!vmcs.isEnabled('secondary', SecondaryControl.EnableEpt)) return;
  pdptes.forEach(({ low, high }, index) => vmcs.writeHalves(VmcsField.GuestPdpte0 + 2 * index, low, high));
}

/** IA32_EFER after a change of CR0.PG: LMA follows PG if LME is 1. SDM 3A "Initializing IA-32e Mode". @throws ProcessorFault */
function eferAfter(vmcs: Vmcs, turnsOn: boolean): number {
  const efer = vmcs.readLow(VmcsField.GuestIa32Efer);
  const cr4 = vmcs.readLow(VmcsField.GuestCr4);
  const cs = vmcs.readLow(VmcsField.GuestCsAccessRights);
  if (!turnsOn) {
    if (!mayLeavePaging(cr4, cs, (efer & Efer.Lma) !== 0)) throw fault('MOV to CR0 that clears PG');
    return efer & ~Efer.Lma;
  }
  if ((efer & Efer.Lme) === 0) return efer;
  if (!mayEnterIa32eMode(cr4, cs, vmcs.readLow(VmcsField.GuestTrAccessRights))) throw fault('MOV to CR0 that sets PG');
  return efer | Efer.Lma;
}

/** The VMCS's entry control follows LMA. */
function writeEfer(vmcs: Vmcs, efer: number): void {
  vmcs.writeHalves(VmcsField.GuestIa32Efer, efer, 0);
  if ((efer & Efer.Lma) !== 0) vmcs.enable('entry', EntryControl.Ia32eModeGuest);
  else vmcs.disable('entry', EntryControl.Ia32eModeGuest);
}

/** VM entry and VM exit do not change CD and NW: the processor's bits are the guest's. SDM 3C "Loading Guest Control Registers, Debug Registers, and MSRs". */
function writeCaching({ controlRegisters, operand }: ControlRegisterContext, cr0: number): void {
  controlRegisters.readHalves(0, operand);
  controlRegisters.writeHalves(0, (operand[0]! & ~caching) | (cr0 & caching), operand[1]!);
}

/** Without "unrestricted guest", VM entry needs PE = 1 and PG = 1: the guest gets the #GP(0) of VMX operation. @throws ProcessorFault */
function checkUnrestricted({ exit: { vmcs }, warn }: ControlRegisterContext, cr0: number): void {
  if ((cr0 & pagingAndProtection) === pagingAndProtection) return;
  if (vmcs.isEnabled('secondary', SecondaryControl.UnrestrictedGuest)) return;
  const bit = (cr0 & Cr0.ProtectionEnable) === 0 ? 'CR0.PE' : 'CR0.PG';
  warn(
    `the guest clears ${bit}, which VMX operation allows only with "unrestricted guest", and that control is 0: the guest gets #GP. Leave the ` +
      `control on (it needs EPT), or start the VMM late, when the guest has its final paging. SDM 3C "Restrictions on VMX Operation"`,
  );
  throw fault(`MOV to CR0 that clears ${bit}`);
}

function writeCr0(context: ControlRegisterContext, low: number, high: number): void {
  const { vmcs } = context.exit;
  if (!isCr0(low, high)) throw fault('MOV to CR0');
  const old = vmcs.readLow(VmcsField.GuestCr0);
  const hidden = context.masks.hiddenLow('cr0');
  context.msrs.rdmsrHalves(Msr.Ia32VmxCr0Fixed0, context.operand);
  const fixed = context.operand[0]! & ~pagingAndProtection;
  const next = (low & CR0_BITS & ~hidden) | (old & hidden) | fixed | Cr0.ExtensionType;
  const changed = next ^ old;
  const efer = (changed & Cr0.Paging) === 0 ? undefined : eferAfter(vmcs, (next & Cr0.Paging) !== 0);
  checkUnrestricted(context, next);
  const loads =
    (changed & PDPTE_LOADING_CR0) !== 0 &&
    usesPdptes(next, vmcs.readLow(VmcsField.GuestCr4), efer ?? vmcs.readLow(VmcsField.GuestIa32Efer));
  if (loads) storePdptes(vmcs, readPdptes(context, vmcs.readLow(VmcsField.GuestCr3)));
  if (efer !== undefined) writeEfer(vmcs, efer);
  vmcs.writeHalves(VmcsField.GuestCr0, next, 0);
  vmcs.writeHalves(VmcsField.Cr0ReadShadow, (low & hidden) | (next & ~hidden), 0);
  if ((changed & caching) !== 0) writeCaching(context, next);
}

function writeCr4(context: ControlRegisterContext, low: number, high: number): void {
  const { vmcs } = context.exit;
  const efer = vmcs.readLow(VmcsField.GuestIa32Efer);
  const old = vmcs.readLow(VmcsField.GuestCr4);
  if (!isCr4(low, high, context.cr4Bits(), (efer & Efer.Lma) !== 0)) throw fault('MOV to CR4');
  const cr3 = vmcs.readLow(VmcsField.GuestCr3);
  if (!mayChangePcide(low, old, cr3)) throw fault('MOV to CR4 that sets PCIDE');
  const hidden = context.masks.hiddenLow('cr4');
  const next = (low & ~hidden) | (old & hidden);
  const loads = ((next ^ old) & PDPTE_LOADING_CR4) !== 0 && usesPdptes(vmcs.readLow(VmcsField.GuestCr0), next, efer);
  if (loads) storePdptes(vmcs, readPdptes(context, cr3));
  vmcs.writeHalves(VmcsField.GuestCr4, next, 0);
  vmcs.writeHalves(VmcsField.Cr4ReadShadow, low, 0);
}

/** MOV to CR3. @throws ProcessorFault */
export function writeCr3(context: ControlRegisterContext, low: number, high: number): void {
  const { vmcs } = context.exit;
  const efer = vmcs.readLow(VmcsField.GuestIa32Efer);
  const cr4 = vmcs.readLow(VmcsField.GuestCr4);
  if ((efer & Efer.Lma) !== 0) {
    if (!isCr3High(high, cr4, context.facts.physicalAddressWidth)) throw fault('MOV to CR3');
  } else if (usesPdptes(vmcs.readLow(VmcsField.GuestCr0), cr4, efer)) storePdptes(vmcs, readPdptes(context, low));
  // Bit 63 only asks the processor to keep translations.
  vmcs.writeHalves(VmcsField.GuestCr3, low, high & 0x7fffffff);
}

function moveTo(context: ControlRegisterContext, register: number, low: number, high: number): void {
  if (register === 0) writeCr0(context, low, high);
  else if (register === 3) writeCr3(context, low, high);
  else if (register === 4) writeCr4(context, low, high);
  else {
    context.controlRegisters.writeHalves(8, low, high);
    return;
  }
  context.invalidateTranslations();
}

function moveFrom({ exit, controlRegisters, operand }: ControlRegisterContext, register: number): void {
  if (register !== 3) {
    controlRegisters.readHalves(8, operand);
    return;
  }
  operand[0] = exit.vmcs.readLow(VmcsField.GuestCr3);
  operand[1] = exit.vmcs.readHigh(VmcsField.GuestCr3);
}

/** LMSW writes bits 3:0 and cannot clear PE. */
function lmsw({ exit, masks }: ControlRegisterContext): number {
  const source = (exit.qualificationLow >>> 16) & 0xf;
  const old = masks.viewLow('cr0');
  return (old & ~0xe) | source | (old & 1);
}

/** MOV to and from control registers, CLTS, LMSW. */
export function emulateControlRegisterAccess(context: ControlRegisterContext): void {
  const { exit } = context;
  const qualification = exit.qualificationLow;
  const register = qualification & ControlRegisterAccess.ControlRegisterNumber;
  const operand = (qualification & ControlRegisterAccess.GeneralPurposeRegister) >>> 8;
  const type = (qualification & ControlRegisterAccess.AccessType) >>> 4;
  try {
    if (type === 0) {
      readOperand(context, operand);
      moveTo(context, register, context.operand[0]! | 0, context.operand[1]! | 0);
    } else if (type === 1) {
      moveFrom(context, register);
      writeOperand(context, operand);
    } else if (type === 2) writeCr0(context, context.masks.viewLow('cr0') & ~Cr0.TaskSwitched, 0);
    else writeCr0(context, lmsw(context), 0);
  } catch (error) {
    injectFault(exit, error);
    return;
  }
  complete(exit);
}
