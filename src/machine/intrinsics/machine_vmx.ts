// SPDX-License-Identifier: LGPL-2.1-only
import { ProcessorFault } from '../../intrinsics/errors.js';
import type { Vmx } from '../../intrinsics/instructions/vmx.js';
import { isCanonicalHigh } from '../../intrinsics/contents/msr_values.js';
import { Constants } from '../layout/core_constants.js';
import { isValidEptp } from '../vmx/instructions/eptp.js';
import type { DriverInstruction } from '../driver_context/driver_pages.js';
import type { VmxEngine } from '../vmx/vmx_engine.js';
import { Owner } from '../vmx/vmx_state.js';
import { faultVector, VmxStatus } from '../vmx/instructions/vmx_status.js';
import type { Execution } from './execution.js';
import { fromHalves, highHalf, lowHalf, word64 } from '../processor/halves.js';

const carryOrZero = 0x41n;

/** The VMX instructions on the simulated processor. */
export class MachineVmx implements Vmx {
  constructor(private readonly execution: Execution) {}

  vmxon(region: bigint): boolean {
    if (this.execution.isGuestAfterExits()) return this.executeOnMemory('vmxon', region);
    this.execution.loadHost();
    return this.done('VMXON', this.engine.instructions.vmxon(lowHalf(region), highHalf(region), Owner.JavaScript));
  }

  vmxoff(): boolean {
    if (this.execution.isGuestAfterExits()) return this.executed('vmxoff');
    this.needsVmx('VMXOFF');
    return this.done('VMXOFF', this.engine.instructions.vmxoff());
  }

  vmclear(region: bigint): boolean {
    if (this.execution.isGuestAfterExits()) return this.executeOnMemory('vmclear', region);
    this.needsVmx('VMCLEAR');
    this.putOff(region);
    return this.done('VMCLEAR', this.engine.instructions.vmclear(lowHalf(region), highHalf(region)));
  }

  vmptrld(region: bigint): boolean {
    if (this.execution.isGuestAfterExits()) return this.executeOnMemory('vmptrld', region);
    this.needsVmx('VMPTRLD');
    // The guest's state in the processor belongs to the VMCS that was current at the exit.
    if (BigInt(this.engine.vmcs.region) !== region) this.execution.loadHost();
    return this.done('VMPTRLD', this.engine.instructions.vmptrld(lowHalf(region), highHalf(region)));
  }

  vmptrst(): bigint {
    if (this.execution.isGuestAfterExits()) {
      const operand = this.pointAtOperand();
      this.execution.execute('vmptrst');
      return word64(this.execution.u32, operand >>> 2);
    }
    this.needsVmx('VMPTRST');
    const { region } = this.engine.vmcs;
    return region < 0 ? 0xffff_ffff_ffff_ffffn : BigInt(region);
  }

  vmread(field: number): bigint | undefined {
    if (this.execution.isGuestAfterExits()) {
      const { registers } = this.execution;
      registers.set('RCX', field);
      return this.executed('vmread') ? registers.get('RAX') : undefined;
    }
    this.needsVmx('VMREAD');
    const { instructions, vmcs } = this.engine;
    const slot = instructions.vmread(field, 0);
    if (slot < 0) return undefined;
    return (field & 1) !== 0 ? BigInt(vmcs.high(slot)) : vmcs.value(field);
  }

  vmwrite(field: number, value: bigint): boolean {
    if (this.execution.isGuestAfterExits()) {
      this.execution.registers.load({ RAX: field, RCX: value });
      return this.executed('vmwrite');
    }
    this.needsVmx('VMWRITE');
    return this.done('VMWRITE', this.engine.instructions.vmwrite(field, 0, lowHalf(value), highHalf(value)));
  }

  vmreadLow(field: number): number {
    const { engine } = this.execution;
    return (engine.state.nonRoot ? lowHalf(this.vmread(field) ?? 0n) : engine.instructions.readLow(field)) | 0;
  }

  vmreadHigh(field: number): number {
    const { engine } = this.execution;
    return (engine.state.nonRoot ? highHalf(this.vmread(field) ?? 0n) : engine.instructions.readHigh(field)) | 0;
  }

  vmwriteHalves(field: number, low: number, high: number): boolean {
    const { engine } = this.execution;
    if (engine.state.nonRoot) return this.vmwrite(field, fromHalves(low, high));
    return engine.instructions.vmwrite(field, 0, low, high) === VmxStatus.Succeed;
  }

  vmlaunch(): boolean {
    return this.enter('vmlaunch', true);
  }

  vmresume(): boolean {
    return this.enter('vmresume', false);
  }

  invept(type: number, eptp: bigint): boolean {
    if (this.execution.isGuestAfterExits()) return this.executeDescriptor('invept', type, eptp, 0n);
    this.needsVmx('INVEPT');
    const low = lowHalf(eptp);
    const high = highHalf(eptp);
    const isValid = isValidEptp(low, high, this.engine.physicalAddressWidth);
    return this.done('INVEPT', this.engine.instructions.invept(type, 0, low, high, isValid));
  }

  invvpid(type: number, vpid: number, linearAddress: bigint): boolean {
    return this.invvpidHalves(type, vpid, lowHalf(linearAddress), highHalf(linearAddress));
  }

  invvpidHalves(type: number, vpid: number, low: number, high: number): boolean {
    if (this.execution.isGuestAfterExits())
      return this.executeDescriptor('invvpid', type, BigInt(vpid), fromHalves(low, high));
    this.needsVmx('INVVPID');
    const isCanonical = isCanonicalHigh(high, Constants.LINEAR_ADDRESS_WIDTH);
    return this.done('INVVPID', this.engine.instructions.invvpid(type, 0, vpid, 0, isCanonical));
  }

  vmcall(): void {
    if (this.execution.isGuestAfterExits()) {
      this.execution.execute('vmcall');
      return;
    }
    this.needsVmx('VMCALL');
    this.engine.instructions.vmcallInRoot();
  }

  private get engine(): VmxEngine {
    return this.execution.engine;
  }

  private enter(name: 'vmlaunch' | 'vmresume', isLaunch: boolean): boolean {
    const { execution } = this;
    if (execution.isGuestAfterExits()) return this.executed(name);
    if (!execution.engine.instructions.inVmxOperation) this.needsVmx(name);
    const status = execution.engine.enter(isLaunch, Owner.JavaScript);
    return status === VmxStatus.Transferred || this.done(name, status);
  }

  /** Executes VMCLEAR of the VMCS whose guest state is still in the processor. */
  private putOff(region: bigint): void {
    if (BigInt(this.engine.vmcs.region) === region) this.execution.loadHost();
  }

  private needsVmx(what: string): void {
    if (!this.engine.instructions.inVmxOperation) {
      throw new ProcessorFault(
        6,
        undefined,
        `${what.toUpperCase()} outside VMX operation raised #UD: execute VMXON first`,
      );
    }
  }

  private done(what: string, status: VmxStatus): boolean {
    const vector = faultVector(status);
    if (vector >= 0) {
      const why =
        what === 'VMXON' && vector === 13
          ? ': CR0 or CR4 lacks a bit of the fixed MSRs, or IA32_FEATURE_CONTROL does not allow VMX'
          : '';
      throw new ProcessorFault(vector, vector === 13 ? 0 : undefined, `${what} raised exception ${vector}${why}`);
    }
    return status === VmxStatus.Succeed;
  }

  /** Executes an instruction as the guest. @returns whether it ended in VMsucceed. */
  private executed(name: DriverInstruction): boolean {
    this.execution.execute(name);
    return (this.execution.registers.get('RFLAGS') & carryOrZero) === 0n;
  }

  /** RDI := address of the scratch operand. @returns its byte offset in the machine's memory. */
  private pointAtOperand(): number {
    const { virtual, offset } = this.execution.driver.operandAddress();
    this.execution.registers.set('RDI', virtual);
    return offset;
  }

  private executeOnMemory(name: DriverInstruction, value: bigint): boolean {
    this.execution.writer.write64(this.pointAtOperand(), lowHalf(value), highHalf(value));
    return this.executed(name);
  }

  private executeDescriptor(name: DriverInstruction, type: number, first: bigint, second: bigint): boolean {
    const operand = this.pointAtOperand();
    const { writer } = this.execution;
    writer.write64(operand, lowHalf(first), highHalf(first));
    writer.write64(operand + 8, lowHalf(second), highHalf(second));
    this.execution.registers.set('RCX', type);
    return this.executed(name);
  }
}
