// SPDX-License-Identifier: LGPL-2.1-only
// The reviewed differences between our machine and Bochs 2.7, case by case, with what the SDM says. A new difference fails the test, and so does a
// listed difference that is gone.
import type { ReviewedDifferences } from './comparison.js';

/** All reviewed differences. */
export const differences: readonly ReviewedDifferences[] = [
  {
    reason:
      'INS has no segment field: bits 17:15 of its instruction information are undefined. SDM 3C "Information for VM Exits Due to Instruction Execution"; Bochs has DS there.',
    cases: [
      {
        name: 'INSB',
        ours: 'exit reason=1e qualification=1f00018 length=1 linear=42d000 instruction=100',
        bochs: 'exit reason=1e qualification=1f00018 length=1 linear=42d000 instruction=18100',
      },
      {
        name: 'REP INSW',
        ours: 'exit reason=1e qualification=1f00039 length=3 linear=42d000 instruction=100',
        bochs: 'exit reason=1e qualification=1f00039 length=3 linear=42d000 instruction=18100',
      },
    ],
  },
  {
    reason:
      'An operand of 16 bits is 0 in bits 12:11 of the instruction information of RDRAND. SDM 3C "Information for VM Exits Due to Instruction Execution"; Bochs reports 32 bits.',
    cases: [
      {
        name: 'RDRAND R9W',
        ours: 'exit reason=39 length=5 instruction=48',
        bochs: 'exit reason=39 length=5 instruction=848',
      },
    ],
  },
  {
    reason:
      'Another processor model. Each machine announces in IA32_VMX_* only what it implements. Bochs 2.7 does not have the monitor trap flag.',
    cases: [
      { name: 'capability 0480', ours: '00d8100000000004', bochs: '00d810000000002b' },
      { name: 'capability 0485', ours: '00000000000401e2', bochs: '00000000600401e0' },
      { name: 'capability 0489', ours: '0000000000372fff', bochs: '00000000003727ff' },
      { name: 'capability 048a', ours: '000000000000002e', bochs: '0000000000000034' },
      { name: 'capability 048b', ours: '00531bff00000000', bochs: '02177fff00000000' },
      { name: 'capability 048d', ours: '000000ff00000016', bochs: '0000007f00000016' },
      { name: 'capability 048e', ours: 'fff9fffe04006172', bochs: 'f7f9fffe04006172' },
      { name: 'capability 048f', ours: '007fefff00036dfb', bochs: '007fffff00036dfb' },
      { name: 'capability 0490', ours: '0000d3ff000011fb', bochs: '0000ffff000011fb' },
    ],
  },
  {
    reason:
      'The control is not allowed by our capability MSRs (VM functions, VMCS shadowing, #VE, IA32_PERF_GLOBAL_CTRL); SDM 3D "VMX Capability Reporting Facility".',
    cases: [
      { name: 'controlEnableVmFunctions: function 1', ours: 'not supported', bochs: 'fail error=7' },
      { name: 'controlEnableVmFunctions: EPTP list unaligned', ours: 'not supported', bochs: 'fail error=7' },
      { name: 'controlEnableVmFunctions: no EPT', ours: 'not supported', bochs: 'fail error=7' },
      { name: 'controlEnableVmcsShadowing: VMREAD bitmap unaligned', ours: 'not supported', bochs: 'fail error=7' },
      {
        name: 'controlEnableVmcsShadowing: VMWRITE bitmap beyond the width',
        ours: 'not supported',
        bochs: 'fail error=7',
      },
      { name: 'controlEnableEptViolationChecks: unaligned', ours: 'not supported', bochs: 'fail error=7' },
      { name: 'hostVerifyLoadIa32PerfGlobalCtrl: bit 63', ours: 'not supported', bochs: 'exit reason=12 length=3' },
      { name: 'guestVerifyLoadIa32PerfGlobalCtrl: bit 63', ours: 'not supported', bochs: 'exit reason=12 length=3' },
      {
        name: 'guestVmcsLinkPointerFirstWord: no shadow VMCS with shadowing',
        ours: 'not supported',
        bochs: 'exit reason=80000021 qualification=4',
      },
      { name: 'VMFUNC of function 1', ours: 'not supported', bochs: 'exit reason=3b length=3; guest_rip=code+5' },
      {
        name: 'VMFUNC of EPTP index 512',
        ours: 'not supported',
        bochs: 'exit reason=3b length=3; guest_rip=code+7; guest_rflags=46',
      },
      {
        name: 'VMFUNC of an EPTP that is not valid',
        ours: 'not supported',
        bochs: 'exit reason=3b length=3; guest_rip=code+4; guest_rflags=46',
      },
    ],
  },
  {
    reason: 'Bochs 2.7 has no posted interrupts. SDM 3C "Checks on VMX Controls".',
    cases: ['no acknowledge', 'vector 100H', 'descriptor unaligned'].map((what) => ({
      name: `controlProcessPostedInterruptChecks: ${what}`,
      ours: 'fail error=7',
      bochs: 'not supported',
    })),
  },
  {
    reason:
      'Bochs 2.7 has no monitor trap flag. SDM 3C "Monitor Trap Flag": the exit follows the instruction; it waits before the first instruction of a handler to which a fault or an injected event was delivered.',
    cases: [
      { name: 'monitor trap flag', ours: 'exit reason=25; guest_rip=code+1', bochs: 'not supported' },
      {
        name: 'monitor trap flag: INT 30H',
        ours: 'exit reason=25; guest_rsp=50ffd8; guest_rip=stub 48',
        bochs: 'not supported',
      },
      {
        name: 'monitor trap flag: #UD',
        ours: 'exit reason=25; guest_rsp=50ffd8; guest_rip=stub 6',
        bochs: 'not supported',
      },
      { name: 'monitor trap flag: REP MOVSB', ours: 'exit reason=25; guest_rip=code+2', bochs: 'not supported' },
      {
        name: 'monitor trap flag: two steps',
        ours: 'exit reason=25; guest_rip=code+1; exit reason=25; guest_rip=code+6; rax rcx rdx 0000000000000005 0000000000000000 0000000000000000',
        bochs: 'not supported',
      },
      {
        name: 'monitor trap flag: an injected event',
        ours: 'exit reason=25; vm_entry_interruption_information_field=306; guest_rsp=50ffd8; guest_rip=stub 6',
        bochs: 'not supported',
      },
      { name: 'monitor trap flag: an instruction that exits', ours: 'exit reason=a length=2', bochs: 'not supported' },
    ],
  },
  {
    reason:
      'Bochs 2.7 ends itself here: it does not inject "other events", has no VMCALL in VMX root, and does not know fetches from the APIC-access page. SDM 3C "APIC-Access VM Exits", "VM-Entry Control Fields" (a pending MTF VM exit has vector 0), "Injection of Pending MTF VM Exits", "VM Instruction Error Numbers" (1).',
    cases: [
      {
        name: 'APIC access: a fetch',
        ours: 'exit reason=2c qualification=2000; guest_rip=417000; guest_rflags=10002',
        bochs: 'not run on Bochs',
      },
      {
        name: 'controlEventInjectionTypeVectorChecks: other event of vector 1',
        ours: 'fail error=7',
        bochs: 'not run on Bochs',
      },
      { name: 'VMCALL in VMX root', ours: 'host flags=40 error=1 rax=0000000000000000', bochs: 'not run on Bochs' },
      {
        name: 'inject a pending MTF VM exit',
        ours: 'exit reason=25; vm_entry_interruption_information_field=700',
        bochs: 'not run on Bochs',
      },
    ],
  },
  {
    reason:
      'SDM 3C "Saving Segment Registers and Descriptor-Table Registers" saves the access rights that the register holds; Bochs 2.7 turns CS of real-address mode into a data segment.',
    cases: [
      { name: 'valid: real-address mode', ours: '', bochs: 'guest_cs_access_rights=93' },
      { name: 'CPUID in real-address mode', ours: '', bochs: 'guest_cs_access_rights=93' },
      { name: 'IN in real-address mode', ours: '', bochs: 'guest_cs_access_rights=93' },
      { name: 'REP OUTSW in real-address mode', ours: '', bochs: 'guest_cs_access_rights=93' },
    ],
  },
  {
    reason:
      'SDM 3C "VM-Entry Control Fields": "entry to SMM" must be 0 outside SMM, which is a control (error 7); Bochs 2.7 looks at it with the guest state.',
    cases: [{ name: 'controlEntryToSmmOutsideSmm: entry to SMM', ours: 'fail error=7', bochs: 'exit reason=80000021' }],
  },
  {
    reason:
      'SDM 3C "Checks on Guest Control Registers, Debug Registers, and MSRs": reserved bits of IA32_DEBUGCTL must be 0; Bochs 2.7 does not look.',
    cases: [
      {
        name: 'guestLoadDebugControlsVerifyReserved: bit 2',
        ours: 'exit reason=80000021',
        bochs: 'exit reason=12 length=3',
      },
      {
        name: 'guestLoadDebugControlsVerifyReserved: bit 32',
        ours: 'exit reason=80000021',
        bochs: 'exit reason=12 length=3',
      },
    ],
  },
  {
    reason:
      'SDM 3C "Checks on Guest RIP, RFLAGS, and SSP": bits 63:48 of RIP must be the same in 64-bit code; Bochs 2.7 enters and raises #GP.',
    cases: [
      {
        name: 'guestRipValidAddr: bit 48',
        ours: 'exit reason=80000021',
        bochs: 'exit reason=12 length=3; guest_rsp=50ffd0; guest_rip=stub 13',
      },
    ],
  },
  {
    reason:
      'SDM 3C "Checks on Guest Non-Register State": of the hardware exceptions only #DB and #MC may be injected into HLT, and no software event; Bochs 2.7 injects all.',
    cases: [
      {
        name: 'guestHltValidInterrupts: #GP',
        ours: 'exit reason=80000021',
        bochs:
          'exit reason=12 length=3; vm_entry_interruption_information_field=b0d; guest_activity_state=0; guest_rsp=50ffd0; guest_rip=stub 13',
      },
      {
        name: 'guestHltValidInterrupts: software interrupt',
        ours: 'exit reason=80000021',
        bochs:
          'exit reason=12 length=3; vm_entry_interruption_information_field=430; guest_activity_state=0; guest_rsp=50ffd8; guest_rip=stub 48',
      },
    ],
  },
  {
    reason:
      'SDM 3C "VM-Entry Failures During or After Loading Guest State": the exit qualification is 3 when an NMI is injected while STI blocks events; Bochs 2.7 leaves 0.',
    cases: [
      {
        name: 'guestInterruptibilityStateStiAndNmi: STI',
        ours: 'exit reason=80000021 qualification=3',
        bochs: 'exit reason=80000021',
      },
    ],
  },
  {
    reason:
      'SDM 3C "Checks on Guest Non-Register State": with "virtual NMIs" an NMI must not be injected while blocking by NMI is 1; Bochs 2.7 does not look.',
    cases: [
      {
        name: 'guestInterruptibilityStateVirtualNmi: NMI blocking',
        ours: 'exit reason=80000021',
        bochs:
          'exit reason=12 length=3; vm_entry_interruption_information_field=202; guest_rsp=50ffd8; guest_rip=stub 2',
      },
    ],
  },
  {
    reason:
      'SDM 3C "Checks on Guest Non-Register State": bits 63:17 of the pending debug exceptions are reserved, and BS must agree with RFLAGS.TF while a trap is held back or in HLT; Bochs 2.7 checks neither.',
    cases: [
      {
        name: 'guestPendingDebugExceptionsReserved: bit 32',
        ours: 'exit reason=80000021',
        bochs: 'exit reason=12 length=3; guest_pending_debug_exceptions=0',
      },
      {
        name: 'guestPendingDebugExceptionsDbgCtl: STI, TF 1, BS 0',
        ours: 'exit reason=80000021',
        bochs: 'exit reason=12 length=3; guest_pending_debug_exceptions=4000',
      },
      {
        name: 'guestPendingDebugExceptionsDbgCtl: MOV SS, TF 0, BS 1',
        ours: 'exit reason=80000021',
        bochs: 'exit reason=12 length=3',
      },
      {
        name: 'guestPendingDebugExceptionsDbgCtl: HLT, TF 0, BS 1',
        ours: 'exit reason=80000021',
        bochs: 'exit reason=34; guest_rsp=50ffd8; guest_rip=stub 1; guest_pending_debug_exceptions=0',
      },
    ],
  },
  {
    reason:
      'SDM 3D "VMPTRLD": bit 31 of the first word must be 0 unless the processor has VMCS shadowing, which ours has not.',
    cases: [
      {
        name: 'VMPTRLD of a shadow VMCS without shadowing',
        ours: 'host flags=40 error=11 rax=000000000042d000',
        bochs: 'host flags=00 rax=000000000042d000',
      },
    ],
  },
  {
    reason: 'IA32_VMX_MISC[29] of Bochs lets VMWRITE change exit information; ours is 0: SDM 3D "VMWRITE", error 13.',
    cases: [
      {
        name: 'VMWRITE of a read-only field',
        ours: 'host flags=00 rax=0000000000000000',
        bochs: 'host flags=00 rax=0000000000000005',
      },
    ],
  },
  {
    reason:
      'With a count of 0 the instruction that REP repeats is not executed (SDM 2B "REP/REPE/REPZ/REPNE/REPNZ"), so there is no I/O to exit for; Bochs 2.7 asks the bitmaps before the count.',
    cases: [
      {
        name: 'REP INSB with RCX 0',
        ours: 'exit reason=12 length=3; guest_rip=code+14',
        bochs: 'exit reason=1e qualification=1f00038 length=2 linear=42d000 instruction=18100; guest_rip=code+12',
      },
    ],
  },
  {
    reason:
      'SDM 3C "Saving RIP, RSP, RFLAGS, and SSP": RF is saved as in the image that the delivery of the fault would have pushed (1), and as 1 by EPT violations and misconfigurations, by a full page-modification log and by APIC accesses outside event delivery; Bochs 2.7 saves RF as it was.',
    cases: [
      ...['EPT: page-modification log', 'APIC access: a read', 'APIC access: a write'].map((name) => ({
        name,
        ours: 'guest_rflags=10002',
        bochs: '',
      })),
      { name: '#DE', ours: 'guest_rflags=10046', bochs: 'guest_rflags=46' },
      { name: '#BR', ours: 'guest_rflags=10002', bochs: '' },
      { name: '#UD', ours: 'guest_rflags=10002', bochs: '' },
      { name: '#NM', ours: 'guest_rflags=10002', bochs: '' },
      { name: '#NP', ours: 'guest_rflags=10002', bochs: '' },
      { name: '#SS of a segment that is not present', ours: 'guest_rflags=10002', bochs: '' },
      { name: '#SS of an address that is not canonical', ours: 'guest_rflags=10002', bochs: '' },
      { name: '#GP of an address that is not canonical', ours: 'guest_rflags=10002', bochs: '' },
      { name: '#GP of a selector', ours: 'guest_rflags=10002', bochs: '' },
      { name: '#PF of a read', ours: 'guest_rflags=10002', bochs: '' },
      { name: '#PF of a write', ours: 'guest_rflags=10002', bochs: '' },
      { name: '#PF of a fetch', ours: 'guest_rflags=10002', bochs: '' },
      { name: '#PF at CPL 3', ours: 'guest_rflags=10002', bochs: '' },
      { name: '#PF whose error code matches', ours: 'guest_rflags=10002', bochs: '' },
      { name: '#PF with bit 14 clear and no match exits', ours: 'guest_rflags=10002', bochs: '' },
      { name: '#MF', ours: 'guest_rflags=10002', bochs: '' },
      { name: '#AC', ours: 'guest_rflags=50002', bochs: '' },
      { name: '#XM', ours: 'guest_rflags=10002', bochs: '' },
      { name: 'INT 30H beyond the IDT limit', ours: 'guest_rflags=10002', bochs: '' },
      { name: '#BP beyond the IDT limit', ours: 'guest_rflags=10002', bochs: '' },
      { name: 'INT1 beyond the IDT limit', ours: 'guest_rflags=10002', bochs: '' },
      { name: 'inject #UD beyond the IDT limit', ours: 'guest_rflags=10002', bochs: '' },
      { name: 'inject an external interrupt beyond the IDT limit', ours: 'guest_rflags=10202', bochs: '' },
      { name: 'inject a software interrupt beyond the IDT limit', ours: 'guest_rflags=10002', bochs: '' },
      { name: 'inject #GP into a stack that is not there', ours: 'guest_rflags=10002', bochs: '' },
      { name: 'EPT: read of a page that is not there', ours: 'guest_rflags=10002', bochs: '' },
      { name: 'EPT: write of a page that is not there', ours: 'guest_rflags=10002', bochs: '' },
      { name: 'EPT: fetch of a page that is not there', ours: 'guest_rflags=10002', bochs: '' },
      { name: 'EPT: write of a page that can be read', ours: 'guest_rflags=10002', bochs: '' },
      { name: 'EPT: fetch of a page that can be read and written', ours: 'guest_rflags=10002', bochs: '' },
      { name: 'EPT: read of a page that can be executed only', ours: 'guest_rflags=10002', bochs: '' },
      { name: 'EPT: push on a page that is not there', ours: 'guest_rflags=10002', bochs: '' },
      { name: 'EPT: the page walk meets a page that is not there', ours: 'guest_rflags=10002', bochs: '' },
      { name: 'EPT: misconfiguration, write only', ours: 'guest_rflags=10002', bochs: '' },
      { name: 'EPT: misconfiguration, write and execute', ours: 'guest_rflags=10002', bochs: '' },
      { name: 'EPT: misconfiguration, memory type 2', ours: 'guest_rflags=10002', bochs: '' },
      { name: 'EPT: misconfiguration, memory type 7', ours: 'guest_rflags=10002', bochs: '' },
      { name: 'EPT: misconfiguration, beyond the width', ours: 'guest_rflags=10002', bochs: '' },
      { name: 'EPT: misconfiguration, reserved bit of a table', ours: 'guest_rflags=10002', bochs: '' },
      { name: 'RIP at the end of the linear-address width', ours: 'guest_rflags=10002', bochs: '' },
      { name: 'guest CR3 beyond what is mapped', ours: 'guest_rflags=10002', bochs: '' },
      { name: 'unusable DS in 32-bit mode is #GP', ours: 'guest_rflags=10002', bochs: '' },
      { name: 'a write of a read-only segment in 32-bit mode is #GP', ours: 'guest_rflags=10002', bochs: '' },
      { name: 'beyond the limit of a segment in 32-bit mode is #GP', ours: 'guest_rflags=10002', bochs: '' },
    ],
  },
  {
    reason:
      'A double fault is not a fault-class exception: the image has RF as it was (SDM 3B "Instruction-Breakpoint Exception Condition"); a triple fault saves RF as it would be in shutdown. Bochs 2.7 keeps the RF of the fault before it.',
    cases: [
      { name: '#DF', ours: '', bochs: 'guest_rflags=10002' },
      { name: 'a triple fault', ours: '', bochs: 'guest_rflags=10002' },
      { name: 'a triple fault while an event is injected', ours: '', bochs: 'guest_rflags=10002' },
    ],
  },
  {
    reason:
      'SDM 3C "Exit Qualification for EPT Violations": bits 0 and 1 say that the access was a read and a write, which a read-modify-write is; RF as for all EPT violations. Bochs 2.7 reports the write only.',
    cases: [
      {
        name: 'EPT: read-modify-write of a page that can be read',
        ours: 'exit reason=30 qualification=18b linear=600000 physical=600000; guest_rflags=10002',
        bochs: 'exit reason=30 qualification=18a linear=600000 physical=600000',
      },
    ],
  },
  {
    reason:
      'SDM 3C "EPT Misconfigurations": address bits below the size of a large page are reserved; Bochs 2.7 does not look at bit 12.',
    cases: [
      {
        name: 'EPT: misconfiguration, a large page with a low address bit',
        ours: 'exit reason=31 physical=600000; guest_rip=code+5; guest_rflags=10002',
        bochs: 'exit reason=12 length=3; guest_rip=code+7',
      },
    ],
  },
  {
    reason:
      'SDM 3C "Other Causes of VM Exits": with NMI-window exiting the exit comes before any instruction when NMIs are not blocked; Bochs 2.7 misses it at VM entry.',
    cases: [
      {
        name: 'NMI window: open',
        ours: 'exit reason=8',
        bochs: 'exit reason=12 length=3; guest_interruptibility_state=8; guest_rip=code+2',
      },
    ],
  },
  {
    reason:
      'SDM 3C "Pin-Based VM-Execution Controls": external-interrupt exiting does not depend on RFLAGS.IF; Bochs 2.7 waits for IF, so that its interrupt is still pending in the next case.',
    cases: [
      { name: 'external interrupt: with IF 0', ours: 'exit reason=1 interruption=80000031', bochs: 'exit reason=34' },
      { name: 'external interrupt: not acknowledged, then acknowledged', ours: 'guest_rip=code+35', bochs: '' },
    ],
  },
  {
    reason:
      'SDM 3C "Other Causes of VM Exits": an interrupt-window exit wakes a processor from HLT; Bochs 2.7 sleeps until the preemption timer expires.',
    cases: [{ name: 'interrupt window: open in HLT', ours: 'exit reason=7', bochs: 'exit reason=34' }],
  },
  {
    reason:
      'SDM 3C "Saving Non-Register State" saves blocking by NMI as it was before the exit; Bochs 2.7 saves the blocking that the exit itself begins.',
    cases: [{ name: 'NMI: exits', ours: '', bochs: 'guest_interruptibility_state=8' }],
  },
  {
    reason:
      'The handler executes VMCALL: SDM 3C "Basic VM-Exit Information" wants its length (3) and its address; Bochs 2.7 keeps the address of the instruction that the NMI interrupted.',
    cases: [
      {
        name: 'NMI: delivered to the guest',
        ours: 'exit reason=12 length=3; guest_rip=stub 2',
        bochs: 'exit reason=12; guest_rip=code+35',
      },
    ],
  },
];
