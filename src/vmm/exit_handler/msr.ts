// SPDX-License-Identifier: LGPL-2.1-only
import { msrsInVmcs } from '../../intrinsics/constants.js';
import { ProcessorFault } from '../../intrinsics/errors.js';
import { Vector } from '../../intrinsics/exit_information.js';
import type { Msrs } from '../../intrinsics/msr.js';
import { Msr, msrName } from '../../intrinsics/msr_definitions.js';
import { Cr0, Debugctl, Efer } from '../../intrinsics/registers.js';
import { VmcsField } from '../../intrinsics/vmcs_fields.js';
import { isHandled, valueRead } from '../contributions/answers.js';
import type { MsrContribution } from '../contributions/msr_contribution.js';
import type { Exit } from './exit.js';
import { executeForGuest } from './processor_fault.js';
import { guestDeadline, guestTimeStamp, processorDeadline } from './time_stamp.js';

const [rax, rcx, rdx] = [0, 2, 4];
const debugctlBits = Object.values(Debugctl).reduce((all, bit) => all | bit, 0);
const eferBits = BigInt(Efer.Sce | Efer.Lme | Efer.Lma | Efer.Nxe);

const generalProtection = (msr: number): ProcessorFault =>
  new ProcessorFault(Vector.GeneralProtection, 0, `WRMSR of ${msrName(msr)} with a value that it cannot have`);

/** The VMCS field that holds an MSR of the guest, or undefined: the processor holds it. */
function fieldOf(exit: Exit, msr: number): number | undefined {
  const field = msrsInVmcs[msr];
  return field !== undefined && exit.vmcs.exists(field) ? field : undefined;
}

function readValue(exit: Exit, msrs: Msrs, contributions: readonly MsrContribution[], msr: number): bigint {
  for (const contribution of contributions) {
    if (!contribution.msrs.includes(msr)) continue;
    const value = valueRead(contribution.handleMsrRead?.(msr, exit), 'bigint', contribution, 'handleMsrRead');
    if (value !== undefined || exit.hasInjected) return value ?? 0n;
  }
  const field = fieldOf(exit, msr);
  if (field !== undefined) return exit.vmcs.read(field);
  const value = msrs.rdmsr(msr);
  if (msr === Msr.Ia32TimeStampCounter) return guestTimeStamp(exit, value);
  return msr === Msr.Ia32TscDeadline ? guestDeadline(exit, value) : value;
}

/** RDMSR: of ECX only; the upper halves of RAX and RDX become 0. */
export function emulateRdmsr(exit: Exit, msrs: Msrs, contributions: readonly MsrContribution[]): void {
  const { halves } = exit.registers;
  executeForGuest(exit, () => {
    const value = readValue(exit, msrs, contributions, halves[rcx]!);
    if (exit.hasInjected) return;
    halves[rax] = Number(value & 0xffffffffn);
    halves[rax + 1] = 0;
    halves[rdx] = Number(value >> 32n);
    halves[rdx + 1] = 0;
  });
}

const isCanonical = (address: bigint): boolean => address <= 0x7fffffffffffn || address >= 0xffff800000000000n;

/** Memory types 2 and 3 are reserved, as are those above 7. */
function isPat(value: bigint): boolean {
  for (let entry = 0n; entry < 8n; entry++) {
    const type = (value >> (entry * 8n)) & 0xffn;
    if (type > 7n || type === 2n || type === 3n) return false;
  }
  return true;
}

/** What WRMSR would let through: a value that VM entry refuses must be the guest's #GP, not the VMM's end. */
function isValid(msr: number, value: bigint): boolean {
  switch (msr) {
    case Msr.Ia32Pat:
      return isPat(value);
    case Msr.Ia32Debugctl:
      return (value & ~BigInt(debugctlBits)) === 0n;
    case Msr.Ia32SysenterEsp:
    case Msr.Ia32SysenterEip:
    case Msr.Ia32FsBase:
    case Msr.Ia32GsBase:
      return isCanonical(value);
    case Msr.Ia32PerfGlobalCtrl:
      return (value & ~0x7000000ffn) === 0n;
    default:
      return true;
  }
}

/** LMA is read-only, and LME must not change while paging is on. SDM 3A "Enabling and Disabling IA-32e Mode". */
function guestEfer(exit: Exit, value: bigint): bigint {
  const old = exit.vmcs.read(VmcsField.GuestIa32Efer);
  const pages = (exit.vmcs.readLow(VmcsField.GuestCr0) & Cr0.Paging) !== 0;
  if ((value & ~eferBits) !== 0n || (pages && ((old ^ value) & BigInt(Efer.Lme)) !== 0n)) {
    throw generalProtection(Msr.Ia32Efer);
  }
  return (value & ~BigInt(Efer.Lma)) | (old & BigInt(Efer.Lma));
}

function writeValue(
  exit: Exit,
  msrs: Msrs,
  contributions: readonly MsrContribution[],
  msr: number,
  value: bigint,
): void {
  for (const contribution of contributions) {
    if (contribution.handleMsrWrite === undefined || !contribution.msrs.includes(msr)) continue;
    if (isHandled(contribution.handleMsrWrite(msr, value, exit), contribution, 'handleMsrWrite') || exit.hasInjected)
      return;
  }
  const field = fieldOf(exit, msr);
  if (field === undefined) msrs.wrmsr(msr, msr === Msr.Ia32TscDeadline ? processorDeadline(exit, value) : value);
  else if (!isValid(msr, value)) throw generalProtection(msr);
  else exit.vmcs.write(field, msr === Msr.Ia32Efer ? guestEfer(exit, value) : value);
}

/** WRMSR: ECX, EDX:EAX. */
export function emulateWrmsr(exit: Exit, msrs: Msrs, contributions: readonly MsrContribution[]): void {
  const { halves } = exit.registers;
  executeForGuest(exit, () => {
    const value = (BigInt(halves[rdx]!) << 32n) | BigInt(halves[rax]!);
    writeValue(exit, msrs, contributions, halves[rcx]!, value);
  });
}
