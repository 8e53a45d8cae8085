// SPDX-License-Identifier: LGPL-2.1-only
import { isMsrValue, msrContents } from '../../intrinsics/contents/msr_contents.js';
import type { RegisterFacts } from '../../intrinsics/contents/register_facts.js';
import { ProcessorFault } from '../../intrinsics/errors.js';
import { Vector } from '../../intrinsics/exit_information.js';
import type { Msrs } from '../../intrinsics/msr.js';
import { Msr, msrName, vmxMsrs } from '../../intrinsics/msr_definitions.js';
import { Cr0, Efer } from '../../intrinsics/registers.js';
import { VmcsField } from '../../intrinsics/vmcs_fields.js';
import { isHandled, valueRead } from '../container/answers.js';
import type { MsrContribution } from '../contributions/msr_contribution.js';
import type { Exit } from '../exit/exit.js';
import { executeForGuest } from './processor_fault.js';
import { guestDeadline, guestTimeStamp, processorDeadline } from './time_stamp.js';

/** The MSRs of the guest that the VMCS holds, and the field of each. RDMSR and WRMSR exits answer from these fields. */
const msrsInVmcs: Readonly<Record<number, number>> = {
  [Msr.Ia32Debugctl]: VmcsField.GuestIa32Debugctl,
  [Msr.Ia32Pat]: VmcsField.GuestIa32Pat,
  [Msr.Ia32Efer]: VmcsField.GuestIa32Efer,
  [Msr.Ia32PerfGlobalCtrl]: VmcsField.GuestIa32PerfGlobalCtrl,
  [Msr.Ia32SysenterCs]: VmcsField.GuestIa32SysenterCs,
  [Msr.Ia32SysenterEsp]: VmcsField.GuestIa32SysenterEsp,
  [Msr.Ia32SysenterEip]: VmcsField.GuestIa32SysenterEip,
  [Msr.Ia32FsBase]: VmcsField.GuestFsBase,
  [Msr.Ia32GsBase]: VmcsField.GuestGsBase,
};

const [rax, rcx, rdx] = [0, 2, 4];

const hiddenMsrs: ReadonlySet<number> = new Set(vmxMsrs);

const generalProtection = (msr: number): ProcessorFault =>
  new ProcessorFault(Vector.GeneralProtection, 0, `WRMSR of ${msrName(msr)} with a value that it cannot have`);

/** The base does not nest VMX: its guest sees a processor without VMX, unless a contribution answers first. */
function refuseVmxMsr(msr: number): void {
  if (hiddenMsrs.has(msr)) throw new ProcessorFault(Vector.GeneralProtection, 0, `${msrName(msr)}: VMX is hidden`);
}

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
  refuseVmxMsr(msr);
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

/** LMA is read-only, and LME must not change while paging is on. SDM 3A "Enabling and Disabling IA-32e Mode". */
function guestEfer(exit: Exit, low: number): number {
  const old = exit.vmcs.readLow(VmcsField.GuestIa32Efer);
  const pages = (exit.vmcs.readLow(VmcsField.GuestCr0) & Cr0.Paging) !== 0;
  if (pages && ((old ^ low) & Efer.Lme) !== 0) throw generalProtection(Msr.Ia32Efer);
  return (low & ~Efer.Lma) | (old & Efer.Lma);
}

/** An MSR that VM entry loads from a field. A value that VM entry or WRMSR would refuse must raise #GP in the guest, and not end the VMM. */
function writeField(exit: Exit, facts: RegisterFacts, field: number, msr: number): void {
  const { halves } = exit.registers;
  const [low, high] = [halves[rax]!, halves[rdx]!];
  if (!isMsrValue(facts, msr, low, high)) throw generalProtection(msr);
  const written = msr === Msr.Ia32Efer ? guestEfer(exit, low) : low;
  exit.vmcs.writeHalves(field, written >>> 0, msrContents[msr]?.kind === 'low_half' ? 0 : high);
}

/** The value that a WRMSR writes: EDX:EAX. */
function valueToWrite(exit: Exit): bigint {
  const { halves } = exit.registers;
  return (BigInt(halves[rdx]!) << 32n) | BigInt(halves[rax]!);
}

function writeValue(
  exit: Exit,
  msrs: Msrs,
  facts: RegisterFacts,
  contributions: readonly MsrContribution[],
  msr: number,
): void {
  for (const contribution of contributions) {
    if (contribution.handleMsrWrite === undefined || !contribution.msrs.includes(msr)) continue;
    if (
      isHandled(contribution.handleMsrWrite(msr, valueToWrite(exit), exit), contribution, 'handleMsrWrite') ||
      exit.hasInjected
    )
      return;
  }
  refuseVmxMsr(msr);
  const field = fieldOf(exit, msr);
  if (field !== undefined) writeField(exit, facts, field, msr);
  else {
    const value = valueToWrite(exit);
    msrs.wrmsr(msr, msr === Msr.Ia32TscDeadline ? processorDeadline(exit, value) : value);
  }
}

/** WRMSR: ECX, EDX:EAX. */
export function emulateWrmsr(
  exit: Exit,
  msrs: Msrs,
  facts: RegisterFacts,
  contributions: readonly MsrContribution[],
): void {
  executeForGuest(exit, () => writeValue(exit, msrs, facts, contributions, exit.registers.halves[rcx]!));
}
