// SPDX-License-Identifier: LGPL-2.1-only
import type { DecoderEntry } from '../../../src/machine/generator/forms.js';
import type { CodeBits } from './form_choice.js';

/**
 * Instructions that user mode may execute but that the differential test leaves out, by semantics function, each with the reason: they differ
 * by documented behaviour of the vendor (the model is an Intel processor, the reference may be an AMD one), or show the host's operating system
 * or hypervisor.
 */
export const excludedSemantics: Readonly<Record<string, string>> = {
  CPUID: 'shows the host processor',
  RDTSC: 'shows the host’s time',
  RDTSCP: 'shows the host’s time',
  RDPMC: 'allowed or not by the host’s CR4.PCE',
  RDRAND: 'random',
  RDSEED: 'random',
  RDPID: 'shows the host’s IA32_TSC_AUX',
  XGETBV: 'shows the host’s XCR0',
  FXSAVE: 'stores the host’s MXCSR_MASK and, on AMD processors, no instruction pointers',
  FNSTENV: 'AMD processors store instruction pointers only with an exception',
  FNSAVE: 'AMD processors store instruction pointers only with an exception',
  SYSCALL: 'enters the host’s kernel',
  SYSENTER: 'enters the host’s kernel',
  INT: 'the host’s IDT decides which vectors user mode may use',
  SGDT: 'shows the host’s tables, or faults by its CR4.UMIP',
  SIDT: 'shows the host’s tables, or faults by its CR4.UMIP',
  SLDT: 'shows the host’s tables, or faults by its CR4.UMIP',
  STR: 'shows the host’s tables, or faults by its CR4.UMIP',
  SMSW: 'shows the host’s CR0, or faults by its CR4.UMIP',
  LAR: 'shows the host’s GDT',
  LSL: 'shows the host’s GDT',
  VERR: 'shows the host’s GDT',
  VERW: 'shows the host’s GDT, and clears buffers',
};

/** Rows of the topics with privileged instructions that user mode can use like any other. */
const usableInUserMode = new Set([
  'INT3',
  'INT1',
  'PUSHF',
  'POPF',
  'PAUSE',
  'PUSH_FS',
  'PUSH_GS',
  'IRET',
  'RET_FAR',
  'RET_FAR_IMM',
  'JMP_FAR_MEMORY',
  'CALL_FAR_MEMORY',
]);

/** More such rows, in code with segments: 64-bit code has the helper's segments, and most of them do not exist there. */
const usableWithSegments = /^(MOV_FROM_SEG|MOV_SEG|L[DEFGS]S|(PUSH|POP)_[C-S]S|ARPL|INTO|(JMP|CALL)_FAR)$/;

/** Why an entry of the table gets no cases in code of a size, or undefined. */
export function exclusionOf(entry: DecoderEntry, bits: CodeBits): string | undefined {
  const { row } = entry;
  const isUsable = usableInUserMode.has(row.semantics) || (bits !== 64 && usableWithSegments.test(row.semantics));
  if (row.options.privileged && !isUsable) return 'privileged';
  if (row.options.mode === 'not64' && bits === 64) return 'does not exist in 64-bit mode';
  return excludedSemantics[row.semantics];
}
