// SPDX-License-Identifier: LGPL-2.1-only
import { dr6After, dr7After } from '../../intrinsics/contents/control_register_contents.js';
import { ProcessorFault } from '../../intrinsics/errors.js';
import type {
  ControlRegister,
  ControlRegisters,
  DebugAddressRegister,
} from '../../intrinsics/instructions/control_registers.js';
import { Vector } from '../../intrinsics/vmx/exit_information.js';
import { Rflags, RFLAGS_ALWAYS_ENABLED } from '../../intrinsics/registers/registers.js';
import type { DriverInstruction } from '../driver_context/driver_pages.js';
import type { Execution } from './execution.js';
import { fromHalves, highHalf, lowHalf } from '../processor/halves.js';
import { store64, Word } from '../vmx/words.js';

/** Where registers are that the processor block holds. */
const wordOf = { 0: Word.cr0, 2: Word.cr2, 3: Word.cr3, 4: Word.cr4 } as const;
/** The driver's instruction that writes one. */
const writerOf = { 0: 'writeCr0', 3: 'writeCr3', 4: 'writeCr4', 8: 'writeCr8' } as const;

/** What POPF at CPL 0 writes: all flags but VM, VIF and VIP. SDM 2B "POPF—Pop Stack Into EFLAGS Register". */
const POPF_BITS =
  Object.values(Rflags).reduce((all, bit) => all | bit, 0) &
  ~(Rflags.Virtual8086Mode | Rflags.VirtualInterruptFlag | Rflags.VirtualInterruptPending);

function checkDebugRegister(name: 'DR6' | 'DR7', value: bigint): void {
  if (value >> 32n === 0n) return;
  const what = `MOV ${name}, 0x${value.toString(16)} raised #GP: bits 63:32 are reserved`;
  throw new ProcessorFault(Vector.GeneralProtection, 0, what);
}

/** Control registers, DR7, XCR0 and RFLAGS of the simulated processor. */
export class MachineControlRegisters implements ControlRegisters {
  constructor(private readonly execution: Execution) {}

  readCr0(): bigint {
    return this.read('readCr0', 'CR0');
  }
  writeCr0(value: bigint): void {
    this.write(0, value);
  }
  readCr2(): bigint {
    // No exit changes CR2, and a guest's read of it never exits.
    return this.execution.registers.get('CR2');
  }
  writeCr2(value: bigint): void {
    this.execution.registers.set('CR2', value);
  }
  readCr3(): bigint {
    return this.read('readCr3', 'CR3');
  }
  writeCr3(value: bigint): void {
    this.write(3, value);
  }
  readCr4(): bigint {
    return this.read('readCr4', 'CR4');
  }
  writeCr4(value: bigint): void {
    this.write(4, value);
  }

  readCr8(): bigint {
    if (this.execution.isGuestAfterExits()) return this.executeAndRead('readCr8');
    return BigInt(this.execution.processor.core.taskPriorityRead() >>> 4);
  }
  writeCr8(value: bigint): void {
    this.write(8, value);
  }

  readDebugAddress(register: DebugAddressRegister): bigint {
    if (this.execution.isGuestAfterExits()) return this.executeAndRead(`readDr${register}`);
    // No exit changes DR0–DR3: the VMM sees the guest's.
    return this.execution.registers.get(`DR${register}`);
  }
  writeDebugAddress(register: DebugAddressRegister, value: bigint): void {
    const { execution } = this;
    if (execution.isGuestAfterExits()) {
      this.executeWith(`writeDr${register}`, value);
      return;
    }
    execution.registers.set(`DR${register}`, value);
    // A page with a data breakpoint has no translation in the TLB, so that each access to it is looked at.
    execution.processor.core.flushGuestTlb();
  }

  readDr6(): bigint {
    if (this.execution.isGuestAfterExits()) return this.executeAndRead('readDr6');
    // No exit changes DR6: the VMM sees the guest's.
    return this.execution.registers.get('DR6');
  }
  writeDr6(value: bigint): void {
    if (this.execution.isGuestAfterExits()) {
      this.executeWith('writeDr6', value);
      return;
    }
    checkDebugRegister('DR6', value);
    this.execution.registers.set('DR6', BigInt(dr6After(lowHalf(value)) >>> 0));
  }

  readDr7(): bigint {
    return this.read('readDr7', 'DR7');
  }
  writeDr7(value: bigint): void {
    if (this.execution.isGuestAfterExits()) {
      this.executeWith('writeDr7', value);
      return;
    }
    checkDebugRegister('DR7', value);
    this.execution.loadHost();
    this.execution.registers.set('DR7', BigInt(dr7After(lowHalf(value)) >>> 0));
  }

  xgetbv(register: number): bigint {
    if (register !== 0)
      throw new ProcessorFault(
        Vector.GeneralProtection,
        0,
        `XGETBV of register ${register} raised #GP: only XCR0 exists`,
      );
    return this.execution.registers.get('XCR0');
  }
  xsetbv(register: number, value: bigint): void {
    this.xsetbvHalves(register, lowHalf(value), highHalf(value));
  }

  xsetbvHalves(register: number, low: number, high: number): void {
    const { execution } = this;
    if (execution.isGuestAfterExits()) {
      execution.registers.load({ RCX: register, RAX: low >>> 0, RDX: high >>> 0 });
      execution.execute('xsetbv');
      return;
    }
    const vector = execution.processor.core.xsetbv(register, low, high);
    if (vector >= 0) execution.check(vector, `XSETBV ${register} with 0x${fromHalves(low, high).toString(16)}`);
  }

  readHalves(register: ControlRegister, result: Uint32Array): void {
    const { execution } = this;
    if (execution.isGuestAfterExits()) {
      const value = this.readByNumber(register);
      result[0] = lowHalf(value);
      result[1] = highHalf(value);
      return;
    }
    if (register === 8) {
      result[0] = execution.processor.core.taskPriorityRead() >>> 4;
      result[1] = 0;
      return;
    }
    if (register !== 2) execution.loadHost();
    const at = wordOf[register];
    result[0] = execution.u32[at]!;
    result[1] = execution.u32[at + 1]!;
  }

  writeHalves(register: ControlRegister, low: number, high: number): void {
    const { execution } = this;
    if (register === 2) {
      store64(execution.u32, Word.cr2, low, high);
      return;
    }
    if (execution.isGuestAfterExits()) {
      this.executeWith(writerOf[register], fromHalves(low, high));
      return;
    }
    // The task priority is neither saved nor loaded by VM exits.
    if (register !== 8) execution.loadHost();
    const vector = execution.processor.core.writeControlRegister(register, low, high);
    if (vector >= 0) execution.check(vector, `MOV CR${register}, 0x${fromHalves(low, high).toString(16)}`);
  }

  readRflags(): bigint {
    if (!this.execution.isGuestAfterExits()) this.execution.loadHost();
    return this.execution.registers.get('RFLAGS');
  }
  writeRflags(value: bigint): void {
    if (!this.execution.isGuestAfterExits()) this.execution.loadHost();
    this.execution.registers.set('RFLAGS', (lowHalf(value) & POPF_BITS) | RFLAGS_ALWAYS_ENABLED);
  }

  private read(name: DriverInstruction, register: 'CR0' | 'CR3' | 'CR4' | 'DR7'): bigint {
    if (this.execution.isGuestAfterExits()) return this.executeAndRead(name);
    this.execution.loadHost();
    return this.execution.registers.get(register);
  }

  private write(register: ControlRegister, value: bigint): void {
    this.writeHalves(register, lowHalf(value), highHalf(value));
  }

  private readByNumber(register: ControlRegister): bigint {
    switch (register) {
      case 0:
        return this.readCr0();
      case 2:
        return this.readCr2();
      case 3:
        return this.readCr3();
      case 4:
        return this.readCr4();
      case 8:
        return this.readCr8();
    }
  }

  private executeAndRead(name: DriverInstruction): bigint {
    this.execution.execute(name);
    return this.execution.registers.get('RAX');
  }

  private executeWith(name: DriverInstruction, value: bigint): void {
    this.execution.registers.set('RAX', value);
    this.execution.execute(name);
  }
}
