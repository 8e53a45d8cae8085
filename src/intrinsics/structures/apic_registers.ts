// SPDX-License-Identifier: LGPL-2.1-only

/** Registers of the local APIC, by their offset in its page. SDM 3A "Local APIC Register Address Map". */
export const ApicRegister = {
  Id: 0x20,
  Version: 0x30,
  TaskPriority: 0x80,
  ArbitrationPriority: 0x90,
  ProcessorPriority: 0xa0,
  EndOfInterrupt: 0xb0,
  RemoteRead: 0xc0,
  LogicalDestination: 0xd0,
  DestinationFormat: 0xe0,
  SpuriousInterruptVector: 0xf0,
  /** 256 bits, as eight registers of 32. */
  InService: 0x100,
  /** 256 bits. */
  TriggerMode: 0x180,
  /** 256 bits. */
  InterruptRequest: 0x200,
  ErrorStatus: 0x280,
  InterruptCommandLow: 0x300,
  InterruptCommandHigh: 0x310,
  LvtTimer: 0x320,
  LvtThermalMonitor: 0x330,
  LvtPerformanceCounters: 0x340,
  LvtLint0: 0x350,
  LvtLint1: 0x360,
  LvtError: 0x370,
  InitialCount: 0x380,
  CurrentCount: 0x390,
  DivideConfiguration: 0x3e0,
  /** In x2APIC mode only. */
  SelfIpi: 0x3f0,
} as const;

/** Bits of ApicRegister.InterruptCommandLow. SDM 3A "Interrupt Command Register (ICR)". */
export const InterruptCommand = {
  Vector: 0xff,
  DeliveryMode: 7 << 8,
  DeliveryStatus: 1 << 12,
  LevelAssert: 1 << 14,
  TriggerMode: 1 << 15,
  DestinationShorthand: 3 << 18,
  /** The shorthand that names the sender itself. */
  ShorthandSelf: 1 << 18,
  Reserved: 0xfff32000,
} as const;
