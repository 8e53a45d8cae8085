// SPDX-License-Identifier: LGPL-2.1-only
import { VmmContainer } from '../../src/vmm/container/vmm_container.js';
import { vmmModule, type PartModule } from '../../src/vmm/container/part_module.js';
import { Entry } from '../../src/vmm/entry/entry.js';
import { HandlerTrace } from '../../src/vmm/exit/handler_trace.js';
import { defaultSerialSettings, SerialSettings } from '../../src/vmm/serial/serial_port.js';
import { VcpuManager } from '../../src/vmm/vcpu/vcpu_manager.js';
import { VmcsWriteTrace } from '../../src/vmm/vmcs_fields/vmcs_write_trace.js';
import { vcpuParts, vmmParts } from '../../src/vmm/vmm_module.js';
import { FakeMachine } from '../support/fake_machine.js';

/** The whole VMM of the containers, on a fake machine. */
export interface TestVmm {
  readonly container: VmmContainer;
  readonly entry: Entry;
  readonly vcpuManager: VcpuManager;
  readonly trace: HandlerTrace;
}

/** Makes the parts of the base and of `modules` over a machine, and initialises none. */
export function builtVmm(
  modules: readonly PartModule[] = [],
  machine = new FakeMachine(),
): { machine: FakeMachine; vmm: TestVmm } {
  const trace: HandlerTrace = { words: new Int32Array(1), outcome: new Int32Array(1), names: [] };
  const intrinsics = vmmModule(({ bind }) => {
    for (const { symbol, value } of machine.intrinsics) bind<unknown>(symbol).toConstantValue(value);
    bind(SerialSettings).toConstantValue(defaultSerialSettings);
    bind(HandlerTrace).toConstantValue(trace);
    bind(VmcsWriteTrace).toConstantValue({ enabled: false });
  });
  const all = [vmmParts, vcpuParts, intrinsics, ...modules];
  const container = VmmContainer.create(all.flatMap((module, index) => module.record(`module ${index}`)));
  const entry = container.get(Entry);
  return { machine, vmm: { container, entry, vcpuManager: container.get(VcpuManager), trace } };
}

/** Loads the base and `modules` on a machine and initialises the VMM. */
export function loadedVmm(
  modules: readonly PartModule[] = [],
  machine = new FakeMachine(),
): { machine: FakeMachine; vmm: TestVmm } {
  const result = builtVmm(modules, machine);
  result.vmm.entry.initVmm();
  return result;
}

/** The same, started on processor 0. */
export function startedVmm(
  modules: readonly PartModule[] = [],
  machine = new FakeMachine(),
): { machine: FakeMachine; vmm: TestVmm } {
  const result = loadedVmm(modules, machine);
  result.vmm.entry.startVmm(0n);
  return result;
}
