// SPDX-License-Identifier: LGPL-2.1-only
// The processor block's words as indexes into a Uint32Array: bits 31:0 of a 64-bit word stand at the index, bits 63:32 at the next.
import { Layout } from '../layout.js';

const index = (address: number): number => address >>> 2;

/** Indexes of the words that VM entry and VM exit use, by the names of the layout. */
export const Word = {
  rsp: index(Layout.RSP),
  rip: index(Layout.RIP),
  rflags: index(Layout.RFLAGS_SYSTEM),
  cr0: index(Layout.CR0),
  cr3: index(Layout.CR3),
  cr4: index(Layout.CR4),
  pdpte0: index(Layout.PDPTE0),
  dr7: index(Layout.DR7),
  efer: index(Layout.EFER),
  pat: index(Layout.PAT),
  debugctl: index(Layout.DEBUGCTL),
  sysenterCs: index(Layout.SYSENTER_CS),
  sysenterEsp: index(Layout.SYSENTER_ESP),
  sysenterEip: index(Layout.SYSENTER_EIP),
  featureControl: index(Layout.FEATURE_CONTROL),
  tscOffset: index(Layout.TSC_OFFSET),
  instructions: index(Layout.INSTRUCTIONS),
  budgetStart: index(Layout.BUDGET_START),
  budget: index(Layout.BUDGET),
  cpl: index(Layout.CPL),
  attention: index(Layout.ATTENTION),
  interruptibility: index(Layout.INTERRUPTIBILITY),
  activity: index(Layout.ACTIVITY),
  currentRecord: index(Layout.CURRENT_RECORD),
  selectors: index(Layout.ES_SELECTOR),
  bases: index(Layout.ES_BASE),
  limits: index(Layout.ES_LIMIT),
  rights: index(Layout.ES_RIGHTS),
  gdtrBase: index(Layout.GDTR_BASE),
  gdtrLimit: index(Layout.GDTR_LIMIT),
  idtrBase: index(Layout.IDTR_BASE),
  idtrLimit: index(Layout.IDTR_LIMIT),
  faultPending: index(Layout.FAULT_PENDING),
  faultVector: index(Layout.FAULT_VECTOR),
  faultType: index(Layout.FAULT_TYPE),
  faultHasCode: index(Layout.FAULT_HAS_CODE),
  faultCode: index(Layout.FAULT_CODE),
  faultLength: index(Layout.FAULT_LENGTH),
  faultAddress: index(Layout.FAULT_ADDRESS),
  faultDebug: index(Layout.FAULT_DEBUG),
  delivery: index(Layout.DELIVERY),
  debugTraps: index(Layout.DEBUG_TRAPS),
  monitorAddress: index(Layout.MONITOR_ADDRESS),
  mode: index(Layout.VMX_MODE),
  pin: index(Layout.VMX_PIN),
  primary: index(Layout.VMX_PRIMARY),
  secondary: index(Layout.VMX_SECONDARY),
  exceptionBitmap: index(Layout.VMX_EXCEPTION_BITMAP),
  pageFaultMask: index(Layout.VMX_PF_MASK),
  pageFaultMatch: index(Layout.VMX_PF_MATCH),
  cr3TargetCount: index(Layout.VMX_CR3_TARGET_COUNT),
  cr3Target0: index(Layout.VMX_CR3_TARGET0),
  cr0Mask: index(Layout.VMX_CR0_MASK),
  cr0Shadow: index(Layout.VMX_CR0_SHADOW),
  cr4Mask: index(Layout.VMX_CR4_MASK),
  cr4Shadow: index(Layout.VMX_CR4_SHADOW),
  ioBitmapA: index(Layout.VMX_IO_BITMAP_A),
  ioBitmapB: index(Layout.VMX_IO_BITMAP_B),
  msrBitmap: index(Layout.VMX_MSR_BITMAP),
  vpid: index(Layout.VMX_VPID),
  vmxTscOffset: index(Layout.VMX_TSC_OFFSET),
  vmxTscMultiplier: index(Layout.VMX_TSC_MULTIPLIER),
  eptp: index(Layout.VMX_EPTP),
  preemptionDeadline: index(Layout.VMX_PREEMPTION_DEADLINE),
  pendingDebug: index(Layout.VMX_PENDING_DEBUG),
  currentVmcs: index(Layout.VMX_CURRENT_VMCS),
  cr0Fixed0: index(Layout.VMX_CR0_FIXED0),
  cr0Fixed1: index(Layout.VMX_CR0_FIXED1),
  cr4Fixed0: index(Layout.VMX_CR4_FIXED0),
  cr4Fixed1: index(Layout.VMX_CR4_FIXED1),
  mtfPending: index(Layout.VMX_MTF_PENDING),
  owner: index(Layout.VMX_OWNER),
  exitReason: index(Layout.EXIT_REASON),
  exitInstructionLength: index(Layout.EXIT_INSTRUCTION_LENGTH),
  exitInstructionInformation: index(Layout.EXIT_INSTRUCTION_INFORMATION),
  exitInterruptionInformation: index(Layout.EXIT_INTERRUPTION_INFORMATION),
  exitInterruptionErrorCode: index(Layout.EXIT_INTERRUPTION_ERROR_CODE),
  idtVectoringInformation: index(Layout.IDT_VECTORING_INFORMATION),
  idtVectoringErrorCode: index(Layout.IDT_VECTORING_ERROR_CODE),
  exitQualification: index(Layout.EXIT_QUALIFICATION),
  guestLinearAddress: index(Layout.GUEST_LINEAR_ADDRESS),
  guestPhysicalAddress: index(Layout.GUEST_PHYSICAL_ADDRESS),
  busValue: index(Layout.BUS_VALUE),
} as const;

/** Copies a 64-bit word. */
export function copy64(u32: Uint32Array, to: number, from: Uint32Array, at: number): void {
  u32[to] = from[at]!;
  u32[to + 1] = from[at + 1]!;
}

/** Stores a 64-bit word from halves. */
export function store64(u32: Uint32Array, to: number, low: number, high: number): void {
  u32[to] = low;
  u32[to + 1] = high;
}
