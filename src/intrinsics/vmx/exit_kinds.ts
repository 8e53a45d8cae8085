// SPDX-License-Identifier: LGPL-2.1-only
// Properties that several kinds of VM exits share, as tables by basic exit reason. The exit path uses them.
import { ExitReason } from './exit_reasons.js';

/** How many basic exit reasons the tables know. */
const reasons = 128;

function tableOf(...marked: readonly number[]): Uint8Array {
  const table = new Uint8Array(reasons);
  for (const reason of marked) table[reason] = 1;
  return table;
}

const fromCpuidToWrmsr = Array.from(
  { length: ExitReason.Wrmsr - ExitReason.Cpuid + 1 },
  (_, index) => ExitReason.Cpuid + index,
);

/** 1: an instruction exits before it does anything. SDM 3C "Instructions That Cause VM Exits". */
export const instructionExits = tableOf(
  ...fromCpuidToWrmsr,
  ExitReason.Mwait,
  ExitReason.Monitor,
  ExitReason.Pause,
  ExitReason.AccessToGdtrOrIdtr,
  ExitReason.AccessToLdtrOrTr,
  ExitReason.Invept,
  ExitReason.Rdtscp,
  ExitReason.Invvpid,
  ExitReason.Wbinvd,
  ExitReason.Xsetbv,
  ExitReason.Rdrand,
  ExitReason.Invpcid,
  ExitReason.Vmfunc,
  ExitReason.Rdseed,
);

/** 1: the exit comes between two instructions, and neither of them caused it. SDM 3C "Other Causes of VM Exits". */
export const exitsBetweenInstructions = tableOf(
  ExitReason.ExternalInterrupt,
  ExitReason.TripleFault,
  ExitReason.InitSignal,
  ExitReason.Sipi,
  ExitReason.Smi,
  ExitReason.OtherSmi,
  ExitReason.InterruptWindow,
  ExitReason.NmiWindow,
  ExitReason.MonitorTrapFlag,
  ExitReason.TprBelowThreshold,
  ExitReason.VirtualizedEoi,
  ExitReason.VmxPreemptionTimerExpired,
  ExitReason.ApicWrite,
);

/** 1: the exit comes from an access to memory. SDM 3C "Saving RIP, RSP, RFLAGS, and SSP". */
export const memoryExits = tableOf(
  ExitReason.ApicAccess,
  ExitReason.EptViolation,
  ExitReason.EptMisconfiguration,
  ExitReason.PageModificationLogFull,
);

/** 1: the exit saves pending debug exceptions. SDM 3C "Saving Non-Register State". */
export const exitsWithPendingDebugExceptions = tableOf(
  ExitReason.InitSignal,
  ExitReason.Smi,
  ExitReason.OtherSmi,
  ExitReason.MonitorTrapFlag,
  ExitReason.TprBelowThreshold,
  ExitReason.VirtualizedEoi,
  ExitReason.ApicWrite,
);

/** Instructions of VMX, those for hypervisors and VMFUNC. SDM 3D "VMX Instruction Reference". VMCALL and VMXOFF have handlers of their own. */
export const vmxInstructions = [
  ExitReason.Vmclear,
  ExitReason.Vmlaunch,
  ExitReason.Vmptrld,
  ExitReason.Vmptrst,
  ExitReason.Vmread,
  ExitReason.Vmresume,
  ExitReason.Vmwrite,
  ExitReason.Vmxon,
  ExitReason.Invept,
  ExitReason.Invvpid,
  ExitReason.Vmfunc,
] as const;
