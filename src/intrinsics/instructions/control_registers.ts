// SPDX-License-Identifier: LGPL-2.1-only
import { component } from '../component.js';

/** The number of a control register that exists. */
export type ControlRegister = 0 | 2 | 3 | 4 | 8;
/** The number of a debug register that holds the address of a breakpoint. SDM 3B "Debug Address Registers (DR0-DR3)". */
export type DebugAddressRegister = 0 | 1 | 2 | 3;
export const debugAddressRegisters: readonly DebugAddressRegister[] = [0, 1, 2, 3];

/** MOV to and from control and debug registers, XSETBV, RFLAGS. SDM 3A "Control Registers". A #GP or #UD throws `ProcessorFault`. */
export interface ControlRegisters {
  readCr0(): bigint;
  writeCr0(value: bigint): void;
  readCr2(): bigint;
  writeCr2(value: bigint): void;
  readCr3(): bigint;
  writeCr3(value: bigint): void;
  readCr4(): bigint;
  writeCr4(value: bigint): void;
  readCr8(): bigint;
  writeCr8(value: bigint): void;
  readDebugAddress(register: DebugAddressRegister): bigint;
  writeDebugAddress(register: DebugAddressRegister, value: bigint): void;
  readDr6(): bigint;
  writeDr6(value: bigint): void;
  readDr7(): bigint;
  writeDr7(value: bigint): void;
  xgetbv(register: number): bigint;
  xsetbv(register: number, value: bigint): void;
  /** MOV from CR0, CR2, CR3, CR4 or CR8 into two unsigned halves, low first, without allocation: for the exit path. */
  readHalves(register: ControlRegister, result: Uint32Array): void;
  /** MOV to one of them, likewise. */
  writeHalves(register: ControlRegister, low: number, high: number): void;
  /** XSETBV, likewise. */
  xsetbvHalves(register: number, low: number, high: number): void;
  readRflags(): bigint;
  writeRflags(value: bigint): void;
}
export const ControlRegisters = component<ControlRegisters>('bareflank.intrinsics.ControlRegisters', 'vmm');
