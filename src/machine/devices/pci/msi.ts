// SPDX-License-Identifier: LGPL-2.1-only
import type { ConfigSpace } from './config_space.js';
import type { ConfigRegister } from './pci_registers.js';

/** The identifier of the MSI capability. */
export const MSI_CAPABILITY = 0x05;

/** Bits of the message control word. The function has one message. */
export const MsiControl = { Enable: 0x1, Is64Bit: 0x80, HasMask: 0x100 } as const;

/** Offsets in the capability, whose addresses have 64 bits and whose message can be masked. */
export const MsiRegister = {
  Control: { offset: 0x02, size: 2 },
  Address: { offset: 0x04, size: 4 },
  UpperAddress: { offset: 0x08, size: 4 },
  Data: { offset: 0x0c, size: 2 },
  Mask: { offset: 0x10, size: 4 },
  Pending: { offset: 0x14, size: 4 },
} as const satisfies Record<string, ConfigRegister>;

const FIRST_MESSAGE = 1;
const control = MsiControl.Is64Bit | MsiControl.HasMask;
const zeros = (bytes: number): number[] => new Array<number>(bytes).fill(0);
const ones = (bytes: number): number[] => new Array<number>(bytes).fill(0xff);

/** A message-signalled interrupt. All of its state is in configuration space. PCI Local Bus Specification 3.0, "MSI Capability". */
export class Msi {
  /** What follows the capability's identifier and pointer. */
  static readonly body: readonly number[] = [control & 0xff, control >>> 8, ...zeros(20)];
  /** Software writes enable, address (whose bits 1:0 are 0), data and mask. */
  static readonly writable: readonly number[] = [
    ...[MsiControl.Enable, 0],
    ...[0xfc, ...ones(3)],
    ...ones(4),
    ...ones(2),
    ...zeros(2),
    ...[FIRST_MESSAGE, 0, 0, 0],
    ...zeros(4),
  ];

  /**
   * @param at where the capability begins
   * @param send writes a message to its address
   */
  constructor(
    private readonly config: ConfigSpace,
    private readonly at: number,
    private readonly send: (address: number, data: number) => void,
  ) {}

  /** Whether the message replaces the interrupt wire. */
  get enabled(): boolean {
    return (this.get(MsiRegister.Control) & MsiControl.Enable) !== 0;
  }

  /** Requests the interrupt. A masked one stays pending. */
  signal(): void {
    if (!this.enabled) return;
    this.set(MsiRegister.Pending, FIRST_MESSAGE);
    this.sendPending();
  }

  /** Software wrote configuration space: it may have unmasked the message. */
  sendPending(): void {
    const isPending = (this.get(MsiRegister.Pending) & FIRST_MESSAGE) !== 0;
    if (!isPending || !this.enabled || (this.get(MsiRegister.Mask) & FIRST_MESSAGE) !== 0) return;
    this.set(MsiRegister.Pending, 0);
    // Above 4 GiB there is no local APIC that would take the message.
    if (this.get(MsiRegister.UpperAddress) === 0) this.send(this.get(MsiRegister.Address), this.get(MsiRegister.Data));
  }

  private get({ offset, size }: ConfigRegister): number {
    return this.config.get({ offset: this.at + offset, size });
  }

  private set({ offset, size }: ConfigRegister, value: number): void {
    this.config.set({ offset: this.at + offset, size }, value);
  }
}
