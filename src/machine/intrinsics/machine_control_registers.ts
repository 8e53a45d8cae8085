// SPDX-License-Identifier: LGPL-2.1-only
import { ProcessorFault } from '../../intrinsics/errors.js';
import type { ControlRegisters } from '../../intrinsics/control_registers.js';
import { Layout } from '../layout.js';
import type { DriverInstruction } from '../vmx/driver_pages.js';
import { readFlags, writeFlags } from '../vmx/lazy_flags.js';
import { Word } from '../vmx/words.js';
import type { Execution } from './execution.js';
import { fromHalves, highHalf, lowHalf, setWord64, word64 } from './halves.js';

const rax = Layout.RAX >>> 2;
const rcx = Layout.RCX >>> 2;
const rdx = Layout.RDX >>> 2;
const cr2 = Layout.CR2 >>> 2;
const dr6 = Layout.DR6 >>> 2;
const xcr0 = Layout.XCR0 >>> 2;

/** Control registers, DR7, XCR0 and RFLAGS of the simulated processor. */
export class MachineControlRegisters implements ControlRegisters {
  constructor(private readonly execution: Execution) {}

  readCr0(): bigint {
    return this.read('readCr0', Word.cr0);
  }
  writeCr0(value: bigint): void {
    this.write('writeCr0', 0, value);
  }
  readCr2(): bigint {
    // No exit changes CR2, and a guest's read of it never exits.
    return word64(this.execution.u32, cr2);
  }
  writeCr2(value: bigint): void {
    setWord64(this.execution.u32, cr2, value);
  }
  readCr3(): bigint {
    return this.read('readCr3', Word.cr3);
  }
  writeCr3(value: bigint): void {
    this.write('writeCr3', 3, value);
  }
  readCr4(): bigint {
    return this.read('readCr4', Word.cr4);
  }
  writeCr4(value: bigint): void {
    this.write('writeCr4', 4, value);
  }

  readCr8(): bigint {
    if (this.execution.isGuest) return this.executeAndRead('readCr8');
    return BigInt(this.execution.processor.core.taskPriorityRead() >>> 4);
  }
  writeCr8(value: bigint): void {
    this.write('writeCr8', 8, value);
  }

  readDr6(): bigint {
    if (this.execution.isGuest) return this.executeAndRead('readDr6');
    // No exit changes DR6: the VMM sees the guest's.
    return word64(this.execution.u32, dr6);
  }
  writeDr6(value: bigint): void {
    if (this.execution.isGuest) {
      this.executeWith('writeDr6', value);
      return;
    }
    if (value >> 32n !== 0n)
      throw new ProcessorFault(13, 0, `MOV DR6, 0x${value.toString(16)} raised #GP: bits 63:32 are reserved`);
    // SDM 3B "Debug Status Register (DR6)": bits 31:16 and 11:4 are 1, bit 12 is 0.
    setWord64(this.execution.u32, dr6, (value & 0xe00fn) | 0xffff0ff0n);
  }

  readDr7(): bigint {
    return this.read('readDr7', Word.dr7);
  }
  writeDr7(value: bigint): void {
    if (this.execution.isGuest) {
      this.executeWith('writeDr7', value);
      return;
    }
    if (value >> 32n !== 0n)
      throw new ProcessorFault(13, 0, `MOV DR7, 0x${value.toString(16)} raised #GP: bits 63:32 are reserved`);
    this.execution.loadHost();
    // SDM 3B "Debug Control Register (DR7)": bit 10 is 1, bits 12, 14, 15 are 0.
    setWord64(this.execution.u32, Word.dr7, (value & 0xffff2fffn) | 0x400n);
    this.execution.processor.core.stateLoaded();
  }

  xgetbv(register: number): bigint {
    if (register !== 0) throw new ProcessorFault(13, 0, `XGETBV of register ${register} raised #GP: only XCR0 exists`);
    return word64(this.execution.u32, xcr0);
  }
  xsetbv(register: number, value: bigint): void {
    const { execution } = this;
    if (execution.isGuest) {
      setWord64(execution.u32, rcx, BigInt(register));
      setWord64(execution.u32, rax, value & 0xffffffffn);
      setWord64(execution.u32, rdx, value >> 32n);
      execution.execute('xsetbv');
      return;
    }
    execution.check(
      execution.processor.core.xsetbv(register, lowHalf(value), highHalf(value)),
      `XSETBV ${register} with 0x${value.toString(16)}`,
    );
  }

  readRflags(): bigint {
    if (!this.execution.isGuest) this.execution.loadHost();
    return BigInt(readFlags(this.execution.u32));
  }
  writeRflags(value: bigint): void {
    if (!this.execution.isGuest) this.execution.loadHost();
    // Bit 1 is always 1; VM, VIF, VIP and the reserved bits are beyond POPF at CPL 0.
    writeFlags(this.execution.u32, (lowHalf(value) & 0x257fd5) | 2);
    this.execution.processor.core.stateLoaded();
  }

  private read(name: DriverInstruction, word: number): bigint {
    if (this.execution.isGuest) return this.executeAndRead(name);
    this.execution.loadHost();
    return word64(this.execution.u32, word);
  }

  private write(name: DriverInstruction, register: number, value: bigint): void {
    const { execution } = this;
    if (execution.isGuest) {
      this.executeWith(name, value);
      return;
    }
    execution.loadHost();
    execution.check(
      execution.processor.core.writeControlRegister(register, lowHalf(value), highHalf(value)),
      `MOV CR${register}, 0x${value.toString(16)}`,
    );
  }

  private executeAndRead(name: DriverInstruction): bigint {
    this.execution.execute(name);
    return fromHalves(this.execution.u32[rax]!, this.execution.u32[rax + 1]!);
  }

  private executeWith(name: DriverInstruction, value: bigint): void {
    setWord64(this.execution.u32, rax, value);
    this.execution.execute(name);
  }
}
