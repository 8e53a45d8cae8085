// SPDX-License-Identifier: LGPL-2.1-only
/* eslint-disable @typescript-eslint/no-unsafe-declaration-merging, @typescript-eslint/no-empty-object-type --
   the definitions give the class its properties; a test walks them all */
import { inject, injectable } from 'inversify';
import { lazilyInEach, makeWordAccessor } from '../../intrinsics/accessors/build_accessors.js';
import type { RegisterAccessors } from '../../intrinsics/accessors/register_accessors.js';
import { RegisterSource } from '../../intrinsics/accessors/register_source.js';
import { ControlRegisters } from '../../intrinsics/instructions/control_registers.js';
import { registerFields, selectorFields } from '../../intrinsics/registers/registers.js';
import { segmentNames, Segments, type SegmentName } from '../../intrinsics/instructions/segments.js';
import { warn } from './warn.js';

type RegisterName = keyof typeof registerFields;

/** How each register is read and written. */
const moves: Readonly<
  Record<
    RegisterName,
    readonly [
      read: (registers: ControlRegisters) => bigint,
      write: (registers: ControlRegisters, value: bigint) => void,
    ]
  >
> = {
  cr0: [(registers) => registers.readCr0(), (registers, value) => registers.writeCr0(value)],
  cr2: [(registers) => registers.readCr2(), (registers, value) => registers.writeCr2(value)],
  cr3: [(registers) => registers.readCr3(), (registers, value) => registers.writeCr3(value)],
  cr4: [(registers) => registers.readCr4(), (registers, value) => registers.writeCr4(value)],
  cr8: [(registers) => registers.readCr8(), (registers, value) => registers.writeCr8(value)],
  xcr0: [(registers) => registers.xgetbv(0), (registers, value) => registers.xsetbv(0, value)],
  rflags: [(registers) => registers.readRflags(), (registers, value) => registers.writeRflags(value)],
  dr6: [(registers) => registers.readDr6(), (registers, value) => registers.writeDr6(value)],
  dr7: [(registers) => registers.readDr7(), (registers, value) => registers.writeDr7(value)],
};

/** The registers by name over the instructions that move them. */
@injectable()
export class RegisterAccessorsX64 {
  @inject(ControlRegisters) protected readonly controlRegisters!: ControlRegisters;
  @inject(Segments) protected readonly segments!: Segments;

  static {
    for (const name of Object.keys(registerFields) as RegisterName[]) {
      lazilyInEach(this.prototype, name, (self) => self.makeRegister(name));
    }
    for (const name of segmentNames) lazilyInEach(this.prototype, name, (self) => self.makeSelector(name));
  }

  private makeRegister(name: RegisterName): object {
    const [read, write] = moves[name];
    const source = new RegisterSource(
      name,
      () => read(this.controlRegisters),
      (value) => write(this.controlRegisters, value),
      warn,
    );
    return makeWordAccessor(source, { name, fields: registerFields[name] });
  }

  private makeSelector(name: SegmentName): object {
    const source = new RegisterSource(
      name,
      () => BigInt(this.segments.readSelector(name)),
      (value) => this.segments.writeSelector(name, Number(value)),
      warn,
    );
    return makeWordAccessor(source, { name, bytes: 2, fields: selectorFields });
  }
}

/** Its properties: the definitions make them. */
export interface RegisterAccessorsX64 extends RegisterAccessors {}
