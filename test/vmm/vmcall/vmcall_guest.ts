// SPDX-License-Identifier: LGPL-2.1-only
import { ErrorCode } from '../../../src/vmm/error_codes.js';
import { PAT_VALUE } from '../../../src/vmm/memory_manager/memory_attributes.js';
import { VMCALL_MAGIC } from '../../../src/vmm/exit/vmcall_interface.js';
import { ExitReason } from '../../../src/intrinsics/vmx/exit_reasons.js';
import { VmcsField } from '../../../src/intrinsics/vmcs/vmcs_fields.js';
import { vcpuModule, type PartModule } from '../../../src/vmm/container/part_module.js';
import { VmcallContribution } from '../../../src/vmm/contributions/vmcall_contribution.js';
import { ExitHandler } from '../../../src/vmm/exit_handler/exit_handler.js';
import { ExitHandlerIntelX64 } from '../../../src/vmm/exit_handler/exit_handler_intel_x64.js';
import {
  loadVmcallRegisters,
  storeVmcallRegisters,
  type VmcallRegisters,
} from '../../../src/vmm/exit/vmcall_registers.js';
import { captureOutput } from '../capture_output.js';
import { startedVmm } from '../started_vmm.js';

/** A contribution for opcode 0x80 and the JSON command hello. */
const commands = (name: string, answer: string, allowsUserMode?: boolean): PartModule => {
  const contribution: VmcallContribution = {
    name,
    opcodes: [0x80],
    ...(allowsUserMode !== undefined && { allowsUserMode }),
    handleVmcall: (registers) => {
      registers.r03 = BigInt(answer.length);
      return true;
    },
    handleVmcallJson: (command) => ((command as { command: string }).command === 'hello' ? answer : undefined),
  };
  return vcpuModule(({ bind }) => bind(VmcallContribution).toConstantValue(contribution));
};
export const kernelCommands = commands('a-kernel', 'kernel');
export const userCommands = commands('user', 'for all', true);

export const failure = ErrorCode.BF_VMCALL_FAILURE;
const inAddress = 0x400000n;
const outAddress = 0x480000n;

/** A guest that makes VMCALLs, with memory for their data. */
export function vmcallGuest(modules: readonly PartModule[] = []) {
  const { machine } = startedVmm(modules);
  const { memory, generalRegisters, fields } = machine;
  // A page table at 0x9000 that maps 0x400000 … 0x5fffff to 0x800000.
  memory.writePhysical64(0x9000n, 0xa007n);
  memory.writePhysical64(0xa000n, 0xb007n);
  memory.writePhysical64(0xb010n, 0x800087n);
  fields.set(VmcsField.GuestCr3, 0x9018n);
  fields.set(VmcsField.GuestIa32Pat, PAT_VALUE);
  fields.set(VmcsField.GuestRip, 0x1000n);
  let output = '';
  const call = (registers: Partial<VmcallRegisters>): VmcallRegisters => {
    const zero = loadVmcallRegisters(new BigUint64Array(16));
    storeVmcallRegisters({ ...zero, r01: VMCALL_MAGIC, ...registers }, generalRegisters.values);
    output = captureOutput(() => machine.exit(ExitReason.Vmcall, { length: 3 }));
    return loadVmcallRegisters(generalRegisters.values);
  };
  const page = (address: bigint): Uint8Array => memory.page(0x800000n + (address - inAddress));
  const data = (type: number, input: Uint8Array, sizes: Partial<VmcallRegisters> = {}): VmcallRegisters => {
    page(inAddress).set(input);
    return call({
      r00: 3n,
      r04: BigInt(type),
      r05: inAddress,
      r06: BigInt(input.length),
      r08: outAddress,
      r09: 0x1000n,
      ...sizes,
    });
  };
  /** What calls is user mode from now on. */
  const asUser = (): void => void fields.set(VmcsField.GuestSsAccessRights, 0xc0f3n);
  const answer = (size: bigint): Uint8Array => page(outAddress).slice(0, Number(size));
  return { machine, call, data, answer, asUser, rip: () => fields.get(VmcsField.GuestRip), output: () => output };
}

/** A module whose exit handler is `type`. */
export const rebinding = (type: new () => ExitHandlerIntelX64): PartModule =>
  vcpuModule(({ rebind }) => rebind(ExitHandler).to(type));
