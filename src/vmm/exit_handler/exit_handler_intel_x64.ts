// SPDX-License-Identifier: LGPL-2.1-only
import { inject, multiInject, optional } from 'inversify';
import { PinBasedControl, SecondaryControl } from '../../intrinsics/vmx/control_bits.js';
import { ControlRegisters } from '../../intrinsics/instructions/control_registers.js';
import { Cpuid } from '../../intrinsics/instructions/cpuid.js';
import { registerNumbers, Vector } from '../../intrinsics/vmx/exit_information.js';
import { vmxInstructions } from '../../intrinsics/vmx/exit_kinds.js';
import { ExitReason } from '../../intrinsics/vmx/exit_reasons.js';
import { isCanonicalHigh } from '../../intrinsics/contents/msr_values.js';
import { InvvpidType, Vmx } from '../../intrinsics/instructions/vmx.js';
import { ProcessorFault } from '../../intrinsics/errors.js';
import { LocalApic } from '../../intrinsics/instructions/local_apic.js';
import { Msrs } from '../../intrinsics/instructions/msr.js';
import { Msr } from '../../intrinsics/registers/msr_definitions.js';
import { PortIo } from '../../intrinsics/instructions/port_io.js';
import { ActivityState, Cr4, Efer } from '../../intrinsics/registers/registers.js';
import { VmcsField } from '../../intrinsics/vmcs/vmcs_fields.js';
import { extension } from '../container/extension.js';
import type { AskedContributions } from '../contributions/asked_contributions.js';
import { CpuidContribution } from '../contributions/cpuid_contribution.js';
import { MsrContribution } from '../contributions/msr_contribution.js';
import { GuestHostMasks, MonitorTrap } from '../owners/owners.js';
import { PortContribution } from '../contributions/port_contribution.js';
import { deliverFault } from '../emulation/exceptions.js';
import { GuestPaging } from '../emulation/guest_paging.js';
import { LinearMemory } from '../emulation/linear_memory.js';
import { ProcessorFacts } from '../processor_facts/processor_facts.js';
import { warnOnce } from '../output/warning_once.js';
import { derived, state } from '../state/state.js';
import { invvpid } from '../ept/invalidation.js';
import {
  isNmi,
  noEvents,
  openInterruptWindow,
  openNmiWindow,
  returnEvents,
  takeExternalInterrupt,
  takeNmi,
} from './arriving_events.js';
import { emulateControlRegisterAccess, type ControlRegisterContext } from './control_register_access.js';
import { executeCpuid } from './cpuid.js';
import { emulateDebugRegisterAccess } from './debug_register_access.js';
import { emulateDescriptorTableAccess, emulateSystemSegmentAccess } from './descriptor_table_access.js';
import { reflectException } from './events.js';
import type { ExitHandler } from './exit_handler.js';
import { checkInvpcid } from './invpcid.js';
import { emulateIo, type IoContext } from './io_instruction.js';
import { keepPdptes, noPdptes, type PdpteContext } from './loaded_pdptes.js';
import { emulateMonitor, emulateMwait } from './monitor.js';
import { emulateRdmsr, emulateWrmsr } from './msr.js';
import { complete, injectFault } from './processor_fault.js';
import { emulateRandomNumber } from './random_number.js';
import { emulateInit, emulateSipi } from './start_up.js';
import { carryOutTaskSwitch } from './task_switch.js';
import { toGuestTimeStamp } from './time_stamp.js';
import { VmcallHandlerIntelX64 } from './vmcall_handler_intel_x64.js';

/** The base's handler of each exit. Each may be overridden. Its work is in the file named after it. */
@extension()
export class ExitHandlerIntelX64 extends VmcallHandlerIntelX64 implements ExitHandler {
  @inject(Cpuid) protected readonly cpuid!: Cpuid;
  @inject(Msrs) protected readonly msrs!: Msrs;
  @inject(PortIo) protected readonly portIo!: PortIo;
  @inject(ControlRegisters) protected readonly controlRegisters!: ControlRegisters;
  @inject(LocalApic) protected readonly localApic!: LocalApic;
  @inject(Vmx) protected readonly vmx!: Vmx;
  @inject(GuestHostMasks) protected readonly guestHostMasks!: GuestHostMasks;
  @inject(ProcessorFacts) protected readonly facts!: ProcessorFacts;
  @inject(MonitorTrap) protected readonly monitorTrap!: MonitorTrap;
  @multiInject(CpuidContribution) @optional() protected readonly cpuidContributions: readonly CpuidContribution[] = [];
  @multiInject(MsrContribution) @optional() protected readonly msrContributions: readonly MsrContribution[] = [];
  @multiInject(PortContribution) @optional() protected readonly portContributions: readonly PortContribution[] = [];
  /** A guest that repeats what is not possible must not fill the log. */
  @state() private readonly warned = { unrestricted: false, pdptes: false };
  @derived() private linear: LinearMemory | undefined;
  /** Made once: an exit allocates nothing. */
  @derived() private readonly ioInstruction = (): void => emulateIo(this.ioContext());
  @derived() private ioInstructionContext: IoContext | undefined;
  @derived() private askedForCpuid!: AskedContributions<CpuidContribution>;
  @derived() private askedForMsr!: AskedContributions<MsrContribution>;
  @derived() private askedForPort!: AskedContributions<PortContribution>;
  @derived() private readonly cpuidResult = new Uint32Array(4);
  @derived() private readonly value = new Uint32Array(2);
  /** Made once: an exit allocates nothing. */
  @derived() private context: ControlRegisterContext | undefined;

  @state() private readonly events = noEvents();
  @state() private readonly pdptes = noPdptes();
  @derived() private pdpteContext: PdpteContext | undefined;

  override attach(): void {
    super.attach();
    this.askedForCpuid = this.asked(this.cpuidContributions);
    this.askedForMsr = this.asked(this.msrContributions);
    this.askedForPort = this.asked(this.portContributions);
  }

  [Symbol.dispose](): void {
    // For subclasses that report something at the end.
  }

  protected bindHandlers(on: (reason: ExitReason, handler: () => void) => void): void {
    on(ExitReason.Cpuid, () => this.handleCpuid());
    on(ExitReason.Rdmsr, () => this.handleRdmsr());
    on(ExitReason.Wrmsr, () => this.handleWrmsr());
    on(ExitReason.ControlRegisterAccesses, () => this.handleControlRegisterAccess());
    on(ExitReason.Xsetbv, () => this.handleXsetbv());
    on(ExitReason.Invd, () => this.handleInvd());
    on(ExitReason.Wbinvd, () => this.handleWbinvd());
    on(ExitReason.Vmcall, () => this.handleVmcall());
    on(ExitReason.Vmxoff, () => this.handleVmxoff());
    on(ExitReason.Getsec, () => this.handleGetsec());
    for (const reason of vmxInstructions) on(reason, () => this.handleVmxInstruction());
    on(ExitReason.ExceptionOrNonMaskableInterrupt, () => this.handleExceptionOrNmi());
    on(ExitReason.TripleFault, () => this.handleTripleFault());
    on(ExitReason.InitSignal, () => this.handleInitSignal());
    on(ExitReason.Sipi, () => this.handleSipi());
    on(ExitReason.IoInstruction, () => this.handleIoInstruction());
    on(ExitReason.ExternalInterrupt, () => this.handleExternalInterrupt());
    on(ExitReason.VmxPreemptionTimerExpired, () => this.handleVmxPreemptionTimerExpired());
    on(ExitReason.InterruptWindow, () => this.handleInterruptWindow());
    on(ExitReason.NmiWindow, () => this.handleNmiWindow());
    on(ExitReason.Hlt, () => this.handleHlt());
    on(ExitReason.Pause, () => this.handlePause());
    on(ExitReason.Monitor, () => this.handleMonitor());
    on(ExitReason.Mwait, () => this.handleMwait());
    on(ExitReason.MovDr, () => this.handleMovDr());
    on(ExitReason.AccessToGdtrOrIdtr, () => this.handleAccessToGdtrOrIdtr());
    on(ExitReason.AccessToLdtrOrTr, () => this.handleAccessToLdtrOrTr());
    on(ExitReason.Rdpmc, () => this.handleRdpmc());
    on(ExitReason.Rdrand, () => this.handleRdrand());
    on(ExitReason.Rdseed, () => this.handleRdseed());
    on(ExitReason.Rdtsc, () => this.handleRdtsc());
    on(ExitReason.Rdtscp, () => this.handleRdtscp());
    on(ExitReason.Invlpg, () => this.handleInvlpg());
    on(ExitReason.Invpcid, () => this.handleInvpcid());
    on(ExitReason.TaskSwitch, () => this.handleTaskSwitch());
    on(ExitReason.MonitorTrapFlag, () => this.handleMonitorTrapFlag());
  }

  protected handleCpuid(): void {
    executeCpuid(this.exit, this.cpuid, this.askedForCpuid, this.cpuidResult);
  }

  protected handleRdmsr(): void {
    emulateRdmsr(this.exit, this.msrs, this.askedForMsr, this.value);
  }

  protected handleWrmsr(): void {
    emulateWrmsr(this.exit, this.msrs, this.facts, this.askedForMsr, this.value);
  }

  protected handleControlRegisterAccess(): void {
    emulateControlRegisterAccess((this.context ??= this.controlRegisterContext()));
  }

  /** The bits that the guest's CR4 may have: all of the processor's, except VMXE. VMX is hidden from the guest, because the base does not nest it. */
  protected guestCr4Bits(): number {
    return this.facts.cr4Bits & ~Cr4.VmxEnableBit;
  }

  /** VM entry and exit do not switch XCR0: the processor's XCR0 is the guest's. */
  protected handleXsetbv(): void {
    const { halves } = this.exit.registers;
    try {
      this.controlRegisters.xsetbvHalves(halves[2]! | 0, halves[0]! | 0, halves[4]! | 0);
    } catch (error) {
      injectFault(this.exit, error);
      return;
    }
    complete(this.exit);
  }

  /** INVD would lose writes of the VMM. */
  protected handleInvd(): void {
    this.handleWbinvd();
  }

  protected handleWbinvd(): void {
    this.processor.wbinvd();
    this.exit.advance();
  }

  /** The driver's VMXOFF takes the processor from the VMM. For all other software VMX does not exist. */
  protected handleVmxoff(): void {
    if (!this.processor.isDriverContext()) {
      this.handleVmxInstruction();
      return;
    }
    returnEvents(this.localApic, this.events);
    this.vmcs.promote();
    this.leave();
  }

  /** The model has no SMX that a guest could use. */
  protected handleGetsec(): void {
    this.exit.inject(Vector.InvalidOpcode);
  }

  /** No nested virtualization: as on a processor with CR4.VMXE clear. */
  protected handleVmxInstruction(): void {
    this.exit.inject(Vector.InvalidOpcode);
  }

  /** An exception that an extension traps and does not handle goes to the guest. */
  protected handleExceptionOrNmi(): void {
    if (isNmi(this.exit)) takeNmi(this.exit, this.events);
    else if (!reflectException(this.exit, this.controlRegisters)) this.handleTripleFault();
  }

  protected handleTripleFault(): void {
    const rip = this.vmcs.read(VmcsField.GuestRip).toString(16);
    this.halt(`the guest of vcpu ${this.exit.vcpuid} triple-faulted at RIP 0x${rip}`);
  }

  protected handleInitSignal(): void {
    const { exit, msrs, controlRegisters, cpuid, guestHostMasks } = this;
    emulateInit({ exit, msrs, controlRegisters, cpuid, masks: guestHostMasks });
    this.invalidate(InvvpidType.singleContext);
  }

  protected handleSipi(): void {
    emulateSipi(this.exit, this.msrs);
  }

  /** The guest gets the interrupt as soon as it takes interrupts. */
  protected handleExternalInterrupt(): void {
    takeExternalInterrupt(this.exit, this.events);
  }

  protected handleInterruptWindow(): void {
    openInterruptWindow(this.exit, this.events);
  }

  protected handleNmiWindow(): void {
    openNmiWindow(this.exit, this.events);
  }

  /** Nobody set the timer again: it stays off. */
  protected handleVmxPreemptionTimerExpired(): void {
    this.vmcs.disable('pin', PinBasedControl.ActivateVmxPreemptionTimer);
  }

  protected handleIoInstruction(): void {
    this.forGuest(this.ioInstruction);
  }

  /** The guest waits in the HLT activity state, from which events wake it. */
  protected handleHlt(): void {
    this.exit.advance();
    this.vmcs.writeHalves(VmcsField.GuestActivityState, ActivityState.Hlt, 0);
  }

  protected handlePause(): void {
    this.exit.advance();
  }

  protected handleMonitor(): void {
    this.forGuest(() => emulateMonitor(this.exit, this.linearMemory()));
  }

  /** The wait ends at once, as it may on a processor. */
  protected handleMwait(): void {
    this.forGuest(() => emulateMwait(this.exit));
  }

  protected handleMovDr(): void {
    this.forGuest(() => emulateDebugRegisterAccess(this.exit, this.controlRegisters));
  }

  /** SGDT, SIDT, LGDT, LIDT. */
  protected handleAccessToGdtrOrIdtr(): void {
    this.forGuest(() => emulateDescriptorTableAccess(this.exit, this.linearMemory()));
  }

  /** SLDT, STR, LLDT, LTR. */
  protected handleAccessToLdtrOrTr(): void {
    this.forGuest(() => emulateSystemSegmentAccess(this.exit, this.linearMemory()));
  }

  protected handleRdpmc(): void {
    const { exit, value } = this;
    this.forGuest(() => {
      this.processor.rdpmcHalves(exit.registers.halves[2 * registerNumbers.rcx]! | 0, value);
      this.storeInEdxEax();
      exit.advance();
    });
  }

  protected handleRdrand(): void {
    emulateRandomNumber(this.exit, this.value, (result) => this.processor.rdrandHalves(result));
  }

  protected handleRdseed(): void {
    emulateRandomNumber(this.exit, this.value, (result) => this.processor.rdseedHalves(result));
  }

  protected handleRdtsc(): void {
    this.processor.rdtscHalves(this.value);
    this.storeTimeStamp();
    this.exit.advance();
  }

  protected handleRdtscp(): void {
    this.processor.rdtscpHalves(this.value);
    this.storeTimeStamp();
    this.msrs.rdmsrHalves(Msr.Ia32TscAux | 0, this.value);
    const { halves } = this.exit.registers;
    halves[2] = this.value[0]!;
    halves[3] = 0;
    this.exit.advance();
  }

  /** Without VPID no translation outlives an exit. INVLPG of an address that is not canonical does nothing, and INVVPID would fail. */
  protected handleInvlpg(): void {
    const { qualificationLow, qualificationHigh } = this.exit;
    if (isCanonicalHigh(qualificationHigh, this.facts.linearAddressWidth)) {
      this.invalidate(InvvpidType.individualAddress, qualificationLow, qualificationHigh);
    }
    this.exit.advance();
  }

  protected handleInvpcid(): void {
    this.forGuest(() => {
      checkInvpcid(this.exit, this.linearMemory(), this.facts);
      this.invalidate(InvvpidType.singleContext);
      this.exit.advance();
    });
  }

  /** Hardware task switches always exit: the VMM carries them out. */
  protected handleTaskSwitch(): void {
    const context = (this.context ??= this.controlRegisterContext());
    this.forGuest(() => carryOutTaskSwitch(context, this.linearMemory()));
  }

  /** Calls the contribution that asked `MonitorTrap` for this step. */
  protected handleMonitorTrapFlag(): void {
    this.monitorTrap.handleExit();
  }

  /** IA-32e mode, in which most guests are, has no PDPTE registers. */
  protected override prepareEntry(): void {
    if ((this.vmcs.readLow(VmcsField.GuestIa32Efer) & Efer.Lma) !== 0) return;
    keepPdptes((this.pdpteContext ??= this.newPdpteContext()), this.pdptes);
  }

  /** Carries out what the guest's processor does not. Its fault is the guest's. */
  private forGuest(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!(error instanceof ProcessorFault)) throw error;
      if (!deliverFault(this.exit, this.controlRegisters, error)) this.handleTripleFault();
    }
  }

  private ioContext(): IoContext {
    return (this.ioInstructionContext ??= {
      exit: this.exit,
      portIo: this.portIo,
      controlRegisters: this.controlRegisters,
      contributions: this.askedForPort,
      memory: this.linearMemory(),
    });
  }

  private linearMemory(): LinearMemory {
    const { vmcs, guestMemory, facts } = this;
    return (this.linear ??= new LinearMemory(vmcs, guestMemory, new GuestPaging(vmcs, guestMemory, facts)));
  }

  /** Called once: V8 allocates at each call, for the functions below. */
  private controlRegisterContext(): ControlRegisterContext {
    return {
      exit: this.exit,
      controlRegisters: this.controlRegisters,
      msrs: this.msrs,
      masks: this.guestHostMasks,
      facts: this.facts,
      operand: this.value,
      cr4Bits: () => this.guestCr4Bits(),
      readAsGuest64: (address) => this.guestMemory.readAsGuest64(address),
      warn: (message) => warnOnce(this.warned, 'unrestricted', message),
      invalidateTranslations: () => this.invalidate(InvvpidType.singleContext),
    };
  }

  private newPdpteContext(): PdpteContext {
    const { vmcs, guestMemory: memory, facts } = this;
    return { vmcs, memory, facts, warn: (message) => warnOnce(this.warned, 'pdptes', message) };
  }

  private invalidate(type: number, addressLow = 0, addressHigh = 0): void {
    if (!this.vmcs.isEnabled('secondary', SecondaryControl.EnableVpid)) return;
    invvpid(this.vmx, type, this.vmcs.readLow(VmcsField.VirtualProcessorIdentifier), addressLow, addressHigh);
  }

  private storeTimeStamp(): void {
    toGuestTimeStamp(this.exit, this.value);
    this.storeInEdxEax();
  }

  private storeInEdxEax(): void {
    const { value } = this;
    const { halves } = this.exit.registers;
    halves[0] = value[0]!;
    halves[1] = 0;
    halves[4] = value[1]!;
    halves[5] = 0;
  }
}
