// SPDX-License-Identifier: LGPL-2.1-only
// INIT and start-up IPI. SDM 3A "Multiple-Processor Initialization", "Processor State After Reset".
import { debugAddressRegisters, type ControlRegisters } from '../../intrinsics/instructions/control_registers.js';
import type { Cpuid } from '../../intrinsics/instructions/cpuid.js';
import type { Msrs } from '../../intrinsics/instructions/msr.js';
import { ApicBase, Msr, VmxMisc } from '../../intrinsics/registers/msr_definitions.js';
import { registerNumbers } from '../../intrinsics/vmx/exit_information.js';
import { AccessRights, Cr0, SegmentType } from '../../intrinsics/registers/registers.js';
import { writeSegment } from '../emulation/guest_segments.js';
import type { GuestHostMasks } from '../owners/owners.js';
import { UnimplementedExitError } from '../errors.js';
import type { Exit } from '../exit/exit.js';

const data = SegmentType.ReadWriteAccessed | AccessRights.S | AccessRights.Present;
const code = SegmentType.ReadExecuteAccessed | AccessRights.S | AccessRights.Present;
const ldt = 2 | AccessRights.Present;
/** A segment of real-address mode at 0. */
const zero = { selector: 0, base: 0n, limit: 0xffff } as const;
/** The leaf whose EAX is the processor's signature. */
const signatureLeaf = 1;
const tss = SegmentType.TssBusy | AccessRights.Present;

function writeInitState(exit: Exit, masks: GuestHostMasks): void {
  const { vmcs } = exit;
  const kept = vmcs.guestCr0.get() & BigInt((Cr0.CacheDisable | Cr0.NotWriteThrough) >>> 0);
  const cr0 = kept | BigInt(Cr0.ExtensionType);
  vmcs.guestCr0.set(cr0 | (vmcs.guestCr0.get() & masks.hidden('cr0')));
  vmcs.cr0ReadShadow.set(cr0);
  vmcs.guestCr3.set(0n);
  vmcs.guestCr4.set(vmcs.guestCr4.get() & masks.hidden('cr4'));
  vmcs.cr4ReadShadow.set(0n);
  vmcs.guestIa32Efer.set(0n);
  vmcs.vmEntryControls.ia32eModeGuest.disable();
  for (const name of ['es', 'ss', 'ds', 'fs', 'gs'] as const) writeSegment(vmcs, name, { ...zero, rights: data });
  writeSegment(vmcs, 'cs', { ...zero, selector: 0xf000, base: 0xffff0000n, rights: code });
  writeSegment(vmcs, 'ldtr', { ...zero, rights: ldt });
  writeSegment(vmcs, 'tr', { ...zero, rights: tss });
  vmcs.guestGdtrBase.set(0n);
  vmcs.guestIdtrBase.set(0n);
  vmcs.guestGdtrLimit.set(0xffffn);
  vmcs.guestIdtrLimit.set(0xffffn);
  vmcs.guestRflags.set(2n);
  vmcs.guestRip.set(0xfff0n);
  vmcs.guestRsp.set(0n);
  vmcs.guestDr7.set(0x400n);
  vmcs.guestInterruptibilityState.set(0n);
  vmcs.guestPendingDebugExceptions.set(0n);
}

/** What neither a VM entry nor a VM exit loads. INIT leaves x87, SSE, XCR0 and most MSRs as they are. */
function resetProcessor({ controlRegisters }: StartUpContext): void {
  for (const register of debugAddressRegisters) controlRegisters.writeDebugAddress(register, 0n);
  controlRegisters.writeDr6(0n);
  controlRegisters.writeCr2(0n);
}

function checkRealMode(exit: Exit, what: string): void {
  if (exit.vmcs.secondaryProcessorBasedVmExecutionControls.unrestrictedGuest.isDisabledIfExists()) {
    throw new UnimplementedExitError(
      `${what}: the processor would be in real mode, which needs EPT and unrestricted guest`,
    );
  }
}

function checkWaiting(msrs: Msrs, what: string): void {
  if ((Number(msrs.rdmsr(Msr.Ia32VmxMisc) & 0xffffffffn) & VmxMisc.ActivityStateWaitForSipiSupport) === 0) {
    throw new UnimplementedExitError(
      `${what}: IA32_VMX_MISC says that the processor has no wait-for-SIPI activity state`,
    );
  }
}

/** What INIT needs. */
export interface StartUpContext {
  readonly exit: Exit;
  readonly msrs: Msrs;
  readonly controlRegisters: ControlRegisters;
  readonly cpuid: Cpuid;
  readonly masks: GuestHostMasks;
}

/**
 * An INIT signal: the guest's processor gets its state after INIT. The bootstrap processor begins at the reset vector; the others wait for a
 * start-up IPI. EDX is the processor's signature.
 */
export function emulateInit(context: StartUpContext): void {
  const { exit, msrs } = context;
  const isBootstrap = (msrs.rdmsr(Msr.Ia32ApicBase) & BigInt(ApicBase.Bsp)) !== 0n;
  checkRealMode(exit, 'INIT signal');
  if (!isBootstrap) checkWaiting(msrs, 'INIT signal');
  writeInitState(exit, context.masks);
  resetProcessor(context);
  const leaf = new Uint32Array(4);
  context.cpuid.cpuid(signatureLeaf, 0, leaf);
  const { values } = exit.registers;
  values.fill(0n);
  values[registerNumbers.rdx] = BigInt(leaf[0]!);
  exit.vmcs.guestActivityState.set(isBootstrap ? 'active' : 'wait_for_sipi');
}

/** A start-up IPI: the guest begins at the page that the vector names, in real mode. */
export function emulateSipi(exit: Exit, msrs: Msrs): void {
  checkRealMode(exit, 'start-up IPI');
  checkWaiting(msrs, 'start-up IPI');
  const vector = exit.qualificationLow & 0xff;
  writeSegment(exit.vmcs, 'cs', { ...zero, selector: vector << 8, base: BigInt(vector << 12), rights: code });
  exit.vmcs.guestRip.set(0n);
  exit.vmcs.guestActivityState.set('active');
}
