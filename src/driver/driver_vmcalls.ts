// SPDX-License-Identifier: LGPL-2.1-only
import { GeneralRegisters } from '../intrinsics/instructions/general_registers.js';
import { Vmx } from '../intrinsics/instructions/vmx.js';
import { VMCALL_MAGIC, VmcallOpcode } from '../vmm/exit/vmcall_interface.js';
import { loadVmcallRegisters, storeVmcallRegisters, type VmcallRegisters } from '../vmm/exit/vmcall_registers.js';
import { VmcallFailures, type VmcallFailure } from '../vmm/vmcall/vmcall_failures.js';
import { DriverError } from './driver_errors.js';
import type { DriverMachine } from './driver_machine.js';
import type { LoadedVmm } from './loaded_vmm.js';
import type { VmcallAnswer } from './vmcall_answer.js';

/** The VMCALLs of a driver: made in its own context, on a processor that the VMM holds. */
export class DriverVmcalls {
  /** @param vmm that answers. It is loaded whenever a VMCALL is made */
  constructor(
    private readonly machine: DriverMachine,
    private readonly vmm: () => LoadedVmm,
  ) {}

  /** Why the VMM refused the last VMCALL that was made on a processor. @returns undefined if it did not, or gave no reason */
  failure(processor: number): VmcallFailure | undefined {
    return this.vmm().get(VmcallFailures).of(BigInt(processor));
  }

  /** Registers that are not given are 0. @returns the registers as the VMM left them */
  make(processor: number, registers: Partial<VmcallRegisters>): VmcallRegisters {
    return this.machine.inDriverContext(processor, () => this.execute(processor, registers));
  }

  /** @param type one of `VmcallDataType`. @throws DriverError if data or answer do not fit into their buffers or the machine has none */
  makeWithData(processor: number, type: number, data: Uint8Array): VmcallAnswer {
    const { vmcallBuffers: buffers } = this.machine;
    if (buffers === undefined) throw new DriverError('this machine has no memory for the data of VMCALLs');
    const { input, output } = buffers;
    if (data.length > input.size)
      throw new DriverError(`${data.length} bytes are too much for one VMCALL: it carries at most ${input.size}`);
    input.write(data);
    const registers = this.make(processor, {
      r00: BigInt(VmcallOpcode.VMCALL_DATA),
      r04: BigInt(type),
      r05: input.address,
      r06: BigInt(data.length),
      r08: output.address,
      r09: BigInt(output.size),
    });
    if (registers.r01 !== 0n) return { registers, data: new Uint8Array() };
    if (registers.r09 > BigInt(output.size))
      throw new DriverError(
        `the VMM answered ${registers.r09} bytes to a VMCALL whose out buffer has ${output.size} (out of range)`,
      );
    return { registers, data: output.read(Number(registers.r09)) };
  }

  /** A VMCALL that the driver itself needs. Precondition: in the driver's context. @throws DriverError if the VMM refuses it */
  expectSuccess(what: string, processor: number, opcode: number): void {
    const { r01 } = this.execute(processor, { r00: BigInt(opcode) });
    if (r01 === 0n) return;
    const failure = this.failure(processor);
    const reason = failure === undefined ? '' : `: ${failure.message}`;
    throw new DriverError(
      `VMCALL ${what} on processor ${processor} failed: the VMM answered 0x${r01.toString(16)}${reason}`,
      { causedBy: failure?.error },
    );
  }

  /** Precondition: in the driver's context. */
  private execute(processor: number, registers: Partial<VmcallRegisters>): VmcallRegisters {
    const vmm = this.vmm();
    vmm.get(VmcallFailures).forget(BigInt(processor));
    const { values } = vmm.get(GeneralRegisters);
    const zero = loadVmcallRegisters(new BigUint64Array(16));
    storeVmcallRegisters({ ...zero, ...registers, r01: VMCALL_MAGIC }, values);
    vmm.get(Vmx).vmcall();
    return loadVmcallRegisters(values);
  }
}
