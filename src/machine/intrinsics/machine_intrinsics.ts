// SPDX-License-Identifier: LGPL-2.1-only
import { ControlRegisters } from '../../intrinsics/instructions/control_registers.js';
import { Cpuid } from '../../intrinsics/instructions/cpuid.js';
import { GeneralRegisters } from '../../intrinsics/instructions/general_registers.js';
import { HostEntry } from '../../intrinsics/instructions/host_entry.js';
import { LocalApic } from '../../intrinsics/instructions/local_apic.js';
import { Msrs } from '../../intrinsics/instructions/msr.js';
import { PortIo } from '../../intrinsics/instructions/port_io.js';
import { Processor, Processors } from '../../intrinsics/instructions/processor.js';
import { Segments } from '../../intrinsics/instructions/segments.js';
import { VmmMemory } from '../../intrinsics/instructions/vmm_memory.js';
import { Vmx } from '../../intrinsics/instructions/vmx.js';
import type { Execution } from './execution.js';
import { MachineControlRegisters } from './machine_control_registers.js';
import { MachineCpuid } from './machine_cpuid.js';
import { MachineGeneralRegisters } from './machine_general_registers.js';
import { MachineHostEntry } from './machine_host_entry.js';
import { MachineLocalApic } from './machine_local_apic.js';
import { MachineMsrs } from './machine_msrs.js';
import { MachinePortIo } from './machine_port_io.js';
import { MachineProcessor } from './machine_processor.js';
import { MachineProcessors } from './machine_processors.js';
import { MachineSegments } from './machine_segments.js';
import { MachineVmmMemory } from './machine_vmm_memory.js';
import { MachineVmx } from './machine_vmx.js';

/** The constant values that the driver binds into the VMM's container. */
export interface IntrinsicBinding {
  readonly symbol: symbol;
  readonly value: unknown;
}

/** The simulated machine's implementation of every intrinsics interface. */
export function machineIntrinsics(execution: Execution): readonly IntrinsicBinding[] {
  return [
    { symbol: Vmx, value: new MachineVmx(execution) },
    { symbol: Msrs, value: new MachineMsrs(execution) },
    { symbol: Cpuid, value: new MachineCpuid(execution) },
    { symbol: ControlRegisters, value: new MachineControlRegisters(execution) },
    { symbol: Segments, value: new MachineSegments(execution) },
    { symbol: PortIo, value: new MachinePortIo(execution) },
    { symbol: Processor, value: new MachineProcessor(execution) },
    { symbol: Processors, value: new MachineProcessors(execution) },
    { symbol: LocalApic, value: new MachineLocalApic(execution) },
    { symbol: VmmMemory, value: new MachineVmmMemory(execution) },
    { symbol: GeneralRegisters, value: new MachineGeneralRegisters(execution.u32.buffer) },
    { symbol: HostEntry, value: new MachineHostEntry(execution) },
  ];
}
