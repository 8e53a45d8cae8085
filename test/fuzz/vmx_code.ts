// SPDX-License-Identifier: LGPL-2.1-only
import { VmcsField, type VmcsFieldName } from '../../src/intrinsics/vmcs/vmcs_fields.js';
import { vmcsRevision } from '../../src/machine/vmx/vmcs/vmcs.js';
import { SeededRandom } from '../differential/cases/seeded_random.js';
import { validFields } from '../machine/vmx/vmcs_setup.js';
import { At, Select, type SystemMachine } from '../support/system_machine.js';
import { FuzzAt, littleEndian, randomInstruction, randomSlot, randomValue, slotBytes } from './random_code.js';

/** Physical, and linear, addresses of what VMX needs. */
export const Place = {
  pointers: 0x72000,
  restore: 0x73000,
  results: 0x74000,
  vmxon: 0x80000,
  vmcsA: 0x81000,
  vmcsB: 0x82000,
  bitmaps: 0x83000,
  msrArea: 0x87000,
  ept: 0x88000,
  none: 0x90000,
} as const;
const pointers = [Place.vmxon, Place.vmcsA, Place.vmcsB, Place.none, 0x81001, 0xd0000000] as const;

const fields = Object.values(VmcsField);
/** The same without most of the host's state: a host that an exit cannot load ends the run. */
const writable = Object.entries(VmcsField).flatMap(([name, field]) =>
  /^Host(?!Ia32|Fs|Gs)/.test(name) ? [] : [field],
);
/** MOV RAX, imm64. */
const loadRax = (value: bigint): number[] => [0x48, 0xb8, ...littleEndian(BigInt.asUintN(64, value), 8)];
/** MOV ECX, imm32. */
const loadEcx = (value: number): number[] => [0xb9, ...littleEndian(BigInt(value >>> 0), 4)];
/** VMWRITE of an immediate. */
const vmwrite = (field: number, value: bigint): number[] => [...loadRax(value), ...loadEcx(field), 0x0f, 0x79, 0xc8];
/** An instruction with an m64 or m128 operand at a fixed address. */
const withMemory = (opcode: readonly number[], digit: number, address: number): number[] => [
  ...opcode,
  (digit << 3) | 4,
  0x25,
  ...littleEndian(BigInt(address), 4),
];
const pointer = (index: number): number => Place.pointers + index * 8;
const vmclear = (index: number): number[] => withMemory([0x66, 0x0f, 0xc7], 6, pointer(index));
const vmptrld = (index: number): number[] => withMemory([0x0f, 0xc7], 6, pointer(index));
const vmxon = (index: number): number[] => withMemory([0xf3, 0x0f, 0xc7], 6, pointer(index));
const vmlaunch = [0x0f, 0x01, 0xc2];
const vmresume = [0x0f, 0x01, 0xc3];
/** CALL of a fixed address, by RAX. */
const call = (address: number): number[] => [...loadRax(BigInt(address)), 0xff, 0xd0];

/** A VMCS with which VMLAUNCH succeeds: the guest begins in slot 0, its exits go to the dispatcher. */
function validVmcs(system: SystemMachine): Map<number, bigint> {
  const cr3 = system.get('CR3');
  const own: Partial<Record<VmcsFieldName, bigint>> = {
    ...validFields,
    PrimaryProcessorBasedVmExecutionControls: 0x04006172n | 0x80n | (1n << 25n) | (1n << 28n),
    AddressOfIoBitmapA: BigInt(Place.bitmaps),
    AddressOfIoBitmapB: BigInt(Place.bitmaps + 0x1000),
    AddressOfMsrBitmap: BigInt(Place.bitmaps + 0x2000),
    EptPointer: BigInt(Place.ept | 0x1e),
    VirtualProcessorIdentifier: 1n,
    GuestCr0: system.get('CR0'),
    HostCr0: system.get('CR0'),
    GuestCr3: cr3,
    GuestCr4: system.get('CR4'),
    GuestRip: BigInt(FuzzAt.slots),
    GuestRsp: BigInt(At.kernelStackTop),
    GuestGdtrBase: BigInt(At.gdt),
    GuestGdtrLimit: 0xffn,
    GuestIdtrBase: BigInt(At.idt),
    GuestIdtrLimit: 0xfffn,
    GuestTrSelector: BigInt(Select.tss),
    GuestTrBase: BigInt(At.tss),
    HostCr3: cr3,
    HostCr4: system.get('CR4'),
    HostTrSelector: BigInt(Select.tss),
    HostTrBase: BigInt(At.tss),
    HostGdtrBase: BigInt(At.gdt),
    HostIdtrBase: BigInt(At.idt),
    HostRip: BigInt(FuzzAt.dispatcher),
    HostRsp: BigInt(At.kernelStackTop),
  };
  return new Map(Object.entries(own).map(([name, value]) => [VmcsField[name as VmcsFieldName], value]));
}

/** Code at `Place.restore` that makes VMCS A current, clear and valid, whatever the state before; and the structures that it names. */
function writeStructures(system: SystemMachine, valid: ReadonlyMap<number, bigint>): void {
  pointers.forEach((value, index) => system.poke64(pointer(index), BigInt(value)));
  for (const region of [Place.vmxon, Place.vmcsA, Place.vmcsB]) system.poke32(region, vmcsRevision);
  system.poke64(Place.ept, BigInt(Place.ept + 0x1000) | 7n);
  for (let i = 0; i < 4; i++) system.poke64(Place.ept + 0x1000 + i * 8, (BigInt(i) << 30n) | 0xb7n);
  // INVEPT and INVVPID descriptors are in the pointers' page
  system.poke64(Place.pointers + 0x100, 1n);
  system.poke64(Place.pointers + 0x110, BigInt(Place.ept | 0x1e));
  const writes = [...valid].flatMap(([field, value]) => vmwrite(field, value));
  const restore = [...vmxon(0), ...vmclear(1), ...vmptrld(1), ...writes, 0xc3];
  system.poke(Place.restore, ...restore);
  system.codeChanged(Place.restore, restore.length);
}

/** A value for a field: one of its usual values with one bit flipped, or any value. */
function fieldValue(random: SeededRandom, field: number, valid: ReadonlyMap<number, bigint>): bigint {
  const own = valid.get(field);
  if (own !== undefined && random.chance(0.6)) return own ^ (1n << BigInt(random.below(random.chance(0.8) ? 32 : 64)));
  return randomValue(random);
}

function randomVmwrite(random: SeededRandom, valid: ReadonlyMap<number, bigint>): number[] {
  const field = random.chance(0.95)
    ? random.pick(writable)
    : random.chance(0.5)
      ? random.pick(fields)
      : random.next() & 0x7fff;
  return vmwrite(field, fieldValue(random, field, valid));
}

/** One VMX instruction with operands that may or may not be right. */
function vmxInstruction(random: SeededRandom, valid: ReadonlyMap<number, bigint>): number[] {
  const index = random.below(pointers.length);
  const type = loadRax(BigInt(random.below(5)));
  switch (random.below(16)) {
    case 0:
      return vmclear(index);
    case 1:
      return vmptrld(index);
    case 2:
      return vmxon(random.chance(0.8) ? 0 : index);
    case 3:
      return random.chance(0.2) ? [0x0f, 0x01, 0xc4] : [0x0f, 0x01, 0xc1]; // VMXOFF, VMCALL
    case 4:
      return [...type, ...withMemory([0x66, 0x0f, 0x38, 0x80], 0, Place.pointers + 0x100 + 16 * random.below(4))];
    case 5:
      return [...type, ...withMemory([0x66, 0x0f, 0x38, 0x81], 0, Place.pointers + 0x100 + 16 * random.below(4))];
    case 6:
      return [...loadEcx(random.pick(fields)), 0x0f, 0x78, 0xc8 + random.below(8)]; // VMREAD to a register
    case 7:
      return [...loadEcx(random.pick(fields)), ...withMemory([0x0f, 0x78], 1, Place.results)];
    case 8:
      return withMemory([0x0f, 0xc7], 7, Place.results + 8); // VMPTRST
    case 9:
    case 10:
      return vmlaunch;
    case 11:
      return vmresume;
    default:
      return randomVmwrite(random, valid);
  }
}

/** A slot of a hypervisor or of its guest. The place of entry decides which. */
function vmxSlot(random: SeededRandom, valid: ReadonlyMap<number, bigint>): number[] {
  const kind = random.below(10);
  const bytes: number[] = [];
  if (kind < 4) {
    // a new guest, valid except for one or two fields; it begins in some slot
    bytes.push(...call(Place.restore));
    const start = BigInt(FuzzAt.slots + random.below(256) * slotBytes);
    if (random.chance(0.5)) bytes.push(...vmwrite(VmcsField.GuestRip, start));
    if (random.chance(0.9)) bytes.push(...randomVmwrite(random, valid));
    bytes.push(...vmlaunch);
  } else if (kind < 8) {
    while (bytes.length < slotBytes) {
      const next = random.chance(0.8) ? vmxInstruction(random, valid) : randomInstruction(random, 64);
      if (bytes.length + next.length > slotBytes) break;
      bytes.push(...next);
    }
  } else return randomSlot(random, 64);
  while (bytes.length < slotBytes) bytes.push(0x90);
  return bytes.slice(0, slotBytes);
}

/** Makes the machine a place for VMX: regions, bitmaps, EPT; and says how to make slots. */
export function prepareVmx(system: SystemMachine): (random: SeededRandom) => number[] {
  system.set('CR4', system.get('CR4') | 0x2000n);
  system.set('FEATURE_CONTROL', 5);
  system.stateChanged();
  const valid = validVmcs(system);
  writeStructures(system, valid);
  return (random) => vmxSlot(random, valid);
}
