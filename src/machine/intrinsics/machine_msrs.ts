// SPDX-License-Identifier: LGPL-2.1-only
import { ProcessorFault } from '../../intrinsics/errors.js';
import type { Msrs } from '../../intrinsics/msr.js';
import type { Execution } from './execution.js';
import { fromHalves, highHalf, lowHalf } from '../processor/halves.js';

/** MSRs that a VM exit may load: after an exit to JavaScript the host's values must be in the processor before one is accessed. */
const switched: ReadonlySet<number> = new Set([0x174, 0x175, 0x176, 0x1d9, 0x277, 0xc0000080, 0xc0000100, 0xc0000101]);

/** RDMSR and WRMSR on the simulated processor. */
export class MachineMsrs implements Msrs {
  constructor(private readonly execution: Execution) {}

  rdmsr(address: number): bigint {
    const { execution } = this;
    if (execution.isGuestAfterExits()) return this.readAsGuest(address);
    if (switched.has(address)) execution.loadHost();
    if (!execution.processor.core.readMsr(address)) throw generalProtection('RDMSR', address);
    return execution.processor.core.msrValue;
  }

  wrmsr(address: number, value: bigint): void {
    const { execution } = this;
    if (execution.isGuestAfterExits()) {
      this.writeAsGuest(address, value);
      return;
    }
    if (switched.has(address)) execution.loadHost();
    if (!execution.processor.core.writeMsr(address, lowHalf(value), highHalf(value)))
      throw generalProtection('WRMSR', address, value);
  }

  private readAsGuest(address: number): bigint {
    const { registers } = this.execution;
    registers.set('RCX', BigInt(address));
    this.execution.execute('rdmsr');
    return fromHalves(lowHalf(registers.get('RAX')), lowHalf(registers.get('RDX')));
  }

  private writeAsGuest(address: number, value: bigint): void {
    this.execution.registers.load({ RCX: address, RAX: lowHalf(value), RDX: highHalf(value) });
    this.execution.execute('wrmsr');
  }
}

function generalProtection(what: string, address: number, value?: bigint): ProcessorFault {
  const written = value === undefined ? '' : ` of 0x${value.toString(16)}`;
  return new ProcessorFault(
    13,
    0,
    `${what} 0x${(address >>> 0).toString(16)}${written} raised #GP: the processor model has no such MSR, or it does not take the value`,
  );
}
