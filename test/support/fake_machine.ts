// SPDX-License-Identifier: LGPL-2.1-only
import {
  EntryControl,
  ExitControl,
  mayBeOne,
  PinBasedControl,
  PrimaryControl,
  SecondaryControl,
  SecondaryExitControl,
} from '../../src/intrinsics/vmx/control_bits.js';
import { ControlRegisters } from '../../src/intrinsics/instructions/control_registers.js';
import { Cpuid } from '../../src/intrinsics/instructions/cpuid.js';
import { ProcessorFault } from '../../src/intrinsics/errors.js';
import { GeneralRegisters } from '../../src/intrinsics/instructions/general_registers.js';
import { HostEntry, type ExitEntry } from '../../src/intrinsics/instructions/host_entry.js';
import { Msr } from '../../src/intrinsics/registers/msr_definitions.js';
import { Msrs } from '../../src/intrinsics/instructions/msr.js';
import { PortIo } from '../../src/intrinsics/instructions/port_io.js';
import { LocalApic } from '../../src/intrinsics/instructions/local_apic.js';
import { Processor, Processors } from '../../src/intrinsics/instructions/processor.js';
import { Segments, type SegmentName, type TableRegister } from '../../src/intrinsics/instructions/segments.js';
import { capabilityMsrOf, vmcsFieldDefinition, vmcsFieldExists } from '../../src/intrinsics/vmcs/vmcs_field_details.js';
import { isReadOnlyField, VmcsField } from '../../src/intrinsics/vmcs/vmcs_fields.js';
import { VmmMemory } from '../../src/intrinsics/instructions/vmm_memory.js';
import { Vmx } from '../../src/intrinsics/instructions/vmx.js';
import { CpuidAccessorsX64 } from '../../src/vmm/accessors/cpuid_accessors_x64.js';
import { MsrAccessorsX64 } from '../../src/vmm/accessors/msr_accessors_x64.js';
import { RegisterAccessorsX64 } from '../../src/vmm/accessors/register_accessors_x64.js';
import { FakeMemory } from './fake_memory.js';
import { make } from './make.js';

const allOf = (controls: Readonly<Record<string, number>>): bigint =>
  Object.values(controls).reduce((all, bit) => all | BigInt(bit >>> 0), 0n);

const capability = (controls: Readonly<Record<string, number>>, fixed: bigint): bigint =>
  ((allOf(controls) | fixed) << 32n) | fixed;

/** Secondary controls of the fake: none of the exotic ones, so that tests see what "not allowed" does. */
const secondary = {
  EnableEpt: SecondaryControl.EnableEpt,
  EnableRdtscp: SecondaryControl.EnableRdtscp,
  EnableVpid: SecondaryControl.EnableVpid,
  UnrestrictedGuest: SecondaryControl.UnrestrictedGuest,
  EnableInvpcid: SecondaryControl.EnableInvpcid,
};

const { ActivateTertiaryControls: _tertiary, ...primary } = PrimaryControl;

/** MSRs of a processor with VMX, as the firmware leaves them. */
function initialMsrs(): Map<number, bigint> {
  return new Map<number, bigint>([
    [Msr.Ia32FeatureControl, 0x5n],
    [Msr.Ia32VmxBasic, 0x00da0400_00000004n],
    [Msr.Ia32VmxTruePinbasedCtls, capability(PinBasedControl, 0x16n)],
    [Msr.Ia32VmxTrueProcbasedCtls, capability(primary, 0x04006172n)],
    [Msr.Ia32VmxTrueExitCtls, capability(ExitControl, 0x36dfbn)],
    [Msr.Ia32VmxTrueEntryCtls, capability(EntryControl, 0x11fbn)],
    [Msr.Ia32VmxProcbasedCtls2, allOf(secondary) << 32n],
    [Msr.Ia32VmxMisc, 0x7004c1e7n],
    [Msr.Ia32VmxCr0Fixed0, 0x80000021n],
    [Msr.Ia32VmxCr0Fixed1, 0xffffffffn],
    [Msr.Ia32VmxCr4Fixed0, 0x2000n],
    [Msr.Ia32VmxCr4Fixed1, 0x3727ffn],
    [Msr.Ia32VmxExitCtls2, allOf(SecondaryExitControl)],
    [Msr.Ia32VmxEptVpidCap, 0x00000f01_06734141n],
    [Msr.Ia32ApicBase, 0xfee00800n],
    [Msr.Ia32Debugctl, 0n],
    [Msr.Ia32Pat, 0x0007040600070406n],
    [Msr.Ia32Efer, 0xd01n],
    [Msr.Ia32PerfGlobalCtrl, 0n],
    [Msr.Ia32SysenterCs, 0n],
    [Msr.Ia32SysenterEsp, 0n],
    [Msr.Ia32SysenterEip, 0n],
    [Msr.Ia32Lstar, 0n],
    [Msr.Ia32FsBase, 0x1000n],
    [Msr.Ia32GsBase, 0xffff_8880_0000_0000n],
    [Msr.Ia32TscAux, 0n],
  ]);
}

const gdtBase = 0x5000n;

const wordOf = (low: number, high: number): bigint => (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
const storeHalves = (value: bigint, result: Uint32Array): void =>
  result.set([Number(value & 0xffffffffn), Number(value >> 32n)]);

/** A register file and its memory behind every intrinsics interface, for tests that need memory between calls. */
export class FakeMachine {
  readonly msr = initialMsrs();
  readonly fields = new Map<number, bigint>();
  readonly leaves = new Map<number, readonly [number, number, number, number]>([
    [0, [0xd, 0, 0, 0]],
    [1, [0x000506e3, 0x00100800, 0x04000020, 0x0f8bfbff]],
    [7, [0, 0x00100080, 0, 0]],
    [0xa, [0x0802, 0, 0, 3]],
    [0x80000001, [0, 0, 0x21, 0x2c100800]],
    [0x80000008, [0x3027, 0, 0, 0]],
  ]);
  /** Whether what exits is the driver's own context. */
  driverContext = true;
  readonly ports = new Map<number, number>();
  /** Bytes that were written to each port, in order. */
  readonly portWrites: (readonly [number, number])[] = [];
  readonly memory = new FakeMemory();
  readonly generalRegisters = (() => {
    const values = new BigUint64Array(16);
    return { values, halves: new Uint32Array(values.buffer) };
  })();
  readonly registers = {
    cr0: 0x80050033n,
    cr2: 0n,
    cr3: 0x9000n,
    cr4: 0x6b0n,
    cr8: 0n,
    debugAddresses: [0n, 0n, 0n, 0n] as [bigint, bigint, bigint, bigint],
    dr6: 0xffff0ff0n,
    dr7: 0x400n,
    rflags: 2n,
    xcr0: 1n,
  };
  readonly selectors: Record<SegmentName, number> = {
    es: 0x18,
    cs: 0x10,
    ss: 0x18,
    ds: 0x18,
    fs: 0,
    gs: 0,
    ldtr: 0,
    tr: 0x28,
  };
  gdt: TableRegister = { base: gdtBase, limit: 0x3f };
  idt: TableRegister = { base: 0x6000n, limit: 0xfff };
  /** The region that VMPTRLD made current. */
  current: bigint | undefined;
  isVmxOn = false;
  /** What vmlaunch, vmresume, vmxon and the others answer; set one to false to let it fail. */
  readonly succeeds = {
    vmxon: true,
    vmxoff: true,
    vmclear: true,
    vmptrld: true,
    vmlaunch: true,
    vmresume: true,
    returnTo: true,
  };
  /** VM-instruction error of a failing instruction. */
  error = 7n;
  entry: ExitEntry | undefined;
  /** Names of the calls so far, for tests of order. */
  readonly calls: string[] = [];
  readonly stops: string[] = [];
  /** Where `returnTo` went. */
  returned: { rip: bigint; rsp: bigint; rflags: bigint } | undefined;
  invvpids: (readonly [number, number, bigint])[] = [];

  constructor() {
    this.writeGdt();
  }

  readonly vmx: Vmx = {
    vmxon: () => this.did('vmxon', () => (this.isVmxOn = true)),
    vmxoff: () => this.did('vmxoff', () => (this.isVmxOn = false)),
    vmclear: () => this.did('vmclear', () => (this.current = undefined)),
    vmptrld: (region) => this.did('vmptrld', () => (this.current = region)),
    vmptrst: () => this.current ?? 0xffffffffffffffffn,
    vmread: (field) => (this.has(field) ? (this.fields.get(field) ?? 0n) : undefined),
    vmwrite: (field, value) => this.store(field, value),
    vmreadLow: (field) => Number((this.fields.get(field) ?? 0n) & 0xffffffffn) | 0,
    vmreadHigh: (field) => Number((this.fields.get(field) ?? 0n) >> 32n) | 0,
    vmwriteHalves: (field, low, high) => this.store(field, wordOf(low, high)),
    vmlaunch: () => this.did('vmlaunch', () => {}),
    vmresume: () => this.did('vmresume', () => {}),
    invept: () => true,
    invvpid: (type, vpid, address) => {
      this.invvpids.push([type, vpid, address]);
      return true;
    },
    invvpidHalves: (type, vpid, low, high) => this.vmx.invvpid(type, vpid, wordOf(low, high)),
    vmcall: () => this.exit(18, { length: 3 }),
  };

  readonly msrs: Msrs = {
    rdmsr: (address) => {
      const value = this.msr.get(address);
      if (value === undefined) throw new ProcessorFault(13, 0, `RDMSR of 0x${address.toString(16)}`);
      return value;
    },
    wrmsr: (address, value) => {
      if (!this.msr.has(address)) throw new ProcessorFault(13, 0, `WRMSR of 0x${address.toString(16)}`);
      this.msr.set(address, value);
    },
    rdmsrHalves: (address, result) => storeHalves(this.msrs.rdmsr(address >>> 0), result),
    wrmsrHalves: (address, low, high) => this.msrs.wrmsr(address >>> 0, wordOf(low, high)),
  };

  readonly cpuid: Cpuid = {
    cpuid: (leaf, _subleaf, result) => result.set(this.leaves.get(leaf) ?? [0, 0, 0, 0]),
  };

  readonly controlRegisters: ControlRegisters = {
    readCr0: () => this.registers.cr0,
    writeCr0: (value) => void (this.registers.cr0 = value),
    readCr2: () => this.registers.cr2,
    writeCr2: (value) => void (this.registers.cr2 = value),
    readCr3: () => this.registers.cr3,
    writeCr3: (value) => void (this.registers.cr3 = value),
    readCr4: () => this.registers.cr4,
    writeCr4: (value) => void (this.registers.cr4 = value),
    readCr8: () => this.registers.cr8,
    writeCr8: (value) => void (this.registers.cr8 = value),
    readDebugAddress: (register) => this.registers.debugAddresses[register],
    writeDebugAddress: (register, value) => void (this.registers.debugAddresses[register] = value),
    readDr6: () => this.registers.dr6,
    writeDr6: (value) => void (this.registers.dr6 = value),
    readDr7: () => this.registers.dr7,
    writeDr7: (value) => void (this.registers.dr7 = value),
    xgetbv: () => this.registers.xcr0,
    xsetbv: (register, value) => {
      if (register !== 0 || (value & 1n) === 0n) throw new ProcessorFault(13, 0, 'XSETBV');
      this.registers.xcr0 = value;
    },
    readHalves: (register, result) => storeHalves(this.registers[`cr${register}`], result),
    writeHalves: (register, low, high) => void (this.registers[`cr${register}`] = wordOf(low, high)),
    xsetbvHalves: (register, low, high) => this.controlRegisters.xsetbv(register, wordOf(low, high)),
    readRflags: () => this.registers.rflags,
    writeRflags: (value) => void (this.registers.rflags = value),
  };

  readonly segments: Segments = {
    readSelector: (name) => this.selectors[name],
    writeSelector: (name, selector) => void (this.selectors[name] = selector),
    sgdt: () => this.gdt,
    lgdt: (table) => void (this.gdt = table),
    sidt: () => this.idt,
    lidt: (table) => void (this.idt = table),
  };

  readonly portIo: PortIo = {
    inb: (port) => this.ports.get(port) ?? 0xff,
    inw: (port) => this.ports.get(port) ?? 0xffff,
    ind: (port) => this.ports.get(port) ?? 0xffffffff,
    outb: (port, value) => this.out(port, value),
    outw: (port, value) => this.out(port, value),
    outd: (port, value) => this.out(port, value),
  };

  readonly processor: Processor = {
    id: () => 0,
    invd: () => void this.calls.push('invd'),
    wbinvd: () => void this.calls.push('wbinvd'),
    clflush: () => void this.calls.push('clflush'),
    invlpg: () => void this.calls.push('invlpg'),
    rdtsc: () => 0x1_0000_0002n,
    rdtscp: () => 0x1_0000_0003n,
    rdtscHalves: (result) => storeHalves(this.processor.rdtsc(), result),
    rdtscpHalves: (result) => storeHalves(this.processor.rdtscp(), result),
    rdpmcHalves: (counter) => {
      throw new ProcessorFault(13, 0, `RDPMC of counter ${counter}: the fake has none`);
    },
    rdrandHalves: (result) => this.random(result),
    rdseedHalves: (result) => this.random(result),
    pause: () => {},
    halt: () => {},
    isDriverContext: () => this.driverContext,
    stop: (reason) => void this.stops.push(reason),
  };

  readonly localApic: LocalApic = {
    isEnabled: () => true,
    isInService: () => true,
    endOfInterrupt: () => void this.calls.push('end of interrupt'),
    interruptSelf: (vector) => void this.calls.push(`interrupt ${vector}`),
    nmiSelf: () => void this.calls.push('nmi'),
  };

  readonly processors: Processors = { interruptOthers: () => {} };

  readonly hostEntry: HostEntry = {
    attach: (entry) => {
      this.entry = entry;
      return 0xffff_8000_0000_1000n;
    },
    detach: () => void (this.entry = undefined),
    launchPoint: () => ({ rip: 0x7000n, rsp: 0x8ff8n }),
    returnTo: (rip, rsp, rflags) => {
      this.returned = { rip, rsp, rflags };
      return this.succeeds.returnTo;
    },
  };

  /** What RDRAND and RDSEED answer; undefined: nothing, and CF is 0. */
  randomNumber: bigint | undefined = 0n;
  private random(result: Uint32Array): boolean {
    storeHalves(this.randomNumber ?? 0n, result);
    return this.randomNumber !== undefined;
  }

  /** The accessors by name over the interfaces above. */
  readonly accessors = {
    msrs: make(MsrAccessorsX64, { msrs: this.msrs }),
    registers: make(RegisterAccessorsX64, { controlRegisters: this.controlRegisters, segments: this.segments }),
    cpuid: make(CpuidAccessorsX64, { cpuid: this.cpuid }),
  };

  /** Every implementation with its symbol, as a machine gives them to the driver. */
  readonly intrinsics = [
    { symbol: Vmx, value: this.vmx },
    { symbol: Msrs, value: this.msrs },
    { symbol: Cpuid, value: this.cpuid },
    { symbol: ControlRegisters, value: this.controlRegisters },
    { symbol: Segments, value: this.segments },
    { symbol: PortIo, value: this.portIo },
    { symbol: Processor, value: this.processor },
    { symbol: LocalApic, value: this.localApic },
    { symbol: Processors, value: this.processors },
    { symbol: VmmMemory, value: this.memory },
    { symbol: GeneralRegisters, value: this.generalRegisters },
    { symbol: HostEntry, value: this.hostEntry },
  ] as const;

  /** Lets the guest exit: sets the exit information and calls the exit entry. */
  exit(
    reason: number,
    information: { length?: number; qualification?: bigint; fields?: Readonly<Record<number, bigint>> } = {},
  ): void {
    this.fields.set(VmcsField.ExitReason, BigInt(reason >>> 0));
    this.fields.set(VmcsField.VmExitInstructionLength, BigInt(information.length ?? 2));
    this.fields.set(VmcsField.ExitQualification, information.qualification ?? 0n);
    for (const [field, value] of Object.entries(information.fields ?? {})) this.fields.set(Number(field), value);
    if (this.entry === undefined) throw new Error(`exit ${reason}: no exit entry is attached`);
    this.entry();
  }

  /** All text that went out of a serial port. */
  serialText(port: number): string {
    return String.fromCharCode(...this.portWrites.filter(([to]) => to === port).map(([, value]) => value));
  }

  private out(port: number, value: number): void {
    this.ports.set(port, value);
    this.portWrites.push([port, value]);
  }

  private did(name: keyof FakeMachine['succeeds'], effect: () => unknown): boolean {
    this.calls.push(name);
    if (this.succeeds[name]) effect();
    else this.fields.set(VmcsField.VmInstructionError, this.error);
    return this.succeeds[name];
  }

  private has(field: number): boolean {
    const definition = vmcsFieldDefinition(field & ~1);
    if (definition === undefined) return false;
    return vmcsFieldExists(definition, (word) => mayBeOne(word, this.msr.get(capabilityMsrOf[word]) ?? 0n));
  }

  private store(field: number, value: bigint): boolean {
    if (!this.has(field) || isReadOnlyField(field)) {
      this.fields.set(VmcsField.VmInstructionError, this.has(field) ? 13n : 12n);
      return false;
    }
    this.fields.set(field, value);
    return true;
  }

  private writeGdt(): void {
    // null, unused, code, data, unused, TSS (two entries), as a 64-bit kernel has them.
    this.memory.writePhysical64(gdtBase + 0x10n, 0x00af9b000000ffffn);
    this.memory.writePhysical64(gdtBase + 0x18n, 0x00cf93000000ffffn);
    this.memory.writePhysical64(gdtBase + 0x28n, 0x00008b0040000067n);
    this.memory.writePhysical64(gdtBase + 0x30n, 0xffff8880n);
  }
}
