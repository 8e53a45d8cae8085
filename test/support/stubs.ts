// SPDX-License-Identifier: LGPL-2.1-only
// Sinon stubs of the intrinsics. A call that a test did not foresee throws: no test touches hardware by accident.
import sinon, { type SinonStub, type SinonStubbedInstance } from 'sinon';
import type { ControlRegisters } from '../../src/intrinsics/instructions/control_registers.js';
import type { Cpuid } from '../../src/intrinsics/instructions/cpuid.js';
import type { GeneralRegisters } from '../../src/intrinsics/instructions/general_registers.js';
import type { HostEntry } from '../../src/intrinsics/instructions/host_entry.js';
import type { Msrs } from '../../src/intrinsics/instructions/msr.js';
import type { PortIo } from '../../src/intrinsics/instructions/port_io.js';
import type { LocalApic } from '../../src/intrinsics/instructions/local_apic.js';
import type { Processor, Processors } from '../../src/intrinsics/instructions/processor.js';
import type { Segments } from '../../src/intrinsics/instructions/segments.js';
import type { VmmMemory } from '../../src/intrinsics/instructions/vmm_memory.js';
import type { Vmx } from '../../src/intrinsics/instructions/vmx.js';

function formatted(value: unknown): string {
  return typeof value === 'number' || typeof value === 'bigint' ? `0x${value.toString(16)}` : String(value);
}

function stubOf(name: string): SinonStub {
  return sinon.stub().callsFake((...values: unknown[]) => {
    throw new Error(`${name}(${values.map(formatted).join(', ')}) was not foreseen by the test`);
  });
}

/**
 * An object whose methods are stubs that throw until the test says what they return. For users' own interfaces.
 *
 * @param name for messages.
 */
export function stubMethods<T extends object>(
  name: string,
  methods: readonly (keyof T & string)[],
): SinonStubbedInstance<T> {
  return Object.fromEntries(
    methods.map((method) => [method, stubOf(`${name}.${method}`)]),
  ) as unknown as SinonStubbedInstance<T>;
}

/** VMX instructions. */
export const stubVmx = (): SinonStubbedInstance<Vmx> =>
  stubMethods<Vmx>('vmx', [
    'vmxon',
    'vmxoff',
    'vmclear',
    'vmptrld',
    'vmptrst',
    'vmread',
    'vmwrite',
    'vmreadLow',
    'vmreadHigh',
    'vmwriteHalves',
    'vmlaunch',
    'vmresume',
    'invept',
    'invvpid',
    'invvpidHalves',
    'vmcall',
  ]);

/** RDMSR and WRMSR. */
export const stubMsrs = (): SinonStubbedInstance<Msrs> =>
  stubMethods<Msrs>('msrs', ['rdmsr', 'wrmsr', 'rdmsrHalves', 'wrmsrHalves']);

/** CPUID. */
export const stubCpuid = (): SinonStubbedInstance<Cpuid> => stubMethods<Cpuid>('cpuid', ['cpuid']);

/** Control and debug registers, XCRs, RFLAGS. */
export const stubControlRegisters = (): SinonStubbedInstance<ControlRegisters> =>
  stubMethods<ControlRegisters>('controlRegisters', [
    'readCr0',
    'writeCr0',
    'readCr2',
    'writeCr2',
    'readCr3',
    'writeCr3',
    'readCr4',
    'writeCr4',
    'readCr8',
    'writeCr8',
    'readDebugAddress',
    'writeDebugAddress',
    'readDr6',
    'writeDr6',
    'readDr7',
    'writeDr7',
    'xgetbv',
    'xsetbv',
    'readHalves',
    'writeHalves',
    'xsetbvHalves',
    'readRflags',
    'writeRflags',
  ]);

/** Selectors and descriptor tables. */
export const stubSegments = (): SinonStubbedInstance<Segments> =>
  stubMethods<Segments>('segments', ['readSelector', 'writeSelector', 'sgdt', 'lgdt', 'sidt', 'lidt']);

/** IN and OUT. */
export const stubPortIo = (): SinonStubbedInstance<PortIo> =>
  stubMethods<PortIo>('portIo', ['inb', 'inw', 'ind', 'outb', 'outw', 'outd']);

/** Caches, time, halt. */
export const stubProcessor = (): SinonStubbedInstance<Processor> =>
  stubMethods<Processor>('processor', [
    'id',
    'invd',
    'wbinvd',
    'clflush',
    'invlpg',
    'rdtsc',
    'rdtscp',
    'rdtscHalves',
    'rdtscpHalves',
    'rdpmcHalves',
    'rdrandHalves',
    'rdseedHalves',
    'pause',
    'halt',
    'isDriverContext',
    'stop',
  ]);

/** The local APIC. */
export const stubLocalApic = (): SinonStubbedInstance<LocalApic> =>
  stubMethods<LocalApic>('localApic', ['isEnabled', 'isInService', 'endOfInterrupt', 'interruptSelf', 'nmiSelf']);

/** The other processors. */
export const stubProcessors = (): SinonStubbedInstance<Processors> =>
  stubMethods<Processors>('processors', ['interruptOthers']);

/** The exit entry. */
export const stubHostEntry = (): SinonStubbedInstance<HostEntry> =>
  stubMethods<HostEntry>('hostEntry', ['attach', 'detach', 'launchPoint', 'returnTo']);

/** Loads and stores of the VMM; without regions. */
export const stubVmmMemory = (): SinonStubbedInstance<VmmMemory> => ({
  ...stubMethods<VmmMemory>('memory', [
    'useRootTable',
    'read8',
    'read16',
    'read32',
    'read64',
    'readHalves',
    'write8',
    'write16',
    'write32',
    'write64',
    'readBytes',
    'writeBytes',
    'readOsLinear64',
    'writeOsLinear64',
  ]),
  regions: [],
  unbacked: { physical: 0n, size: 0 },
});

/** Registers in their own memory, all 0. */
export function stubGeneralRegisters(): GeneralRegisters {
  const values = new BigUint64Array(16);
  return { values, halves: new Uint32Array(values.buffer) };
}
