// SPDX-License-Identifier: LGPL-2.1-only
// Writes of registers by a debugger. Each does what the instruction does that writes the register, without its VM exit, and takes no value that the
// instruction would not take. Precondition of all: the processor is loaded.
import { dr6After, dr7After } from '../../intrinsics/contents/control_register_contents.js';
import { isCanonicalHigh } from '../../intrinsics/contents/msr_values.js';
import type { TableRegister } from '../../intrinsics/instructions/segments.js';
import { FloatException, Mxcsr, X87Control, X87Opcode, X87Status } from '../../intrinsics/registers/floating_point.js';
import type { MsrName } from '../../intrinsics/registers/msr_definitions.js';
import { Msr } from '../../intrinsics/registers/msr_definitions.js';
import { Rflags, RFLAGS_ALWAYS_DISABLED, RFLAGS_ALWAYS_ENABLED } from '../../intrinsics/registers/registers.js';
import { Vector } from '../../intrinsics/vmx/exit_information.js';
import { Constants } from '../layout/core_constants.js';
import { highHalf, lowHalf } from '../processor/halves.js';
import type { LogicalProcessor } from '../processor/logical_processor.js';
import { segmentRegisterNames, type Segment, type Table } from '../processor/register_names.js';
import { addressMode, executionState } from '../report/execution_state.js';

/** Why a write is refused; nothing was written. Undefined: it is done, except for bits that the processor does not take. */
export type Refusal = string | undefined;

const isCanonical = (value: bigint): boolean => isCanonicalHigh(highHalf(value), Constants.LINEAR_ADDRESS_WIDTH);
const NOT_CANONICAL = 'it is not canonical';
const ABOVE_32 = 'bits 63:32 must be 0';

/** As a jump does. */
export function writeRip(processor: LogicalProcessor, value: bigint): Refusal {
  const { bits } = addressMode(executionState(processor));
  if (bits === 64 && !isCanonical(value)) return NOT_CANONICAL;
  if (bits !== 64 && value >> 32n !== 0n) return `${ABOVE_32} in ${bits}-bit code`;
  processor.core.block.set('RIP', value);
  return undefined;
}

/** Of these, POPF at CPL 0 writes none. SDM 2B "POPF—Pop Stack Into EFLAGS Register". */
const KEPT_FLAGS = BigInt(Rflags.Virtual8086Mode | Rflags.VirtualInterruptFlag | Rflags.VirtualInterruptPending);

/** As POPF does at CPL 0. */
export function writeRflags({ core: { block } }: LogicalProcessor, value: bigint): Refusal {
  const kept = block.get('RFLAGS') & KEPT_FLAGS;
  block.set('RFLAGS', (value & ~RFLAGS_ALWAYS_DISABLED & ~KEPT_FLAGS) | kept | BigInt(RFLAGS_ALWAYS_ENABLED));
  return undefined;
}

/** As MOV to CR0, CR3 or CR4 does. */
export function writeControlRegister({ core }: LogicalProcessor, register: 0 | 3 | 4, value: bigint): Refusal {
  const vector = core.writeControlRegister(register, lowHalf(value), highHalf(value));
  if (vector < 0) return undefined;
  return `MOV to CR${register} does not take it in this mode (reserved bits, bits that VMX operation fixes, or bits that exclude each other)`;
}

/** As XSETBV does. */
export function writeXcr0({ core }: LogicalProcessor, value: bigint): Refusal {
  return core.xsetbv(0, lowHalf(value), highHalf(value)) < 0 ? undefined : 'XSETBV does not take it';
}

/** As WRMSR does. */
export function writeMsr({ core }: LogicalProcessor, name: MsrName, value: bigint): Refusal {
  return core.writeMsr(Msr[name], lowHalf(value), highHalf(value)) ? undefined : 'WRMSR does not take it';
}

/** As MOV to DR0 … DR3 does. */
export function writeDebugAddress({ core }: LogicalProcessor, register: 0 | 1 | 2 | 3, value: bigint): Refusal {
  core.block.set(`DR${register}`, value);
  // Pages with data breakpoints have no translation in the TLB.
  core.flushTlb();
  return undefined;
}

/** As MOV to DR6 or DR7 does. */
export function writeDebugRegister({ core }: LogicalProcessor, register: 6 | 7, value: bigint): Refusal {
  if (value >> 32n !== 0n) return ABOVE_32;
  const after = register === 6 ? dr6After : dr7After;
  core.block.set(`DR${register}`, BigInt(after(lowHalf(value)) >>> 0));
  core.flushTlb();
  return undefined;
}

/** Exceptions that a load of a selector raises, as people call them. */
const selectorFaults: Readonly<Record<number, string>> = {
  [Vector.SegmentNotPresent]: 'NP, the descriptor is not present',
  [Vector.StackSegmentFault]: 'SS, the descriptor is not present',
  [Vector.GeneralProtection]: 'GP, the descriptor is not one for this register, or its privilege does not fit',
  [Vector.PageFault]: 'PF, the table is not mapped',
};

/** As MOV to a data segment register, LLDT or LTR does, which also mark the descriptor. */
export function writeSelector({ core }: LogicalProcessor, segment: Segment, value: bigint): Refusal {
  if (value >> 16n !== 0n) return 'a selector has 16 bits';
  const isSystem = segment === 'LDTR' || segment === 'TR';
  const instruction = isSystem ? `L${segment === 'TR' ? 'TR' : 'LDT'}` : `MOV to ${segment}`;
  if (isSystem && core.block.get('CPL') !== 0) return `${instruction} needs CPL 0`;
  const vector = core.loadSegment(segmentRegisterNames.indexOf(segment), Number(value));
  if (vector < 0) return undefined;
  return `${instruction} does not take it: ${selectorFaults[vector] ?? `exception ${vector}`}`;
}

/** As LGDT or LIDT does. */
export function writeTable({ core: { block } }: LogicalProcessor, table: Table, part: Partial<TableRegister>): Refusal {
  const value = { ...block.get(table), ...part };
  if (!isCanonical(value.base)) return NOT_CANONICAL;
  if (value.limit >> 16 !== 0) return 'a limit has 16 bits';
  block.set(table, value);
  return undefined;
}

const MXCSR_BITS =
  FloatException.All | Mxcsr.DenormalsAreZeros | Mxcsr.Masks | Mxcsr.RoundingControl | Mxcsr.FlushToZero;

/** As LDMXCSR does. */
export function writeMxcsr({ core: { block } }: LogicalProcessor, value: bigint): Refusal {
  if ((Number(value) & ~MXCSR_BITS) !== 0) return 'reserved bits must be 0';
  block.set('MXCSR', Number(value));
  return undefined;
}

const CONTROL_BITS =
  FloatException.All | X87Control.PrecisionControl | X87Control.RoundingControl | X87Control.InfinityControl;
const SUMMARY = X87Status.ErrorSummary | X87Status.Busy;
const WORD = 0xffff;

/** Control and status word of the x87 FPU, as FLDENV loads them: the summary follows from flags and masks. */
export function writeX87Words(
  { core: { block } }: LogicalProcessor,
  words: { readonly control?: bigint; readonly status?: bigint },
): Refusal {
  if (block.get('X87_FERR') !== 0)
    return 'an error of the FPU is signalled to the interrupt controller: FNCLEX ends it';
  const control = Number(words.control ?? block.get('X87_CONTROL'));
  const status = Number(words.status ?? block.get('X87_STATUS')) & WORD & ~SUMMARY;
  const isPending = (status & ~control & FloatException.All) !== 0;
  block.load({
    X87_CONTROL: (control & CONTROL_BITS) | X87Control.Reserved,
    X87_STATUS: status | (isPending ? SUMMARY : 0),
  });
  return undefined;
}

/** Pointers and opcode of the last x87 instruction, as FLDENV loads them. */
export function writeX87Pointer(
  { core: { block } }: LogicalProcessor,
  name: 'X87_IP' | 'X87_DP' | 'X87_CS' | 'X87_DS' | 'X87_OPCODE',
  value: bigint,
): Refusal {
  if (name === 'X87_IP' || name === 'X87_DP') block.set(name, value);
  else block.set(name, Number(value) & (name === 'X87_OPCODE' ? X87Opcode.Bits : WORD));
  return undefined;
}
