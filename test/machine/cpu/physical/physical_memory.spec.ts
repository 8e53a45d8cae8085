// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { Constants } from '../../../../src/machine/layout/core_constants.js';
import { Layout } from '../../../../src/machine/layout/layout.js';
import { Sizes } from '../../../../src/machine/layout/regions.js';
import { StopReason } from '../../../../src/machine/layout/stop_reason.js';
import { Page } from '../../../support/processor_setup.js';
import { At, SystemMachine } from '../../../support/system_machine.js';

const ramBytes = 16 << 20;
const carveOut = Sizes.CARVE_OUT_GIB * 2 ** 30;
const driverPart = carveOut + Constants.CARVE_OUT_VMM_BYTES;
const linear = 0x200000;
const secret = 0x1122334455667788n;
const ones = 0xffffffffffffffffn;
const Reason = { Cpuid: 10, Rdmsr: 31, EptMisconfiguration: 49 } as const;

const written: number[] = [];
const machine = await SystemMachine.make({ mmioWrite: (address) => void written.push(address) });

/** Where a physical address is, for `poke` and `peek`. */
const inMachine = (physical: number): number => ramBytes + (physical - carveOut);

/** Starts a guest or a system whose page at `linear` is the physical page, with what its accesses and its hypervisor's structures may reach. */
function start(physical: number, access: number, structures = 0): void {
  machine.start();
  machine.map(linear, physical, Page.present | Page.writable);
  machine.poke64(inMachine(physical), secret);
  machine.u32[Layout.CARVE_OUT_ACCESS / 4] = access;
  machine.u32[Layout.CARVE_OUT_STRUCTURES / 4] = structures;
  written.length = 0;
  machine.set('R8', linear);
  machine.stateChanged();
}

/** Reads the page, adds 1 to its first qword and reads it again. @returns RBX, RCX. */
function readTwice(): bigint[] {
  machine.write(At.kernelCode, ['mov rbx, [r8]', 'add qword ptr [r8], 1', 'mov rcx, [r8]']);
  machine.go();
  return [machine.get('RBX'), machine.get('RCX')];
}

/** Non-root operation with an EPT at `root` whose first 2 MiB are 4-KiB pages that lead to themselves. */
function useEpt(root: number): void {
  const at = root < ramBytes ? root : inMachine(root);
  for (const [offset, next] of [
    [0, 0x1000],
    [0x1000, 0x2000],
    [0x2000, 0x3000],
  ] as const)
    machine.poke64(at + offset, BigInt(root + next) | 7n);
  for (let i = 0; i < 512; i++) machine.poke64(at + 0x3000 + i * 8, BigInt(i << 12) | 0x37n);
  machine.set('VMX_EPTP', BigInt(root) | 0x1en);
  machine.u32[Layout.VMX_MODE / 4] = 2;
  machine.stateChanged();
}

/** Runs lines up to their VM exit. @returns its reason. */
function exitOf(...lines: string[]): number {
  machine.write(At.kernelCode, lines);
  expect(machine.run(100)).to.equal(StopReason.VmExit);
  return machine.word('EXIT_REASON');
}

describe('Physical memory', () => {
  for (const [name, physical, part] of [
    ["the VMM's memory", carveOut + 0x1000, Constants.CARVE_OUT_VMM],
    ["the last page of the VMM's memory", driverPart - 0x1000, Constants.CARVE_OUT_VMM],
    ["the driver's pages", driverPart, Constants.CARVE_OUT_DRIVER],
  ] as const) {
    const other = Constants.CARVE_OUT_VMM + Constants.CARVE_OUT_DRIVER - part;
    it(`has ${name} for accesses that may reach them`, () => {
      start(physical, part);
      expect(readTwice()).to.deep.equal([secret, secret + 1n]);
    });
    it(`has none at ${name} for others: reads give all ones, and a write changes nothing`, () => {
      for (const access of [0, other]) {
        start(physical, access);
        expect(readTwice()).to.deep.equal([ones, ones]);
        expect(machine.peek64(inMachine(physical))).to.equal(secret);
        expect(written, 'the write went to the bus').to.deep.equal([physical, physical + 4]);
      }
    });
    it(`forgets translations to ${name} when they may no longer be reached`, () => {
      start(physical, part);
      // With a VPID the switch between root and non-root operation keeps translations.
      machine.u32[Layout.VMX_VPID / 4] = 1;
      expect(readTwice()[0]).to.equal(secret);
      machine.set('RIP', At.kernelCode);
      machine.u32[Layout.ACTIVITY / 4] = 0;
      machine.u32[Layout.CARVE_OUT_ACCESS / 4] = 0;
      machine.stateChanged();
      expect(readTwice()).to.deep.equal([ones, ones]);
    });
  }

  it('has no page table in the carve-out for a system that may not reach it', () => {
    start(carveOut, 0);
    machine.poke64(machine.entryAddress(linear, 1), BigInt(carveOut) | 7n);
    machine.poke64(inMachine(carveOut), 0x3007n);
    machine.write(At.kernelCode, ['mov rbx, [r8]']);
    // All ones have reserved bits.
    expect(machine.go()).to.deep.include({ vector: 14, code: 9 });
  });

  it('has no code in the carve-out for a system that may not reach it', () => {
    start(carveOut, 0);
    machine.poke(inMachine(carveOut), 0xf4);
    machine.write(At.kernelCode, ['jmp r8']);
    expect(machine.go()).to.deep.include({ vector: 6, rip: linear });
  });

  for (const [name, structures, value] of [
    ["only if the VMM's memory belongs to the software that executed VMXON", Constants.CARVE_OUT_VMM, secret],
    ['not for another', 0, ones],
  ] as const) {
    it(`lets EPT lead to the carve-out: ${name}`, () => {
      start(carveOut, 0, structures);
      machine.map(linear, At.pages, Page.present | Page.writable);
      useEpt(0x800000);
      machine.poke64(0x803000 + (At.pages >> 12) * 8, BigInt(carveOut) | 0x37n);
      expect(exitOf('mov rbx, [r8]', 'cpuid')).to.equal(Reason.Cpuid);
      expect(machine.get('RBX')).to.equal(value);
    });
  }

  it("finds EPT tables and MSR bitmaps in the VMM's memory for its owner only", () => {
    start(carveOut, 0, Constants.CARVE_OUT_VMM);
    useEpt(carveOut + 0x100000);
    machine.set('VMX_MSR_BITMAP', carveOut + 0x200000);
    machine.u32[Layout.VMX_PRIMARY / 4] = 1 << 28;
    const lines = ['mov ecx, 0x277', 'rdmsr', 'cpuid'];
    expect(exitOf(...lines), 'the bitmap lets RDMSR through').to.equal(Reason.Cpuid);
    machine.u32[Layout.CARVE_OUT_STRUCTURES / 4] = 0;
    machine.set('VMX_EPTP', 0);
    machine.set('RIP', At.kernelCode);
    machine.stateChanged();
    expect(exitOf(...lines), 'no bitmap: each RDMSR exits').to.equal(Reason.Rdmsr);
    machine.set('VMX_EPTP', BigInt(carveOut + 0x100000) | 0x1en);
    machine.stateChanged();
    expect(exitOf(...lines)).to.equal(Reason.EptMisconfiguration);
  });
});
