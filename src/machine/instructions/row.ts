// SPDX-License-Identifier: LGPL-2.1-only
// The language of the instruction table. A row is one line of the manual's opcode map: encoding, operands, the AssemblyScript function
// that says what it does. The generator (generate.ts) expands rows to forms (one per operand size and operand kind), and makes of them
// the decoder's tables, the hot switch, the handler table and the templates.
//
// ENCODING, the first argument: `[VEX] [prefix] [map] opcode[+] [modrm]`, bytes in hexadecimal
//   VEX      the instruction has a VEX prefix with L = 0. Its `pp` is the prefix, its `mmmmm` the map. It exists in protected mode only.
//   prefix   none: any prefix is allowed, 66 is the operand size, F2/F3 are ignored (or REP, see `rep`)
//            'NP' none of 66, F2, F3 · '66' · 'F3' · 'F2': mandatory. F2/F3 win over 66: 'F3 0F B8' also takes 66 as operand size.
//            A row with a mandatory prefix is tried before one without. SSE rows without a prefix should say NP.
//   map      none, '0F', '0F 38', '0F 3A'
//   opcode   'B8+': the low three bits are a register (operand Z); REX.B extends it
//   modrm    '/0' … '/7': ModRM.reg selects the row. 'D9 E8', '0F 01 C1': a further byte is the exact ModRM byte (mod = 3).
//            'D9 C0+': ModRM C0 … C7, the low three bits are the operand ST(i). Rows with operands that need a ModRM byte say nothing.
//
// OPERANDS, the second argument: the manual's letters (appendix "Opcode Map"), comma separated; '' for none. Letter = where, suffix = size.
//   E  ModRM.rm: general register or memory: two forms, kinds Reg and Mem        G  ModRM.reg: general register, kind Reg
//   B  VEX.vvvv: general register, kind Reg. Without it VEX.vvvv must be 1111b
//   R  ModRM.rm, register only (mod = 3)                                          M  ModRM.rm, memory only (M, Mb, Mw, Md, Mq, Mdq, Mp, Ma, Mt …)
//   Z  register in the opcode byte (Zb, Zv)
//   I  immediate: Ib zero-extended 8, sIb sign-extended 8, Iw zero-extended 16, Iz sign-extended 16/32 (32 at operand size 64), Iv 16/32/64
//      a second immediate of a row (ENTER 'Iw,Ib') is allowed
//   J  Jb, Jz: displacement of a branch. No argument; the generated code knows the target (or a parameter named `target`)
//   O  Ob, Ov: memory at an offset in the instruction, kind Mem                   A  Ap: far pointer: TWO arguments, selector (u32), offset (u64)
//   X, Y  Xb Xv, Yb Yv, Yz: string operands: no argument, only set T; see `rep`, `segment`, A below
//   S  Sw: number of the segment register (ES 0, CS 1, SS 2, DS 3, FS 4, GS 5; 6 and 7 are #UD in the decoder), an integer
//   C  Cd: number of the control register, an integer (REX.R included)            D  Dd: number of the debug register, an integer
//   V  ModRM.reg: XMM register, kind Reg (slot address in the XMM file)            W  ModRM.rm: XMM register or memory, kinds Reg and Mem
//   U  ModRM.rm, XMM register only                                                 P, Q, N  the same for MMX registers (REX ignored)
//   ST(i)  number i of the x87 register as an integer. 'ST' or 'ST(0)': no argument
//   AL AH AX EAX RAX CL DX …: that register. rAX: register of the operand size. eAX: the same, 16/32 only.   1: the constant
//   suffixes: b u8, w u16, d u32, q u64, v operand size 16/32/64, z 16/32 (32 at 64), y 32/64 (REX.W, 66 ignored),
//            dq x ps pd pi v128 (u64 for P, Q, N), ss u32, sd u64; others (t, p, a, s, fs …) none
//
// SEMANTICS, the third argument: the name of an exported function of the topic's AssemblyScript file (<topic>.ts below src/machine/cpu, or `file`).
// The generator reads its declaration, so the function takes what it needs and no more:
//   export function NAME<T, D, S>(d: D, s: S): void
//   type parameters, found by their NAME:
//     T        integer type of the operand size: that of the first v/z/y operand, else of the first operand with a size (or option `size`, or `type`)
//     U, V     integer type of the second, third operand's own size (MOVZX<T, U, S>(d: Reg, s: S) for 'Gv,Eb': U = u8)
//     A        width of addresses: u16, u32, u64. For rows with `stack: true` the width of the stack pointer (u64 in 64-bit mode,
//              else SS.B); for all others the address size (string instructions, LOOP, JCXZ, …). Only where a function has an A are there such forms.
//     others   the kind of the parameter they are the type of: Reg, Mem or Imm
//   parameters: first the operands in order (without J, X, Y, ST(0)), by their declared type:
//     D (a type parameter)  what the operand is: Reg = u32 slot address, Mem = u64 linear address (segment base included), Imm = i64
//     Reg, Mem, Imm         must be that
//     an integer type (u32, u8, u64, i64 …): for an immediate or number the value; for a register operand (CL, DX) its *value*, read with that width
//   then any of these, by NAME and in any order:
//     next: u64       address of the next instruction (CALL)            target: u64   branch target (J operands)
//     rip: u64        address of this instruction                        length: u32   its length in bytes
//     rep: u32        constant 0 none, 1 F3 (REP, REPE), 2 F2 (REPNE): a form for each, so an `if` on it folds
//     segment: Reg    slot of the base of the segment of the memory or X operand (overrides seen; ZERO in 64-bit mode for all but FS and GS)
// A row without semantics ('') is one that the run loop does itself (JMP).
//
// CONTROL FLOW, option `class`. Without it the instruction falls through and calls no jump().
//   'jcc'   the function returns bool (condition; may change registers like LOOP), target from J
//   'jmp'   direct jump · 'call' direct call: the function pushes `next`; target from J
//   'ret'   indirect: the function calls jump(address); execution goes on at once (RET, JMP Ev, CALL Ev)
//   'ends'  the block ends; RIP becomes the next instruction unless jump() was called. Interrupts, debug traps and stops are looked at
//           before the next instruction. For everything that changes modes, paging, IF, TF, shadows; for I/O, RDTSC, HLT (exact count), REP.
//   `system: true` = 'ends' and never a template. A function with `rep` ends its block in the forms with rep != 0; to go on
//   later (RCX not yet 0) it calls jump(rip).
// FAULTS of decoding made here: no row → #UD; LOCK without `lock: true` or with a register destination → #UD; mode → #UD.

/** What a row says besides encoding, operands and semantics. */
export interface RowOptions {
  /** Its 32- and 64-bit (or fixed-size) forms get their own case in the interpreter's switch. At most 300 forms in all. */
  readonly hot?: boolean;
  /** Ends its block and is never compiled from a template. */
  readonly system?: boolean;
  /**
   * Of a form that ends its block: it changes neither mode, privilege nor translation, so that a compiled region goes on behind it if nothing is due.
   * Without `system`, it is meant of the forms with REP.
   */
  readonly resumes?: boolean;
  /** How control goes on; see the top of this file. */
  readonly class?: 'jcc' | 'jmp' | 'call' | 'ret' | 'ends';
  /** Exists only outside, or only in, 64-bit mode (elsewhere the next matching row, or #UD). */
  readonly mode?: 'not64' | 'only64';
  /** In 64-bit mode the operand size is 64 by default (PUSH, near branches): 66 gives 16, there is no 32. */
  readonly default64?: boolean;
  /** In 64-bit mode the operand size is always 64 (MOV CR, near branches on Intel: 66 ignored). */
  readonly force64?: boolean;
  /** Uses the stack: A is the stack-pointer width, and non-canonical addresses raise #SS. */
  readonly stack?: boolean;
  /** LOCK is allowed (with a memory destination). */
  readonly lock?: boolean;
  /** Operand size where no operand tells (PUSHF, CBW, IRET: 'v'). */
  readonly size?: 'b' | 'w' | 'd' | 'q' | 'v' | 'z' | 'y';
  /** T, regardless of the operands ('v128', 'u64', …). */
  readonly type?: string;
  /** The memory operand is only read, or is written (default: written when it is the first operand). Matters for read-only segments. */
  readonly memory?: 'read' | 'write';
  /** Size in bytes of the memory operand for segment limit checks, where the suffix does not tell (FXSAVE 512). */
  readonly bytes?: number;
  /** The memory operand is an address only: no segment base, no access (LEA). */
  readonly address?: 'offset';
  /** POP Ev: an address based on rSP counts from the incremented rSP, so the decoder adds the operand size to the displacement. */
  readonly incrementedStack?: boolean;
  /** AssemblyScript file below src/machine/cpu (without folder and .ts) that exports the semantics; default: the topic of the rows file. */
  readonly file?: string;
  /** Needs CPL 0, I/O privilege or machine state: the differential oracle leaves it out. */
  readonly privileged?: boolean;
  /** Processor feature, for the differential oracle and the CPUID test ('sse2', 'popcnt', …). */
  readonly feature?: string;
  /** Never cut a template from it, with the reason (for semantics that must run in the interpreter but do not end a block). */
  readonly noTemplate?: string;
}

/** One line of the opcode map. Made by {@link row}. */
export interface InstructionRow {
  readonly opcode: string;
  readonly operands: readonly string[];
  readonly semantics: string;
  readonly options: RowOptions;
}

/** Makes a row; see the top of this file for the three notations. */
export function row(opcode: string, operands: string, semantics: string, options: RowOptions = {}): InstructionRow {
  return {
    opcode,
    operands: operands === '' ? [] : operands.split(',').map((operand) => operand.trim()),
    semantics,
    options,
  };
}

/** The sixteen conditions in the order of their encoding (SDM 2 appendix "EFLAGS Condition Codes"). */
export const conditions = [
  'O',
  'NO',
  'B',
  'NB',
  'Z',
  'NZ',
  'BE',
  'NBE',
  'S',
  'NS',
  'P',
  'NP',
  'L',
  'NL',
  'LE',
  'NLE',
] as const;

/** Two hexadecimal digits, as rows are written. */
export function hexByte(value: number): string {
  return value.toString(16).toUpperCase().padStart(2, '0');
}
