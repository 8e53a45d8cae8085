// SPDX-License-Identifier: LGPL-2.1-only
// What a snapshot holds of the machine's memory. A region that is in none of these lists is a mistake, which a test finds. What of the machine is not in
// its memory has a `save` and a `restore` of its own: devices and timers, disks, the scheduler, the processors in JavaScript.
import type { regions } from '../layout/regions.js';

type Region = keyof typeof regions;

/** Saved and restored. */
export const savedRegions: readonly Region[] = [
  // The blocks of the processors, whether loaded or parked: `ProcessorState.block`.
  'PROCESSOR',
  'PROCESSORS',
  'TLBS',
  'VMX_AREAS',
  'MSR_TABLE',
  'RAM',
  // For reports.
  'UNIMPLEMENTED',
  'UNDEFINED',
  'EVENT_CHAIN',
];

/** The same in each machine with the same model, memory and number of processors. */
export const constantRegions: readonly Region[] = [
  'RAM_BYTES',
  'PHYSICAL_BITS',
  'PHYSICAL_RESERVED',
  'CPUID_COUNT',
  'MSR_COUNT',
  'CR4_ALLOWED',
  'EPT_FEATURES',
  'PROCESSOR_COUNT',
  'MSRS_ANNOUNCED',
  'MSR_SETTABLE',
  'HANDLERS',
  'EXECUTE_RECORD',
  'CPUID_TABLE',
  'EMPTY_TLB',
];

/** Decoded code, the map of written pages, that of pages to come (a save gets them first): made again as the machine runs. STATIC_DATA has tables, and a cache of decoded code. */
export const rebuiltRegions: readonly Region[] = [
  'RECORD_NEXT',
  'RECORD_GENERATION',
  'FREE_INDEXES',
  'HAS_CROSSINGS',
  'PAGE_MAP',
  'DIRTY',
  'ABSENT',
  'RECORDS',
  'RECORDS_END',
  'STATIC_DATA',
];

/** Of one instruction: nothing in them matters between two. */
export const transientRegions: readonly Region[] = ['BUS_VALUE', 'BOUNCE', 'BOUNCE_WORDS', 'SCRATCH', 'WRITTEN_LIST'];

/** What the host measures. The guest does not see it. */
export const measuringRegions: readonly Region[] = ['LOOKS_AT_BRANCHES', 'BRANCH_COUNTS'];

/** Of the compiled tier, which changes speed only: what is to be compiled, where regions are found, what they did. */
export const compiledRegions: readonly Region[] = [
  'HEAT_WANTED',
  'WANTED_COUNT',
  'REGIONS_FORGOTTEN',
  'REGION_INSTRUCTIONS',
  'REGION_ENTRIES',
  'REGION_LEFT',
  'REGION_BUDGET',
  'REGION_LEAVES',
  'REGIONS_NOTED',
  'WANTED_LIST',
  'JUMP_CACHE',
  'HEAT',
];

/** Where the host's debugger stops, and what it has met. The guest does not see it. */
export const debuggingRegions: readonly Region[] = [
  'BREAKPOINT_COUNT',
  'WATCHPOINT_COUNT',
  'WATCHED_MSR',
  'BREAK_OFFSETS',
  'BREAKPOINTS',
  'WATCHPOINTS',
  'HIT',
  'HIT_WATCHPOINT',
  'HIT_ACCESS',
  'HIT_BYTES',
  'HIT_ADDRESS',
  'HIT_RIP',
  'PASSED_PROCESSOR',
  'PASSED_COUNT',
  'PASSED_ADDRESS',
];
