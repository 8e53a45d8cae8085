// SPDX-License-Identifier: LGPL-2.1-only
// The names of registers in a processor block: the SDM's names, made from the definitions of src/intrinsics and from the layout.
import { registerNumbers } from '../../intrinsics/vmx/exit_information.js';
import { segmentNames, type TableRegister } from '../../intrinsics/instructions/segments.js';
import type { FieldSizes } from '../layout/layout.js';

type Sizes = typeof FieldSizes;
type Upper<Name extends string> = Uppercase<Name>;

/** A general register. */
export type GeneralRegister = Upper<keyof typeof registerNumbers>;
/** ES … GS, LDTR, TR. */
export type Segment = Upper<(typeof segmentNames)[number]>;
/** A register that holds base and limit of a table. */
export type Table = 'GDTR' | 'IDTR';

/** RAX, RCX … R15: in the order of their encoding. */
export const generalRegisterNames = Object.keys(registerNumbers).map((name) => name.toUpperCase() as GeneralRegister);
/** ES, CS … TR: in the order of their encoding. */
export const segmentRegisterNames = segmentNames.map((name) => name.toUpperCase() as Segment);

/** A segment register with its hidden part. SDM 3A "Segment Registers". */
export interface SegmentRegister {
  readonly selector: number;
  readonly base: bigint;
  /** In bytes. */
  readonly limit: number;
  /** Access rights in the VMCS's format. SDM 3C "Guest Register State". */
  readonly rights: number;
}

/** Words that other names cover (parts of RFLAGS, of segments and of tables), and the core's own records of its TLBs. */
type Part =
  | 'FR'
  | 'FX'
  | 'FC'
  | 'RFLAGS_SYSTEM'
  | `${Segment | Table}_${'SELECTOR' | 'BASE' | 'LIMIT' | 'RIGHTS'}`
  | `TLB_${'CR3_' | 'PAGING_' | 'LOG_COUNT' | 'LARGE' | 'GLOBAL'}${0 | 1}`
  | 'TLB_GUEST_TAG';

type NamesOfSize<Size extends number> = Exclude<
  { [Name in keyof Sizes]: Sizes[Name] extends Size ? Name : never }[keyof Sizes],
  Part
>;
/** Registers and state of 64 bits. */
export type QuadRegister = NamesOfSize<8>;
/** Registers and state of 32 bits. */
export type DoubleRegister = NamesOfSize<4>;
/** Names of rows of registers, such as XMM and MTRR_FIX. */
export type RegisterRow = Exclude<keyof Sizes, Part | QuadRegister | DoubleRegister>;

/** State that the core derives from registers. It can be read here; only the core writes it. */
export type DerivedState =
  'CPL' | 'MODE' | 'DECODE_MODE' | 'STACK_MASK' | 'CODE_MASK' | 'TLB_DATA' | 'TLB_FETCH' | 'CURRENT_RECORD';

/** All registers and state of a processor by name. */
export type Registers = { RFLAGS: bigint } & { [Name in QuadRegister]: bigint } & {
  [Name in DoubleRegister]: number;
} & { [Name in Segment]: SegmentRegister } & { [Name in Table]: TableRegister };
/** A name of a register or of other state. */
export type RegisterName = keyof Registers;

/**
 * The registers of the software that runs: what a switch of contexts puts aside. CR0, CR4 and EFER are not among them: VMX operation has a say in
 * their bits.
 */
export const contextRegisters = [
  ...generalRegisterNames,
  ...segmentRegisterNames,
  'RIP',
  'RFLAGS',
  'GDTR',
  'IDTR',
  'CR2',
  'CR3',
  'PDPTE0',
  'PDPTE1',
  'PDPTE2',
  'PDPTE3',
  'DR0',
  'DR1',
  'DR2',
  'DR3',
  'DR6',
  'DR7',
  'DEBUG_TRAPS',
  'ACTIVITY',
  'INTERRUPTIBILITY',
] as const satisfies readonly RegisterName[];
