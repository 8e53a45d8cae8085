// SPDX-License-Identifier: LGPL-2.1-only
import { VmcsField, type VmcsFieldName } from '../../../src/intrinsics/vmcs/vmcs_fields.js';
import { WasmCore } from '../../../src/machine/processor/wasm_core.js';
import { Execution } from '../../../src/machine/intrinsics/execution.js';
import { MachineControlRegisters } from '../../../src/machine/intrinsics/machine_control_registers.js';
import { MachineCpuid } from '../../../src/machine/intrinsics/machine_cpuid.js';
import { MachineGeneralRegisters } from '../../../src/machine/intrinsics/machine_general_registers.js';
import { MachineHostEntry } from '../../../src/machine/intrinsics/machine_host_entry.js';
import { MachineMsrs } from '../../../src/machine/intrinsics/machine_msrs.js';
import { MachinePortIo } from '../../../src/machine/intrinsics/machine_port_io.js';
import { MachineProcessor } from '../../../src/machine/intrinsics/machine_processor.js';
import { MachineSegments } from '../../../src/machine/intrinsics/machine_segments.js';
import { MachineVmmMemory } from '../../../src/machine/intrinsics/machine_vmm_memory.js';
import { MachineVmx } from '../../../src/machine/intrinsics/machine_vmx.js';
import { Layout } from '../../../src/machine/layout/layout.js';
import { DriverContext } from '../../../src/machine/driver_context/driver_context.js';
import { LogicalProcessor } from '../../../src/machine/processor/logical_processor.js';
import { vmcsRevision } from '../../../src/machine/vmx/vmcs/vmcs.js';
import { Word } from '../../../src/machine/vmx/words.js';
import { assemble } from '../../support/assembler.js';
import { coreModule, emptyBus } from '../../support/test_core.js';
import { validFields } from '../vmx/vmcs_setup.js';

/** Physical, and linear, addresses of the running system. */
export const System = {
  Code: 0x10000,
  Stack: 0x20000,
  Pml4: 0x50000,
  Pdpt: 0x51000,
  Pd: 0x52000,
  MsrBitmap: 0x60000,
} as const;

/** Offsets in the VMM's region. */
const vmxonOffset = 0x10000n;
const vmcsOffset = 0x11000n;

/**
 * A 64-bit system that runs a loop, and on it the machine's intrinsics, with the least hypervisor that a VMM could be: `launch` makes the
 * driver's context the guest.
 */
export class IntrinsicsMachine {
  readonly processor: LogicalProcessor;
  readonly driver: DriverContext;
  readonly execution: Execution;
  readonly vmx: MachineVmx;
  readonly msrs: MachineMsrs;
  readonly cpuid: MachineCpuid;
  readonly controlRegisters: MachineControlRegisters;
  readonly segments: MachineSegments;
  readonly portIo: MachinePortIo;
  readonly processorIntrinsic: MachineProcessor;
  readonly memory: MachineVmmMemory;
  readonly registers: MachineGeneralRegisters;
  readonly hostEntry: MachineHostEntry;
  /** Basic reasons of the exits that `skipExit` saw. */
  readonly exits: number[] = [];
  /** Ports that were written: port, size, value. */
  readonly written: number[][] = [];

  private constructor(readonly core: WasmCore) {
    this.processor = new LogicalProcessor(0, core, { cr4Allowed: core.cr4Allowed });
    this.driver = new DriverContext(this.processor);
    this.execution = new Execution([{ processor: this.processor, driver: this.driver }]);
    this.vmx = new MachineVmx(this.execution);
    this.msrs = new MachineMsrs(this.execution);
    this.cpuid = new MachineCpuid(this.execution);
    this.controlRegisters = new MachineControlRegisters(this.execution);
    this.segments = new MachineSegments(this.execution);
    this.portIo = new MachinePortIo(this.execution);
    this.processorIntrinsic = new MachineProcessor(this.execution);
    this.memory = new MachineVmmMemory(this.execution);
    this.registers = new MachineGeneralRegisters(core.u8.buffer);
    this.hostEntry = new MachineHostEntry(this.execution);
  }

  static async create(code: readonly string[] = ['again: inc rax', 'jmp again']): Promise<IntrinsicsMachine> {
    const written: number[][] = [];
    const bus = {
      ...emptyBus,
      portRead: (port: number) => port * 2,
      portWrite: (...call: [number, number, number]) => void written.push(call),
    };
    const core = WasmCore.createSync({ module: await coreModule(), memoryBytes: 0x1000000, bus });
    const machine = new IntrinsicsMachine(core);
    Object.assign(machine, { written });
    machine.buildSystem(code);
    return machine;
  }

  private put(physical: number, value: bigint): void {
    this.core.u64[this.core.physicalOffset(physical) >>> 3] = value;
  }

  private buildSystem(code: readonly string[]): void {
    const { core } = this;
    const { u32 } = core;
    core.u8.set(assemble(code, 64, System.Code), core.physicalOffset(System.Code));
    this.put(System.Pml4, BigInt(System.Pdpt) | 7n);
    this.put(System.Pdpt, BigInt(System.Pd) | 7n);
    for (let i = 0; i < 8; i++) this.put(System.Pd + 8 * i, BigInt(i * 0x200000) | 0x87n);
    u32[Word.cr0] = 0x80000031;
    u32[Word.cr4] = 0x20;
    u32[Word.efer] = 0x500;
    u32[Word.cr3] = System.Pml4;
    u32[Word.featureControl] = 5;
    u32[Word.rights + 1] = 0xa09b;
    u32[Word.rights + 2] = 0xc093;
    u32[Word.selectors + 1] = 8;
    u32[Word.bases + 2] = 0;
    u32[Word.rip] = System.Code;
    u32[Word.rip + 1] = 0;
    u32[Word.rsp] = System.Stack;
    core.stateLoaded();
  }

  /** VMXON and a VMCS that makes the present context the guest. To be called in the driver's context. */
  prepare(entry: () => void, fields: Partial<Record<VmcsFieldName, bigint>> = {}): void {
    const { virtual, physical } = this.memory.regions[0]!;
    this.controlRegisters.writeCr4(this.controlRegisters.readCr4() | 0x2000n);
    for (const offset of [vmxonOffset, vmcsOffset]) this.memory.write32(virtual + offset, vmcsRevision);
    this.vmx.vmxon(physical + vmxonOffset);
    this.vmx.vmclear(physical + vmcsOffset);
    this.vmx.vmptrld(physical + vmcsOffset);
    for (const [name, value] of Object.entries({ ...this.contextFields(entry), ...fields })) {
      this.vmx.vmwrite(VmcsField[name as VmcsFieldName], value);
    }
  }

  /** Launches the present context as a guest whose exits `entry` handles. */
  launch(entry: () => void = () => this.skipExit(), fields: Partial<Record<VmcsFieldName, bigint>> = {}): boolean {
    this.prepare(entry, fields);
    return this.vmx.vmlaunch();
  }

  /** Handles an exit by going on after the instruction; CPUID answers with its leaf and subleaf added. */
  skipExit(): void {
    const { vmx, registers } = this;
    const reason = vmx.vmreadLow(VmcsField.ExitReason);
    this.exits.push(reason);
    if (reason === 10) registers.values.set([registers.values[0]! + registers.values[1]!, 11n, 22n, 33n], 0);
    const rip = vmx.vmread(VmcsField.GuestRip)! + BigInt(vmx.vmreadLow(VmcsField.VmExitInstructionLength));
    vmx.vmwrite(VmcsField.GuestRip, rip);
    vmx.vmresume();
  }

  private contextFields(entry: () => void): Partial<Record<VmcsFieldName, bigint>> {
    const { controlRegisters, segments, hostEntry, core } = this;
    const { rip, rsp } = hostEntry.launchPoint();
    const segment = (name: string, number: number): object => ({
      [`Guest${name}Selector`]: BigInt(core.u32[Word.selectors + number]!),
      [`Guest${name}Base`]: core.u64[(Layout.ES_BASE >>> 3) + number]!,
      [`Guest${name}Limit`]: BigInt(core.u32[Word.limits + number]!),
      [`Guest${name}AccessRights`]: BigInt(core.u32[Word.rights + number]!),
    });
    const names = ['Es', 'Cs', 'Ss', 'Ds', 'Fs', 'Gs', 'Ldtr', 'Tr'];
    return {
      ...validFields,
      ...Object.assign({}, ...names.map(segment)),
      PrimaryProcessorBasedVmExecutionControls: 0x04006172n | (1n << 28n),
      AddressOfMsrBitmap: BigInt(System.MsrBitmap),
      GuestCr0: controlRegisters.readCr0(),
      GuestCr3: controlRegisters.readCr3(),
      GuestCr4: controlRegisters.readCr4(),
      GuestGdtrBase: segments.sgdt().base,
      GuestGdtrLimit: BigInt(segments.sgdt().limit),
      GuestIdtrBase: segments.sidt().base,
      GuestIdtrLimit: BigInt(segments.sidt().limit),
      GuestRip: rip,
      GuestRsp: rsp,
      HostCr3: controlRegisters.readCr3(),
      HostRip: hostEntry.attach(entry),
    };
  }
}
