// SPDX-License-Identifier: LGPL-2.1-only
// Accesses to control registers that exit. By default only those that change a bit which VMX operation fixes (CR0.NE, CR4.VMXE) do; an
// extension may trap more. SDM 3C "Exit Qualification for Control-Register Accesses".
import type { ControlRegisters } from '../../intrinsics/control_registers.js';
import { EntryControl, SecondaryControl } from '../../intrinsics/control_bits.js';
import { ProcessorFault } from '../../intrinsics/errors.js';
import { ControlRegisterAccess, Vector } from '../../intrinsics/exit_information.js';
import type { Msrs } from '../../intrinsics/msr.js';
import { Msr } from '../../intrinsics/msr_definitions.js';
import { AccessRights, Cr0, Cr4, Efer } from '../../intrinsics/registers.js';
import { VmcsField } from '../../intrinsics/vmcs_fields.js';
import type { GuestHostMasks } from '../owners/owners.js';
import { UnimplementedExitError } from '../errors.js';
import type { Exit } from './exit.js';
import { executeForGuest } from './processor_fault.js';

/** What these emulations need beside the exit. */
export interface ControlRegisterContext {
  readonly exit: Exit;
  readonly controlRegisters: ControlRegisters;
  readonly msrs: Msrs;
  readonly masks: Pick<GuestHostMasks, 'hidden' | 'view'>;
  /** Reads 64 bits of guest-physical memory: the PDPTEs. */
  readGuestPhysical64(address: bigint): bigint;
}

const stackPointer = 4;
const paging = BigInt(Cr0.Paging >>> 0);
const bit = (mask: number): bigint => BigInt(mask >>> 0);

const fault = (what: string): ProcessorFault => new ProcessorFault(Vector.GeneralProtection, 0, what);

function readRegister(exit: Exit, number: number): bigint {
  return number === stackPointer ? exit.vmcs.read(VmcsField.GuestRsp) : exit.registers.values[number]!;
}

function writeRegister(exit: Exit, number: number, value: bigint): void {
  if (number === stackPointer) exit.vmcs.write(VmcsField.GuestRsp, value);
  else exit.registers.values[number] = value;
}

function checkCr0(value: bigint): void {
  const has = (mask: number): boolean => (value & bit(mask)) !== 0n;
  if (value >> 32n !== 0n) throw fault('MOV to CR0 with bits 63:32');
  if (has(Cr0.Paging) && !has(Cr0.ProtectionEnable)) throw fault('MOV to CR0 with PG and without PE');
  if (has(Cr0.NotWriteThrough) && !has(Cr0.CacheDisable)) throw fault('MOV to CR0 with NW and without CD');
}

/** SDM 3A "Initializing IA-32e Mode": LMA follows PG if LME is 1, and the VMCS's entry control follows LMA. */
function switchPaging(context: ControlRegisterContext, turnsOn: boolean): void {
  const { vmcs } = context.exit;
  const efer = vmcs.read(VmcsField.GuestIa32Efer);
  const cr4 = vmcs.readLow(VmcsField.GuestCr4);
  const codeIsLong = (vmcs.readLow(VmcsField.GuestCsAccessRights) & AccessRights.L) !== 0;
  const pae = (cr4 & Cr4.PhysicalAddressExtensions) !== 0;
  if ((efer & bit(Efer.Lme)) === 0n) {
    if (turnsOn && pae) loadPdptes(context);
    return;
  }
  if (turnsOn && !pae) throw fault('MOV to CR0 with PG while EFER.LME is 1 and CR4.PAE 0');
  if (codeIsLong) throw fault('MOV to CR0 that changes PG in 64-bit code');
  vmcs.write(VmcsField.GuestIa32Efer, turnsOn ? efer | bit(Efer.Lma) : efer & ~bit(Efer.Lma));
  if (turnsOn) vmcs.enable('entry', EntryControl.Ia32eModeGuest);
  else vmcs.disable('entry', EntryControl.Ia32eModeGuest);
}

/** With EPT, VM entry takes the PDPTEs of PAE paging from the VMCS. SDM 3C "Guest Page-Directory-Pointer-Table Entries". */
function loadPdptes(context: ControlRegisterContext): void {
  const { vmcs } = context.exit;
  if (!vmcs.isEnabled('secondary', SecondaryControl.EnableEpt)) return;
  const table = vmcs.read(VmcsField.GuestCr3) & 0xffffffe0n;
  for (let index = 0; index < 4; index++) {
    vmcs.write(VmcsField.GuestPdpte0 + 2 * index, context.readGuestPhysical64(table + BigInt(8 * index)));
  }
}

function writeCr0(context: ControlRegisterContext, value: bigint): void {
  const { vmcs } = context.exit;
  checkCr0(value);
  const hidden = context.masks.hidden('cr0');
  const old = vmcs.read(VmcsField.GuestCr0);
  const unrestricted = vmcs.isEnabled('secondary', SecondaryControl.UnrestrictedGuest);
  if (!unrestricted && (value & bit(Cr0.ProtectionEnable | Cr0.Paging)) !== bit(Cr0.ProtectionEnable | Cr0.Paging)) {
    throw new UnimplementedExitError(
      'the guest clears CR0.PE or CR0.PG, which takes a processor with unrestricted guest',
    );
  }
  const fixed = context.msrs.rdmsr(Msr.Ia32VmxCr0Fixed0) & ~bit(Cr0.ProtectionEnable | Cr0.Paging);
  const next = (value & ~hidden) | (old & hidden) | fixed | bit(Cr0.ExtensionType);
  if (((next ^ old) & paging) !== 0n) switchPaging(context, (next & paging) !== 0n);
  vmcs.write(VmcsField.GuestCr0, next);
  vmcs.write(VmcsField.Cr0ReadShadow, (value & hidden) | (next & ~hidden));
}

function writeCr4(context: ControlRegisterContext, value: bigint): void {
  const { vmcs } = context.exit;
  const isLong = (vmcs.readLow(VmcsField.GuestIa32Efer) & Efer.Lma) !== 0;
  if ((value & ~context.msrs.rdmsr(Msr.Ia32VmxCr4Fixed1)) !== 0n)
    throw fault('MOV to CR4 with bits that the processor lacks');
  if (isLong && (value & bit(Cr4.PhysicalAddressExtensions)) === 0n)
    throw fault('MOV to CR4 without PAE in IA-32e mode');
  if (!isLong && (value & bit(Cr4.PcidEnableBit)) !== 0n) throw fault('MOV to CR4 with PCIDE outside IA-32e mode');
  const hidden = context.masks.hidden('cr4');
  vmcs.write(VmcsField.GuestCr4, (value & ~hidden) | (vmcs.read(VmcsField.GuestCr4) & hidden));
  vmcs.write(VmcsField.Cr4ReadShadow, value);
  const pages = (vmcs.read(VmcsField.GuestCr0) & paging) !== 0n;
  if (!isLong && pages && (value & bit(Cr4.PhysicalAddressExtensions)) !== 0n) loadPdptes(context);
}

function writeCr3(context: ControlRegisterContext, value: bigint): void {
  const { vmcs } = context.exit;
  // Bit 63 only asks that translations be kept. Entry without VPID drops them all; with VPID an extension that traps CR3 must INVVPID.
  vmcs.write(VmcsField.GuestCr3, value & ~(1n << 63n));
  const isLong = (vmcs.readLow(VmcsField.GuestIa32Efer) & Efer.Lma) !== 0;
  const usesPae = (vmcs.readLow(VmcsField.GuestCr4) & Cr4.PhysicalAddressExtensions) !== 0;
  if (!isLong && usesPae && (vmcs.read(VmcsField.GuestCr0) & paging) !== 0n) loadPdptes(context);
}

function moveTo(context: ControlRegisterContext, register: number, value: bigint): void {
  if (register === 0) writeCr0(context, value);
  else if (register === 3) writeCr3(context, value);
  else if (register === 4) writeCr4(context, value);
  else context.controlRegisters.writeCr8(value);
}

function moveFrom(context: ControlRegisterContext, register: number): bigint {
  const { vmcs } = context.exit;
  return register === 3 ? vmcs.read(VmcsField.GuestCr3) : context.controlRegisters.readCr8();
}

/** LMSW writes bits 3:0 and cannot clear PE. */
function lmsw({ exit, masks }: ControlRegisterContext): bigint {
  const source = BigInt((exit.qualificationLow >>> 16) & 0xf);
  const old = masks.view('cr0');
  return (old & ~0xen) | source | (old & 1n);
}

/** MOV to and from control registers, CLTS, LMSW. */
export function emulateControlRegisterAccess(context: ControlRegisterContext): void {
  const { exit } = context;
  const qualification = exit.qualificationLow;
  const register = qualification & ControlRegisterAccess.ControlRegisterNumber;
  const operand = (qualification & ControlRegisterAccess.GeneralPurposeRegister) >>> 8;
  const type = (qualification & ControlRegisterAccess.AccessType) >>> 4;
  executeForGuest(exit, () => {
    if (type === 0) moveTo(context, register, readRegister(exit, operand));
    else if (type === 1) writeRegister(exit, operand, moveFrom(context, register));
    else if (type === 2) writeCr0(context, context.masks.view('cr0') & ~bit(Cr0.TaskSwitched));
    else writeCr0(context, lmsw(context));
  });
}
