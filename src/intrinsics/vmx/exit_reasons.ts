// SPDX-License-Identifier: LGPL-2.1-only
// SDM 3D appendix "VMX Basic Exit Reasons".
import { snakeCase } from '../bit_fields.js';

/** Basic exit reasons: bits 15:0 of the exit-reason field. */
export const ExitReason = {
  ExceptionOrNonMaskableInterrupt: 0,
  ExternalInterrupt: 1,
  TripleFault: 2,
  InitSignal: 3,
  Sipi: 4,
  Smi: 5,
  OtherSmi: 6,
  InterruptWindow: 7,
  NmiWindow: 8,
  TaskSwitch: 9,
  Cpuid: 10,
  Getsec: 11,
  Hlt: 12,
  Invd: 13,
  Invlpg: 14,
  Rdpmc: 15,
  Rdtsc: 16,
  Rsm: 17,
  Vmcall: 18,
  Vmclear: 19,
  Vmlaunch: 20,
  Vmptrld: 21,
  Vmptrst: 22,
  Vmread: 23,
  Vmresume: 24,
  Vmwrite: 25,
  Vmxoff: 26,
  Vmxon: 27,
  ControlRegisterAccesses: 28,
  MovDr: 29,
  IoInstruction: 30,
  Rdmsr: 31,
  Wrmsr: 32,
  VmEntryFailureInvalidGuestState: 33,
  VmEntryFailureMsrLoading: 34,
  Mwait: 36,
  MonitorTrapFlag: 37,
  Monitor: 39,
  Pause: 40,
  VmEntryFailureMachineCheckEvent: 41,
  TprBelowThreshold: 43,
  ApicAccess: 44,
  VirtualizedEoi: 45,
  AccessToGdtrOrIdtr: 46,
  AccessToLdtrOrTr: 47,
  EptViolation: 48,
  EptMisconfiguration: 49,
  Invept: 50,
  Rdtscp: 51,
  VmxPreemptionTimerExpired: 52,
  Invvpid: 53,
  Wbinvd: 54,
  Xsetbv: 55,
  ApicWrite: 56,
  Rdrand: 57,
  Invpcid: 58,
  Vmfunc: 59,
  Rdseed: 61,
  Xsaves: 63,
  Xrstors: 64,
  Encls: 60,
  PageModificationLogFull: 62,
  Pconfig: 65,
  SppRelatedEvent: 66,
  Umwait: 67,
  Tpause: 68,
  Loadiwkey: 69,
  Enclv: 70,
  EnqcmdPasidTranslationFailure: 72,
  EnqcmdsPasidTranslationFailure: 73,
  BusLock: 74,
  InstructionTimeout: 75,
  Seamcall: 76,
  Tdcall: 77,
} as const;

/** A basic exit reason that has a name here. */
export type ExitReason = (typeof ExitReason)[keyof typeof ExitReason];

/** The exit-reason field's bits other than the basic reason. SDM 3C "Basic VM-Exit Information". */
export const ExitReasonBit = {
  BasicExitReason: 0xffff,
  VmExitIncidentToEnclaveMode: 1 << 27,
  PendingMtfVmExit: 1 << 28,
  VmExitFromVmxRootOperation: 1 << 29,
  VmEntryFailure: 0x80000000,
} as const;

const descriptions: Readonly<Record<ExitReason, string>> = {
  [ExitReason.ExceptionOrNonMaskableInterrupt]:
    'an exception whose bit in the exception bitmap is 1, or an NMI with NMI exiting',
  [ExitReason.ExternalInterrupt]: 'an external interrupt arrived with external-interrupt exiting',
  [ExitReason.TripleFault]: 'the delivery of a double fault met another fault',
  [ExitReason.InitSignal]: 'an INIT signal arrived',
  [ExitReason.Sipi]: 'a start-up IPI arrived in the wait-for-SIPI state',
  [ExitReason.Smi]: 'an SMI arrived right after an I/O instruction',
  [ExitReason.OtherSmi]: 'an SMI arrived, not after an I/O instruction',
  [ExitReason.InterruptWindow]: 'RFLAGS.IF is 1, nothing blocks interrupts, and interrupt-window exiting is 1',
  [ExitReason.NmiWindow]: 'nothing blocks virtual NMIs and NMI-window exiting is 1',
  [ExitReason.TaskSwitch]: 'the guest tried to switch tasks',
  [ExitReason.Cpuid]: 'the guest executed CPUID',
  [ExitReason.Getsec]: 'the guest executed GETSEC',
  [ExitReason.Hlt]: 'the guest executed HLT with HLT exiting',
  [ExitReason.Invd]: 'the guest executed INVD',
  [ExitReason.Invlpg]: 'the guest executed INVLPG with INVLPG exiting',
  [ExitReason.Rdpmc]: 'the guest executed RDPMC with RDPMC exiting',
  [ExitReason.Rdtsc]: 'the guest executed RDTSC with RDTSC exiting',
  [ExitReason.Rsm]: 'the guest executed RSM in SMM',
  [ExitReason.Vmcall]: 'the guest executed VMCALL',
  [ExitReason.Vmclear]: 'the guest executed VMCLEAR',
  [ExitReason.Vmlaunch]: 'the guest executed VMLAUNCH',
  [ExitReason.Vmptrld]: 'the guest executed VMPTRLD',
  [ExitReason.Vmptrst]: 'the guest executed VMPTRST',
  [ExitReason.Vmread]: 'the guest executed VMREAD',
  [ExitReason.Vmresume]: 'the guest executed VMRESUME',
  [ExitReason.Vmwrite]: 'the guest executed VMWRITE',
  [ExitReason.Vmxoff]: 'the guest executed VMXOFF',
  [ExitReason.Vmxon]: 'the guest executed VMXON',
  [ExitReason.ControlRegisterAccesses]:
    'the guest accessed CR0, CR3, CR4 or CR8 in a way that the controls, masks or targets trap',
  [ExitReason.MovDr]: 'the guest moved to or from a debug register with MOV-DR exiting',
  [ExitReason.IoInstruction]:
    'the guest executed an I/O instruction that the I/O bitmaps or unconditional I/O exiting trap',
  [ExitReason.Rdmsr]: 'the guest executed RDMSR of an MSR that is trapped',
  [ExitReason.Wrmsr]: 'the guest executed WRMSR of an MSR that is trapped',
  [ExitReason.VmEntryFailureInvalidGuestState]: 'VM entry failed: a rule of the guest-state area is broken',
  [ExitReason.VmEntryFailureMsrLoading]: 'VM entry failed: an entry of the MSR-load area could not be loaded',
  [ExitReason.Mwait]: 'the guest executed MWAIT with MWAIT exiting',
  [ExitReason.MonitorTrapFlag]: 'one instruction ran with the monitor trap flag, or a pending MTF VM exit was injected',
  [ExitReason.Monitor]: 'the guest executed MONITOR with MONITOR exiting',
  [ExitReason.Pause]: 'the guest executed PAUSE with PAUSE exiting, or spun longer than the PLE window',
  [ExitReason.VmEntryFailureMachineCheckEvent]: 'VM entry failed: a machine check came during it',
  [ExitReason.TprBelowThreshold]: 'the virtual task priority fell below the TPR threshold',
  [ExitReason.ApicAccess]: 'the guest accessed the APIC-access page',
  [ExitReason.VirtualizedEoi]: 'an EOI was virtualized for a vector of the EOI-exit bitmap',
  [ExitReason.AccessToGdtrOrIdtr]: 'the guest executed LGDT, LIDT, SGDT or SIDT with descriptor-table exiting',
  [ExitReason.AccessToLdtrOrTr]: 'the guest executed LLDT, LTR, SLDT or STR with descriptor-table exiting',
  [ExitReason.EptViolation]: 'an access to guest-physical memory was not permitted by the EPT structures',
  [ExitReason.EptMisconfiguration]: 'an access met an EPT entry with an unsupported combination of bits',
  [ExitReason.Invept]: 'the guest executed INVEPT',
  [ExitReason.Rdtscp]: 'the guest executed RDTSCP with RDTSC exiting',
  [ExitReason.VmxPreemptionTimerExpired]: 'the VMX-preemption timer counted down to zero',
  [ExitReason.Invvpid]: 'the guest executed INVVPID',
  [ExitReason.Wbinvd]: 'the guest executed WBINVD or WBNOINVD with WBINVD exiting',
  [ExitReason.Xsetbv]: 'the guest executed XSETBV',
  [ExitReason.ApicWrite]: 'the guest completed a write to the virtual-APIC page that software must emulate',
  [ExitReason.Rdrand]: 'the guest executed RDRAND with RDRAND exiting',
  [ExitReason.Invpcid]: 'the guest executed INVPCID with INVLPG exiting',
  [ExitReason.Vmfunc]: 'the guest executed VMFUNC with a function that is not enabled or has an exit condition',
  [ExitReason.Encls]: 'the guest executed ENCLS of a leaf that the ENCLS-exiting bitmap traps',
  [ExitReason.Rdseed]: 'the guest executed RDSEED with RDSEED exiting',
  [ExitReason.PageModificationLogFull]: 'the processor would add an entry to a full page-modification log',
  [ExitReason.Xsaves]: 'the guest executed XSAVES of a component that the XSS-exiting bitmap traps',
  [ExitReason.Xrstors]: 'the guest executed XRSTORS of a component that the XSS-exiting bitmap traps',
  [ExitReason.Pconfig]: 'the guest executed PCONFIG of a leaf that the PCONFIG-exiting bitmap traps',
  [ExitReason.SppRelatedEvent]: 'the walk of the sub-page permission table met a miss or a misconfiguration',
  [ExitReason.Umwait]: 'the guest executed UMWAIT with RDTSC exiting',
  [ExitReason.Tpause]: 'the guest executed TPAUSE with RDTSC exiting',
  [ExitReason.Loadiwkey]: 'the guest executed LOADIWKEY with LOADIWKEY exiting',
  [ExitReason.Enclv]: 'the guest executed ENCLV of a leaf that the ENCLV-exiting bitmap traps',
  [ExitReason.EnqcmdPasidTranslationFailure]: 'the PASID translation of an ENQCMD failed',
  [ExitReason.EnqcmdsPasidTranslationFailure]: 'the PASID translation of an ENQCMDS failed',
  [ExitReason.BusLock]: 'the guest asserted a bus lock with bus-lock detection',
  [ExitReason.InstructionTimeout]: 'an instruction ran longer than the instruction timeout',
  [ExitReason.Seamcall]: 'the guest executed SEAMCALL',
  [ExitReason.Tdcall]: 'the guest executed TDCALL',
};

/** A basic exit reason with its name and what it means. */
export interface ExitReasonDefinition {
  readonly number: ExitReason;
  /** snake_case. */
  readonly name: string;
  readonly description: string;
}

/** All basic exit reasons in order of number. */
export const exitReasonDefinitions: readonly ExitReasonDefinition[] = Object.entries(ExitReason)
  .map(([name, number]) => ({ number, name: snakeCase(name), description: descriptions[number] }))
  .sort((a, b) => a.number - b.number);

const byNumber = new Map<number, ExitReasonDefinition>(
  exitReasonDefinitions.map((definition) => [definition.number, definition]),
);

/** The name of a basic exit reason (bits above 15 are ignored) or of `PENDING_WORK`, `unknown_exit_reason_N` if it has none. */
export function exitReasonName(reason: number): string {
  if ((reason & 0xffff) === PENDING_WORK) return 'pending_work';
  return byNumber.get(reason & 0xffff)?.name ?? `unknown_exit_reason_${reason & 0xffff}`;
}

/**
 * The reason of the VM exit by which a processor leaves its guest for work that another one asked of it (`Processors.onEach`). It is none of the SDM's: no
 * contribution sees it, and it is not counted. On metal it is an exit for an NMI.
 */
export const PENDING_WORK = 0xff00;

/** What a basic exit reason means, in a few words; empty if the SDM gives it no name. */
export function exitReasonDescription(reason: number): string {
  return byNumber.get(reason & 0xffff)?.description ?? '';
}
