// SPDX-License-Identifier: LGPL-2.1-only
// VMX instructions that x86 code of the machine executes. The core has decoded and checked them, fetched their operands, and stopped with
// `StopReason.VmxInstruction`. This file performs and completes them. SDM 3D "VMX Instruction Reference".
import { Rflags, STATUS_FLAGS } from '../../../intrinsics/registers/registers.js';
import { InterruptionType, Vector } from '../../../intrinsics/vmx/exit_information.js';
import { Constants } from '../../layout/core_constants.js';
import { readFlags, writeFlags } from '../../processor/lazy_flags.js';
import { isValidEptp } from './eptp.js';
import { Owner } from '../vmx_state.js';
import type { VmxEngine } from '../vmx_engine.js';
import { faultVector, VmxStatus } from './vmx_status.js';
import { store64, Word } from '../words.js';

/** Performs the instruction that waits in the core's VMX_OPERAND words, and completes it: flags and RIP, a fault, or a VM entry. */
export function performCodeInstruction(engine: VmxEngine): void {
  const { u32 } = engine.core;
  const status = perform(engine, u32[Word.operandInstruction]!);
  if (status === VmxStatus.Transferred) return;
  const vector = faultVector(status);
  if (vector >= 0) {
    raise(u32, vector);
    return;
  }
  const bit =
    status === VmxStatus.FailInvalid ? Rflags.CarryFlag : status === VmxStatus.FailValid ? Rflags.ZeroFlag : 0;
  writeFlags(u32, (readFlags(u32) & ~STATUS_FLAGS) | bit);
  engine.core.completeInstruction(u32[Word.operandLength]!);
}

function raise(u32: Uint32Array, vector: number): void {
  u32[Word.faultPending] = 1;
  u32[Word.faultVector] = vector;
  u32[Word.faultType] = InterruptionType.HardwareException;
  u32[Word.faultHasCode] = vector === Vector.GeneralProtection ? 1 : 0;
  u32[Word.faultCode] = 0;
  u32[Word.faultLength] = 0;
}

function perform(engine: VmxEngine, instruction: number): VmxStatus {
  const { instructions } = engine;
  const { u32 } = engine.core;
  const low = u32[Word.operandValue]!;
  const high = u32[Word.operandValue + 1]!;
  switch (instruction) {
    case Constants.VMX_INSTRUCTION_VMCALL:
      return instructions.vmcallInRoot();
    case Constants.VMX_INSTRUCTION_VMCLEAR:
      return instructions.vmclear(low, high);
    case Constants.VMX_INSTRUCTION_VMLAUNCH:
      return engine.enter(true, Owner.Code);
    case Constants.VMX_INSTRUCTION_VMPTRLD:
      return instructions.vmptrld(low, high);
    case Constants.VMX_INSTRUCTION_VMPTRST:
      return storeResult(engine, u32[Word.currentVmcs]!, u32[Word.currentVmcs + 1]!);
    case Constants.VMX_INSTRUCTION_VMREAD:
      return vmread(engine);
    case Constants.VMX_INSTRUCTION_VMRESUME:
      return engine.enter(false, Owner.Code);
    case Constants.VMX_INSTRUCTION_VMWRITE:
      return instructions.vmwrite(u32[Word.operandField]!, u32[Word.operandField + 1]!, low, high);
    case Constants.VMX_INSTRUCTION_VMXOFF:
      return instructions.vmxoff();
    case Constants.VMX_INSTRUCTION_VMXON:
      return instructions.vmxon(low, high, Owner.Code);
    case Constants.VMX_INSTRUCTION_INVEPT:
      return invept(engine);
    case Constants.VMX_INSTRUCTION_INVVPID:
      return invvpid(engine);
    default:
      return VmxStatus.UndefinedOpcode;
  }
}

function vmread(engine: VmxEngine): VmxStatus {
  const { core, instructions, vmcs } = engine;
  const { u32 } = core;
  const field = u32[Word.operandField]!;
  const slot = instructions.vmread(field, u32[Word.operandField + 1]!);
  if (slot < 0) return instructions.lastFailure;
  const isHigh = (field & 1) !== 0;
  const low = isHigh ? vmcs.high(slot) : vmcs.low(slot);
  const high = isHigh ? 0 : vmcs.high(slot);
  return storeResult(engine, low, high);
}

/** Stores a result to the register or to the memory that VMREAD or VMPTRST names. */
function storeResult(engine: VmxEngine, low: number, high: number): VmxStatus {
  const { core } = engine;
  const { u32 } = core;
  const size = u32[Word.operandSize]!;
  const register = u32[Word.operandRegister]!;
  if (register !== 0) store64(u32, register >>> 2, low, size === 8 ? high : 0);
  else core.writeLinear(u32[Word.operandLinear]!, u32[Word.operandLinear + 1]!, low, high, size);
  return VmxStatus.Succeed;
}

function invept(engine: VmxEngine): VmxStatus {
  const { u32 } = engine.core;
  const low = u32[Word.operandDescriptor]!;
  const high = u32[Word.operandDescriptor + 1]!;
  return engine.instructions.invept(
    u32[Word.operandValue]!,
    u32[Word.operandValue + 1]!,
    low,
    high,
    isValidEptp(low, high, engine.physicalAddressWidth),
  );
}

function invvpid(engine: VmxEngine): VmxStatus {
  const { u32 } = engine.core;
  const high = u32[Word.operandDescriptor + 3]!;
  const top = (high | 0) >> 15;
  return engine.instructions.invvpid(
    u32[Word.operandValue]!,
    u32[Word.operandValue + 1]!,
    u32[Word.operandDescriptor]!,
    u32[Word.operandDescriptor + 1]!,
    top === 0 || top === -1,
  );
}
