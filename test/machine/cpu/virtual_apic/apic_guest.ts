// SPDX-License-Identifier: LGPL-2.1-only
import { ApicRegister } from '../../../../src/intrinsics/structures/apic_registers.js';
import { PrimaryControl, SecondaryControl } from '../../../../src/intrinsics/vmx/control_bits.js';
import type { ExitReason } from '../../../../src/intrinsics/vmx/exit_reasons.js';
import type { VmcsFieldName } from '../../../../src/intrinsics/vmcs/vmcs_fields.js';
import { Guest, GuestMachine, type GuestOptions } from '../../vmx/guest_machine.js';

/** Physical pages of the virtual APIC. */
export const ApicPage = { Virtual: 0x90000, Access: 0x91000, Descriptor: 0x92000 } as const;

/** Controls of a guest that leaves by HLT and has bitmaps without a bit. */
const primary =
  0x04006172 |
  PrimaryControl.HltExiting |
  PrimaryControl.UseIoBitmaps |
  PrimaryControl.UseMsrBitmap |
  PrimaryControl.UseTprShadow |
  PrimaryControl.ActivateSecondaryControls;

const interruptsEnabled = 0x202n;
/** External-interrupt exiting, which virtual-interrupt delivery needs, and the default1 bits. */
const pin = 0x17;

/** How a guest with a virtual APIC is set up. */
export interface ApicGuestOptions extends GuestOptions {
  /** Secondary controls. */
  readonly secondary?: number;
  /** Registers of the virtual-APIC page. */
  readonly registers?: Readonly<Record<number, number>>;
}

export const dwordAt = ({ core }: GuestMachine, physical: number): number =>
  core.u32[core.physicalOffset(physical) >>> 2]!;
/** A register of the virtual-APIC page. */
export const virtualRegister = (machine: GuestMachine, offset: number): number =>
  dwordAt(machine, ApicPage.Virtual + offset);
/** Whether a vector is in a set of the virtual-APIC page. */
export const hasVector = (machine: GuestMachine, set: number, vector: number): boolean =>
  ((virtualRegister(machine, set + (vector >>> 5) * 16) >>> (vector & 31)) & 1) !== 0;

/** The exits that a test compares: reason, qualification and offset of RIP. */
export const seen = (machine: GuestMachine): [ExitReason, bigint, number][] =>
  machine.exits.map(({ reason, qualification, rip }) => [
    reason as ExitReason,
    qualification,
    Number(rip) - Guest.Code,
  ]);

/** Makes a guest with a virtual APIC, and runs it until it executes HLT. Its handlers are entered with RSI = the number of interrupts so far. */
export async function apicGuest(options: ApicGuestOptions): Promise<GuestMachine> {
  const { secondary = 0, registers = {}, ...rest } = options;
  const delivers = (secondary & SecondaryControl.VirtualInterruptDelivery) !== 0;
  const fields: Partial<Record<VmcsFieldName, bigint>> = {
    PrimaryProcessorBasedVmExecutionControls: BigInt(primary >>> 0),
    SecondaryProcessorBasedVmExecutionControls: BigInt(secondary),
    VirtualApicAddress: BigInt(ApicPage.Virtual),
    ...((secondary & SecondaryControl.VirtualizeApicAccesses) !== 0 && { ApicAccessAddress: BigInt(ApicPage.Access) }),
    ...(delivers && { PinBasedVmExecutionControls: BigInt(pin), GuestRflags: interruptsEnabled }),
  };
  const machine = await GuestMachine.create({
    ...rest,
    code: [...rest.code, 'hlt'],
    fields: { ...fields, ...rest.fields },
    prepare: (made) => {
      for (const [offset, value] of Object.entries(registers))
        made.core.u32[made.core.physicalOffset(ApicPage.Virtual + Number(offset)) >>> 2] = value;
      rest.prepare?.(made);
    },
  });
  machine.run();
  return machine;
}

/** Code that writes an x2APIC register. */
export const writeX2apic = (offset: number, value: number): string[] => [
  `mov ecx, ${0x800 + (offset >>> 4)}`,
  `mov eax, ${value}`,
  'xor edx, edx',
  'wrmsr',
];
/** A handler that counts itself in RSI and ends the interrupt. */
export const countingHandler = ['inc rsi', ...writeX2apic(ApicRegister.EndOfInterrupt, 0), 'iretq'];
