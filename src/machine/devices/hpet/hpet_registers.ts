// SPDX-License-Identifier: LGPL-2.1-only
// IA-PC HPET (High Precision Event Timers) Specification 1.0a, "Register Definitions". The ACPI tables tell the guest the same.

/** Physical address and size of the register block. */
export const HPET_BASE = 0xfed00000;
export const HPET_BYTES = 0x400;

/** Comparators. The first two may replace the interrupts of the PIT and the RTC. */
export const HPET_TIMERS = 3;

/** Nanoseconds in a tick of the main counter. */
export const HPET_TICK_NANOSECONDS = 10;
const FEMTOSECONDS = 1_000_000;
const VENDOR = 0x8086;
const REVISION = 1;

/** Offsets. The registers of timer n are `TimerBytes` times n further. */
export const HpetRegister = {
  Capabilities: 0x000,
  Configuration: 0x010,
  InterruptStatus: 0x020,
  MainCounter: 0x0f0,
  TimerConfiguration: 0x100,
  TimerComparator: 0x108,
  TimerBytes: 0x20,
} as const;

/** Bits of the general capabilities. */
const Capability = { LastTimer: 1 << 8, CounterIs64Bit: 1 << 13, LegacyReplacement: 1 << 15 } as const;

/** General capabilities, bits 31:0: the ACPI table has them too. */
export const HPET_CAPABILITIES =
  REVISION +
  Capability.LastTimer * (HPET_TIMERS - 1) +
  Capability.CounterIs64Bit +
  Capability.LegacyReplacement +
  VENDOR * 0x10000;

/** General capabilities, bits 63:32: the period in femtoseconds. */
export const HPET_PERIOD = HPET_TICK_NANOSECONDS * FEMTOSECONDS;

/** Bits of the general configuration. */
export const HpetConfiguration = { Enable: 1, LegacyReplacement: 2 } as const;

/** Bits of a timer's configuration. */
export const HpetTimer = {
  Level: 1 << 1,
  InterruptEnable: 1 << 2,
  Periodic: 1 << 3,
  PeriodicCapable: 1 << 4,
  Is64Bit: 1 << 5,
  ValueSet: 1 << 6,
  Force32Bit: 1 << 8,
  Route: 0x1f << 9,
} as const;

export const ROUTE_SHIFT = 9;

/** The bits that software can write. */
export const TIMER_WRITABLE =
  HpetTimer.Level |
  HpetTimer.InterruptEnable |
  HpetTimer.Periodic |
  HpetTimer.ValueSet |
  HpetTimer.Force32Bit |
  HpetTimer.Route;

/** The inputs of the IOAPIC to which a timer may be routed, a bit each: 20 to 23, which no other device uses. */
export const HPET_ROUTES = 0xf << 20;
