// SPDX-License-Identifier: LGPL-2.1-only
import { ProcessorFault } from '../../intrinsics/errors.js';
import { Vector } from '../../intrinsics/vmx/exit_information.js';
import type { Msrs } from '../../intrinsics/instructions/msr.js';
import { Msr } from '../../intrinsics/registers/msr_definitions.js';
import type { Execution } from './execution.js';
import { fromHalves, highHalf, lowHalf } from '../processor/halves.js';
import { Word } from '../vmx/words.js';

/** MSRs that a VM exit may load: after an exit to JavaScript the host's values must be in the processor before one is accessed. */
const switched: ReadonlySet<number> = new Set(
  [
    Msr.Ia32SysenterCs,
    Msr.Ia32SysenterEsp,
    Msr.Ia32SysenterEip,
    Msr.Ia32Debugctl,
    Msr.Ia32Pat,
    Msr.Ia32Efer,
    Msr.Ia32FsBase,
    Msr.Ia32GsBase,
  ].map((address) => address | 0),
);

/** RDMSR and WRMSR on the simulated processor. */
export class MachineMsrs implements Msrs {
  private readonly halves = new Uint32Array(2);

  constructor(private readonly execution: Execution) {}

  rdmsr(address: number): bigint {
    const { halves } = this;
    this.rdmsrHalves(address, halves);
    return fromHalves(halves[0]!, halves[1]!);
  }

  wrmsr(address: number, value: bigint): void {
    this.wrmsrHalves(address, lowHalf(value), highHalf(value));
  }

  rdmsrHalves(address: number, result: Uint32Array): void {
    const { execution } = this;
    if (execution.isGuestAfterExits()) {
      this.readAsGuest(address, result);
      return;
    }
    if (switched.has(address | 0)) execution.loadHost();
    if (!execution.processor.core.readMsr(address)) throw generalProtection('RDMSR', address);
    result[0] = execution.u32[Word.busValue]!;
    result[1] = execution.u32[Word.busValue + 1]!;
  }

  wrmsrHalves(address: number, low: number, high: number): void {
    const { execution } = this;
    if (execution.isGuestAfterExits()) {
      execution.registers.load({ RCX: address >>> 0, RAX: low >>> 0, RDX: high >>> 0 });
      execution.execute('wrmsr');
      return;
    }
    if (switched.has(address | 0)) execution.loadHost();
    if (!execution.processor.core.writeMsr(address, low, high))
      throw generalProtection('WRMSR', address, fromHalves(low, high));
  }

  private readAsGuest(address: number, result: Uint32Array): void {
    const { registers } = this.execution;
    registers.set('RCX', BigInt(address >>> 0));
    this.execution.execute('rdmsr');
    result[0] = lowHalf(registers.get('RAX'));
    result[1] = lowHalf(registers.get('RDX'));
  }
}

function generalProtection(what: string, address: number, value?: bigint): ProcessorFault {
  const written = value === undefined ? '' : ` of 0x${value.toString(16)}`;
  return new ProcessorFault(
    Vector.GeneralProtection,
    0,
    `${what} 0x${(address >>> 0).toString(16)}${written} raised #GP: the processor model has no such MSR, or it does not take the value`,
  );
}
