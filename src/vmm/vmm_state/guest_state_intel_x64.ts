// SPDX-License-Identifier: LGPL-2.1-only
import { inject, injectable } from 'inversify';
import { ControlRegisters } from '../../intrinsics/instructions/control_registers.js';
import { CpuidAccessors } from '../../intrinsics/accessors/cpuid_accessors.js';
import { MsrAccessors } from '../../intrinsics/accessors/msr_accessors.js';
import { HostEntry } from '../../intrinsics/instructions/host_entry.js';
import { Cr4 } from '../../intrinsics/registers/registers.js';
import {
  segmentNames,
  Segments,
  type SegmentName,
  type TableRegister,
} from '../../intrinsics/instructions/segments.js';
import { VmmMemory } from '../../intrinsics/instructions/vmm_memory.js';
import { announces } from '../processor_facts/announced_features.js';
import { state } from '../state/state.js';
import { GdtX64 } from './gdt_x64.js';
import type { SegmentState, VmcsState } from './vmcs_state.js';

/** The state of the system that runs on this processor now: it becomes the guest. */
@injectable()
export class GuestStateIntelX64 implements VmcsState {
  @inject(ControlRegisters) protected readonly controlRegisters!: ControlRegisters;
  @inject(Segments) protected readonly segmentRegisters!: Segments;
  @inject(MsrAccessors) protected readonly msrs!: MsrAccessors;
  @inject(CpuidAccessors) protected readonly cpuid!: CpuidAccessors;
  @inject(VmmMemory) protected readonly memory!: VmmMemory;
  @inject(HostEntry) protected readonly hostEntry!: HostEntry;

  @state() segments!: Readonly<Record<SegmentName, SegmentState>>;
  @state() gdt!: TableRegister;
  @state() idt!: TableRegister;
  @state() cr0 = 0n;
  @state() cr3 = 0n;
  @state() cr4 = 0n;
  @state() dr7 = 0n;
  @state() rflags = 0n;
  @state() ia32Debugctl = 0n;
  @state() ia32Pat = 0n;
  @state() ia32Efer = 0n;
  @state() ia32PerfGlobalCtrl = 0n;
  @state() ia32SysenterCs = 0n;
  @state() ia32SysenterEsp = 0n;
  @state() ia32SysenterEip = 0n;
  @state() rip = 0n;
  @state() rsp = 0n;
  readonly isGuest: boolean = false;

  init(): void {
    this.readTables();
    this.readControlRegisters();
    this.readMsrs();
    ({ rip: this.rip, rsp: this.rsp } = this.hostEntry.launchPoint());
  }

  private readTables(): void {
    this.gdt = this.segmentRegisters.sgdt();
    this.idt = this.segmentRegisters.sidt();
    const gdt = new GdtX64(
      {
        read64: (address) => this.memory.readOsLinear64(address),
        write64: (address, value) => this.memory.writeOsLinear64(address, value),
      },
      this.gdt,
    );
    const read = (name: SegmentName): SegmentState => {
      const selector = this.segmentRegisters.readSelector(name);
      const segment = gdt.readSelector(selector);
      if (name === 'fs') return { selector, ...segment, base: this.msrs.ia32FsBase.get() };
      if (name === 'gs') return { selector, ...segment, base: this.msrs.ia32GsBase.get() };
      return { selector, ...segment };
    };
    this.segments = Object.fromEntries(segmentNames.map((name) => [name, read(name)])) as Record<
      SegmentName,
      SegmentState
    >;
  }

  private readControlRegisters(): void {
    this.cr0 = this.controlRegisters.readCr0();
    this.cr3 = this.controlRegisters.readCr3();
    // A processor in VMX operation has VMXE; the read happens before or after VMXON set it.
    this.cr4 = this.controlRegisters.readCr4() | BigInt(Cr4.VmxEnableBit);
    this.dr7 = this.controlRegisters.readDr7();
    this.rflags = this.controlRegisters.readRflags();
  }

  private readMsrs(): void {
    this.ia32Debugctl = this.msrs.ia32Debugctl.get();
    this.ia32Pat = this.msrs.ia32Pat.get();
    this.ia32Efer = this.msrs.ia32Efer.get();
    this.ia32PerfGlobalCtrl = announces(this.cpuid, 'perfGlobalCtrl') ? this.msrs.ia32PerfGlobalCtrl.get() : 0n;
    this.ia32SysenterCs = this.msrs.ia32SysenterCs.get();
    this.ia32SysenterEsp = this.msrs.ia32SysenterEsp.get();
    this.ia32SysenterEip = this.msrs.ia32SysenterEip.get();
  }
}
