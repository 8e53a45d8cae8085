// SPDX-License-Identifier: LGPL-2.1-only
import { BareflankError } from '../../intrinsics/errors.js';
import type { TableRegister } from '../../intrinsics/instructions/segments.js';
import { FieldSizes, Layout } from '../layout/layout.js';
import { Sizes } from '../layout/regions.js';
import { readFlags, writeFlags } from './lazy_flags.js';
import {
  segmentRegisterNames,
  type DerivedState,
  type DoubleRegister,
  type QuadRegister,
  type RegisterName,
  type RegisterRow,
  type Registers,
  type Segment,
  type SegmentRegister,
  type Table,
} from './register_names.js';

/** The machine's memory, seen in the sizes of the block's words. */
export interface BlockMemory {
  readonly u32: Uint32Array;
  readonly u64: BigUint64Array;
}

/** A name that can be written. */
export type WritableRegister = Exclude<RegisterName, DerivedState>;
/** Values to load. A number may be given for a 64-bit register too. */
export type RegisterValues = {
  readonly [Name in WritableRegister]?: Registers[Name] extends bigint ? bigint | number : Registers[Name];
};

const segmentNumbers: Readonly<Record<string, number>> = Object.fromEntries(
  segmentRegisterNames.map((name, number) => [name, number]),
);
const isSegment = (name: string): name is Segment => name in segmentNumbers;
const isTable = (name: string): name is Table => name === 'GDTR' || name === 'IDTR';

/** The registers from which the core derives modes, masks, TLBs and attention: cpu.ts, `stateLoaded`. */
const inputsOfDerivedState: ReadonlySet<string> = new Set<WritableRegister>([
  ...segmentRegisterNames,
  'RFLAGS',
  'CR0',
  'CR3',
  'CR4',
  'PDPTE0',
  'PDPTE1',
  'PDPTE2',
  'PDPTE3',
  'DR7',
  'EFER',
  'DEBUGCTL',
  'INTERRUPTIBILITY',
  'DEBUG_TRAPS',
  'VMX_MODE',
  'VMX_PRIMARY',
  'VMX_VPID',
  'VMX_EPTP',
  'VMX_MTF_PENDING',
  'CARVE_OUT_ACCESS',
]);

/**
 * The registers and the state of one processor, by name. All code outside the hot paths reads and writes them here. A write also updates what the
 * core derives from a register: its mode, masks, TLBs, and what is due before the next instruction.
 *
 * The loaded processor has its block at one fixed address. A parked processor has its own place. Each access looks up which of them to use.
 */
export class ProcessorBlock {
  private readonly parked: BlockMemory;
  /** How many 32-bit words behind the loaded block the parked one is. */
  private readonly parkedWords: number;

  /**
   * @param loaded the machine's memory.
   * @param stateLoaded makes the core recompute the derived state of the loaded processor.
   */
  constructor(
    private readonly loaded: BlockMemory,
    readonly id: number,
    private readonly stateLoaded: () => void,
  ) {
    // Seen from here, the words of the parked block have the same indexes as those of the loaded one.
    const shift = Layout.PROCESSORS + id * Sizes.PROCESSOR - Layout.PROCESSOR;
    this.parked = { u32: loaded.u32.subarray(shift / 4), u64: loaded.u64.subarray(shift / 8) };
    this.parkedWords = shift / 4;
  }

  /** Whether the core executes this processor now. */
  get isLoaded(): boolean {
    return this.loaded.u32[Layout.PROCESSOR_ID / 4] === this.id;
  }

  /** What must be added to the index of a word of the loaded block, for this processor's: 0 while it is loaded. For paths that may not allocate. */
  get place(): number {
    return this.isLoaded ? 0 : this.parkedWords;
  }

  /** A register as software sees it. */
  get<Name extends RegisterName>(name: Name): Registers[Name] {
    return this.read(name) as Registers[Name];
  }

  /** Writes one register; a value is cut to the register's width. */
  set<Name extends WritableRegister>(name: Name, value: NonNullable<RegisterValues[Name]>): void {
    const isDerivedFrom = inputsOfDerivedState.has(name);
    if (isDerivedFrom) this.mustBeLoaded(name);
    this.write(name, value);
    if (isDerivedFrom) this.stateLoaded();
  }

  /** Writes registers that belong together. The derived state is computed once, after the last of them. */
  load(values: RegisterValues): void {
    const names = Object.keys(values) as WritableRegister[];
    const derivedFrom = names.filter((name) => inputsOfDerivedState.has(name));
    if (derivedFrom.length !== 0) this.mustBeLoaded(derivedFrom.join(', '));
    for (const name of names) this.write(name, values[name]!);
    if (derivedFrom.length !== 0) this.stateLoaded();
  }

  /** The words of a row of 64-bit registers, from which nothing is derived. */
  row(name: RegisterRow): BigUint64Array {
    const from = Layout[name] / 8;
    return this.memory.u64.subarray(from, from + FieldSizes[name] / 8);
  }

  /** Sets all words of the block to 0, except the processor's number. The caller then loads the power-on state. */
  clear(): void {
    const { u32 } = this.memory;
    const from = Layout.PROCESSOR / 4;
    u32.fill(0, from, from + Sizes.PROCESSOR / 4);
    u32[Layout.PROCESSOR_ID / 4] = this.id;
  }

  private get memory(): BlockMemory {
    return this.isLoaded ? this.loaded : this.parked;
  }

  private read(name: RegisterName): Registers[RegisterName] {
    const { u32, u64 } = this.memory;
    if (name === 'RFLAGS') return BigInt(readFlags(u32));
    if (isSegment(name)) return this.readSegment(segmentNumbers[name]!);
    if (isTable(name)) return { base: u64[Layout[`${name}_BASE`] / 8]!, limit: u32[Layout[`${name}_LIMIT`] / 4]! };
    return FieldSizes[name] === 8 ? u64[Layout[name] / 8]! : u32[Layout[name] / 4]!;
  }

  private readSegment(number: number): SegmentRegister {
    const { u32, u64 } = this.memory;
    return {
      selector: u32[Layout.ES_SELECTOR / 4 + number]!,
      base: u64[Layout.ES_BASE / 8 + number]!,
      limit: u32[Layout.ES_LIMIT / 4 + number]!,
      rights: u32[Layout.ES_RIGHTS / 4 + number]!,
    };
  }

  private write(name: WritableRegister, value: NonNullable<RegisterValues[WritableRegister]>): void {
    const { u32, u64 } = this.memory;
    if (typeof value === 'object') this.writeParts(name, value);
    else if (name === 'RFLAGS') writeFlags(u32, Number(BigInt.asUintN(32, BigInt(value))));
    else if (FieldSizes[name as QuadRegister | DoubleRegister] === 8) {
      u64[Layout[name as QuadRegister] / 8] = BigInt.asUintN(64, BigInt(value));
    } else u32[Layout[name as DoubleRegister] / 4] = Number(value);
    // No record is at the new RIP.
    if (name === 'RIP') u32[Layout.CURRENT_RECORD / 4] = 0;
  }

  private writeParts(name: string, value: SegmentRegister | TableRegister): void {
    const { u32, u64 } = this.memory;
    if (isSegment(name)) this.writeSegment(segmentNumbers[name]!, value as SegmentRegister);
    else if (isTable(name)) {
      u64[Layout[`${name}_BASE`] / 8] = value.base;
      u32[Layout[`${name}_LIMIT`] / 4] = value.limit;
    }
  }

  private writeSegment(number: number, { selector, base, limit, rights }: SegmentRegister): void {
    const { u32, u64 } = this.memory;
    u32[Layout.ES_SELECTOR / 4 + number] = selector;
    u64[Layout.ES_BASE / 8 + number] = base;
    u32[Layout.ES_LIMIT / 4 + number] = limit;
    u32[Layout.ES_RIGHTS / 4 + number] = rights;
  }

  /** The core keeps derived state only for the loaded processor. */
  private mustBeLoaded(what: string): void {
    if (this.isLoaded) return;
    throw new BareflankError(
      `processor ${this.id} is parked: ${what} can be written only while the core executes it; load the processor first`,
    );
  }
}
