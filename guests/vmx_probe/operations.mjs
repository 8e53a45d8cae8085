// SPDX-License-Identifier: LGPL-2.1-only
// The operations of which cases are made.
import { M } from './base.mjs';
import { Entry, Exit, F, Msr, Pin, Primary, Secondary } from './fields.mjs';

/** Sets a field. The value is a number, a label of probe.s, or code: then its address. */
export const write = (field, value) => ['write', field, value];
export const or = (field, bits) => ['or', field, typeof bits === 'number' ? bits >>> 0 : bits];
export const andNot = (field, bits) => ['andNot', field, typeof bits === 'number' ? bits >>> 0 : bits];
/** Sets the field's lowest bit beyond the physical-address width. */
export const beyond = (field) => ['beyond', field];
export const poke = (address, value) => ['poke', address, value];
export const poke64 = (address, value) => ['poke64', address, value];
export const peek = (address) => ['peek', address];
/** Enters: VMLAUNCH the first time, then VMRESUME. */
export const enter = () => ['enter', 0];
export const launch = () => ['enter', 1];
export const resume = () => ['enter', 2];
export const enterBehindMovSs = () => ['enter', 3];
/** Code that the host calls. */
export const host = (...lines) => ['host', { lines }];
/** The case ends as "not supported" without these bits in a capability MSR, or in a CPUID register. */
export const needHigh = (msr, bits) => ['needHigh', msr, bits];
export const needLow = (msr, bits) => ['needLow', msr, bits];
export const needCpuid = (leaf, register, bits) => [
  'needCpuid',
  leaf,
  ['eax', 'ebx', 'ecx', 'edx'].indexOf(register),
  bits,
];

/** Prints RAX, RCX and RDX of the guest. */
export const registers = () => ['registers'];
/** Ends the case on Bochs. Bochs itself would exit, because an unsupported event is fatal to it. */
export const notBochs = () => ['notBochs'];

/** Guest code of 64, 32 or 16 bits; VMCALL ends it. A @ in it begins a local label. */
export const code = (...lines) => ({ bits: 64, lines: [...lines, 'vmcall'] });
export const code32 = (...lines) => ({ bits: 32, lines: [...lines, 'vmcall'] });
export const code16 = (...lines) => ({ bits: 16, lines: [...lines, 'vmcall'] });
/** Copies code to where code of 16 bits can run. */
export const copyLow = (what, address = M.lowCode) => ['copy', what, address];
export const run = (...lines) => write(F.GuestRip, code(...lines));

export const pin = (bits) => [needHigh(Msr.Ia32VmxTruePinbasedCtls, bits), or(F.PinBasedVmExecutionControls, bits)];
export const primary = (bits) => [
  needHigh(Msr.Ia32VmxTrueProcbasedCtls, bits),
  or(F.PrimaryProcessorBasedVmExecutionControls, bits),
];
export const secondary = (bits) => [
  ...primary(Primary.ActivateSecondaryControls),
  needHigh(Msr.Ia32VmxProcbasedCtls2, bits),
  or(F.SecondaryProcessorBasedVmExecutionControls, bits),
];
export const exit = (bits) => [needHigh(Msr.Ia32VmxTrueExitCtls, bits), or(F.VmExitControls, bits)];
export const entry = (bits) => [needHigh(Msr.Ia32VmxTrueEntryCtls, bits), or(F.VmEntryControls, bits)];

/** EPT that maps 4 GiB to themselves. */
export const ept = [...secondary(Secondary.EnableEpt), write(F.EptPointer, M.eptPml4 | 0x1e)];
export const vpid = [...secondary(Secondary.EnableVpid), write(F.VirtualProcessorIdentifier, 1)];
export const tprShadow = [...primary(Primary.UseTprShadow), write(F.VirtualApicAddress, M.virtualApic)];
/** Ends a guest that would sleep for ever. */
export const watchdog = [...pin(Pin.ActivateVmxPreemptionTimer), write(F.VmxPreemptionTimerValue, 0x1000)];
export const virtualNmis = pin(Pin.NmiExiting | Pin.VirtualNmis);

const flat32 = [
  andNot(F.VmEntryControls, Entry.Ia32eModeGuest),
  andNot(F.GuestIa32Efer, 0x500),
  write(F.GuestCsSelector, 0x28),
  write(F.GuestCsAccessRights, 0xc09b),
  write(F.GuestIdtrBase, 'guest_idt_32'),
  write(F.GuestIdtrLimit, 64 * 8 - 1),
];

/** A guest in 32-bit protected mode with 32-bit paging. */
export const guest32 = [...flat32, write(F.GuestCr3, M.pageDirectory32), write(F.GuestCr4, 0x2690)];

/** A guest in 32-bit protected mode with PAE paging. */
export const guestPae = [...flat32, write(F.GuestCr3, M.paePdpt)];

const sixteenBit = (rights, dataRights = rights) => [
  ...['Cs', 'Ss', 'Ds', 'Es', 'Fs', 'Gs'].flatMap((name) => [
    write(F[`Guest${name}Selector`], M.lowCode >> 4),
    write(F[`Guest${name}Base`], M.lowCode),
    write(F[`Guest${name}Limit`], 0xffff),
    write(F[`Guest${name}AccessRights`], name === 'Cs' ? rights : dataRights),
  ]),
  write(F.GuestRip, 0),
  write(F.GuestRsp, 0x800),
];

/** A guest in virtual-8086 mode that runs this code. */
export const virtual8086 = (what) => [...guest32, or(F.GuestRflags, 0x20000), ...sixteenBit(0xf3), copyLow(what)];

/** A guest in real-address mode ("unrestricted guest") that runs this code. */
export const realMode = (what) => [
  ...ept,
  ...secondary(Secondary.UnrestrictedGuest),
  ...flat32,
  write(F.GuestCr0, 0x30),
  write(F.GuestCr4, 0x2680),
  ...sixteenBit(0x9b, 0x93),
  write(F.GuestIdtrBase, M.scratch),
  write(F.GuestIdtrLimit, 0x3ff),
  copyLow(what),
];

/** A guest at CPL 3. */
export const cpl3 = [
  write(F.GuestCsSelector, 0x33),
  write(F.GuestCsAccessRights, 0xa0fb),
  ...['Ss', 'Ds', 'Es', 'Fs', 'Gs'].flatMap((name) => [
    write(F[`Guest${name}Selector`], 0x3b),
    write(F[`Guest${name}AccessRights`], 0xc0f3),
  ]),
];

// An operation is a list that begins with its kind; lists of operations may be nested.
const flatten = (one) => (typeof one[0] === 'string' ? [one] : one.flatMap(flatten));

/** A case: its name and its operations. */
export const makeCase = (name, ...operations) => ({ name, operations: flatten(operations) });

export { Entry, Exit, F, M, Msr, Pin, Primary, Secondary };
