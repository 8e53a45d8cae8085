// SPDX-License-Identifier: LGPL-2.1-only
import { isMsrValue, msrContent } from '../../intrinsics/contents/msr_contents.js';
import { eferAfter, mayChangeEfer } from '../../intrinsics/contents/msr_values.js';
import type { RegisterFacts } from '../../intrinsics/contents/register_facts.js';
import { ProcessorFault } from '../../intrinsics/errors.js';
import { Vector } from '../../intrinsics/vmx/exit_information.js';
import type { Msrs } from '../../intrinsics/instructions/msr.js';
import { Msr, msrName, vmxMsrs } from '../../intrinsics/registers/msr_definitions.js';
import { VmcsField } from '../../intrinsics/vmcs/vmcs_fields.js';
import { isHandled, valueRead } from '../container/answers.js';
import type { AskedContributions } from '../contributions/asked_contributions.js';
import type { MsrContribution } from '../contributions/msr_contribution.js';
import type { Exit } from '../exit/exit.js';
import { complete, injectFault } from './processor_fault.js';
import { toGuestDeadline, toGuestTimeStamp, toProcessorDeadline } from './time_stamp.js';

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

// By address as a signed number: V8 would allocate an unsigned one above 2^31.
const hiddenMsrs: ReadonlySet<number> = new Set(vmxMsrs.map((msr) => msr | 0));
const fields: ReadonlyMap<number, number> = new Map(
  Object.entries(msrsInVmcs).map(([msr, field]) => [Number(msr) | 0, field]),
);

const generalProtection = (msr: number): ProcessorFault =>
  new ProcessorFault(Vector.GeneralProtection, 0, `WRMSR of ${msrName(msr >>> 0)} with a value that it cannot have`);

/** The base does not nest VMX: its guest sees a processor without VMX, unless a contribution answers first. */
function refuseVmxMsr(msr: number): void {
  if (hiddenMsrs.has(msr))
    throw new ProcessorFault(Vector.GeneralProtection, 0, `${msrName(msr >>> 0)}: VMX is hidden`);
}

/** The VMCS field that holds an MSR of the guest, or undefined: the processor holds it. */
function fieldOf(exit: Exit, msr: number): number | undefined {
  const field = fields.get(msr);
  return field !== undefined && exit.vmcs.exists(field) ? field : undefined;
}

/** What a contribution answers to a read. It may inject a fault instead. */
function askForValue(exit: Exit, contributions: AskedContributions<MsrContribution>, msr: number): bigint | undefined {
  for (let index = 0; index < contributions.length; index++) {
    const contribution = contributions.at(index);
    if (contribution.handleMsrRead === undefined || !contribution.msrs.includes(msr >>> 0)) continue;
    contributions.ask(index);
    const value = valueRead(contribution.handleMsrRead(msr >>> 0, exit), 'bigint', contribution, 'handleMsrRead');
    if (value !== undefined || exit.hasInjected) return value;
    contributions.pass();
  }
  return undefined;
}

/** What the guest's processor has. @throws ProcessorFault */
function readOwn(exit: Exit, msrs: Msrs, msr: number, value: Uint32Array): void {
  refuseVmxMsr(msr);
  const field = fieldOf(exit, msr);
  if (field !== undefined) {
    value[0] = exit.vmcs.readLow(field);
    value[1] = exit.vmcs.readHigh(field);
    return;
  }
  msrs.rdmsrHalves(msr, value);
  if (msr === Msr.Ia32TimeStampCounter) toGuestTimeStamp(exit, value);
  else if (msr === Msr.Ia32TscDeadline) toGuestDeadline(exit, value);
}

/**
 * RDMSR: of ECX only; the upper halves of RAX and RDX become 0.
 *
 * @param value scratch for two halves.
 */
export function emulateRdmsr(
  exit: Exit,
  msrs: Msrs,
  contributions: AskedContributions<MsrContribution>,
  value: Uint32Array,
): void {
  const { halves } = exit.registers;
  const msr = halves[rcx]! | 0;
  try {
    const answer = askForValue(exit, contributions, msr);
    if (exit.hasInjected) return;
    if (answer === undefined) readOwn(exit, msrs, msr, value);
    else {
      value[0] = Number(answer & 0xffffffffn);
      value[1] = Number((answer >> 32n) & 0xffffffffn);
    }
  } catch (error) {
    injectFault(exit, error);
    return;
  }
  halves[rax] = value[0]!;
  halves[rax + 1] = 0;
  halves[rdx] = value[1]!;
  halves[rdx + 1] = 0;
  complete(exit);
}

/** What a guest's WRMSR leaves in IA32_EFER. */
function guestEfer(exit: Exit, low: number): number {
  const old = exit.vmcs.readLow(VmcsField.GuestIa32Efer);
  if (!mayChangeEfer(old, low, exit.vmcs.readLow(VmcsField.GuestCr0))) throw generalProtection(Msr.Ia32Efer);
  return eferAfter(old, low);
}

/** An MSR that VM entry loads from a field. A value that VM entry or WRMSR would refuse must raise #GP in the guest, and not end the VMM. */
function writeField(exit: Exit, facts: RegisterFacts, field: number, msr: number): void {
  const { halves } = exit.registers;
  const low = halves[rax]! | 0;
  const high = halves[rdx]! | 0;
  if (!isMsrValue(facts, msr, low, high)) throw generalProtection(msr);
  const written = field === VmcsField.GuestIa32Efer ? guestEfer(exit, low) : low;
  exit.vmcs.writeHalves(field, written, msrContent(msr)?.kind === 'low_half' ? 0 : high);
}

/** Asks contributions. @returns true if one of them wrote the MSR, or injected a fault. */
function isWritten(exit: Exit, contributions: AskedContributions<MsrContribution>, msr: number): boolean {
  const { halves } = exit.registers;
  for (let index = 0; index < contributions.length; index++) {
    const contribution = contributions.at(index);
    if (contribution.handleMsrWrite === undefined || !contribution.msrs.includes(msr >>> 0)) continue;
    contributions.ask(index);
    const value = (BigInt(halves[rdx]!) << 32n) | BigInt(halves[rax]!);
    if (
      isHandled(contribution.handleMsrWrite(msr >>> 0, value, exit), contribution, 'handleMsrWrite') ||
      exit.hasInjected
    )
      return true;
    contributions.pass();
  }
  return false;
}

/** Writes what the guest's processor has. @throws ProcessorFault */
function writeOwn(exit: Exit, msrs: Msrs, facts: RegisterFacts, msr: number, value: Uint32Array): void {
  refuseVmxMsr(msr);
  const field = fieldOf(exit, msr);
  if (field !== undefined) {
    writeField(exit, facts, field, msr);
    return;
  }
  const { halves } = exit.registers;
  value[0] = halves[rax]!;
  value[1] = halves[rdx]!;
  if (msr === Msr.Ia32TscDeadline) toProcessorDeadline(exit, value);
  msrs.wrmsrHalves(msr, value[0]! | 0, value[1]! | 0);
}

/**
 * WRMSR: ECX, EDX:EAX.
 *
 * @param value scratch for two halves.
 */
export function emulateWrmsr(
  exit: Exit,
  msrs: Msrs,
  facts: RegisterFacts,
  contributions: AskedContributions<MsrContribution>,
  value: Uint32Array,
): void {
  const msr = exit.registers.halves[rcx]! | 0;
  try {
    if (!isWritten(exit, contributions, msr)) writeOwn(exit, msrs, facts, msr, value);
  } catch (error) {
    injectFault(exit, error);
    return;
  }
  complete(exit);
}
