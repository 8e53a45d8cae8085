// SPDX-License-Identifier: LGPL-2.1-only
import { registerNumbers } from '../../../src/intrinsics/vmx/exit_information.js';
import { vexMaps } from '../../../src/machine/generator/encoding.js';
import { OperandCode, type Operand } from '../../../src/machine/generator/operand.js';
import { ByteArena } from './byte_arena.js';
import { flatSpace, type AddressSpace, type SegmentName } from './address_space.js';
import { farTarget } from './far_target.js';
import type { CodeBits, FormChoice } from './form_choice.js';
import { chooseOffset, chooseSegment, encodeSegmentedMemory } from './segmented_operand.js';
import type { Vendor } from '../host/host_quirks.js';
import type { CaseInstruction, InstructionCase } from './instruction_case.js';
import { randomNumber, randomStates, type InitialState, type InitialStates } from './initial_state.js';
import { emptyParts, opcodeOf, prefixesOf, rexOf, signedBytes, type Parts } from './instruction_parts.js';
import { MemoryMap } from './memory_map.js';
import { encodeMemory } from './memory_operand.js';
import { prepare, usesVectorState } from './preparations.js';
import type { SeededRandom } from './seeded_random.js';
import { undefinedFlags } from './undefined_flags.js';

const { rcx: RCX } = registerNumbers;

/** CMP rAX, rCX with the widest operand. */
const compareAxWithCx = (bits: CodeBits): number[] =>
  ({ 64: [0x48, 0x39, 0xc8], 32: [0x39, 0xc8], 16: [0x66, 0x39, 0xc8] })[bits];

/** Makes one case: registers, flags, memory window and the encoding of each instruction. */
export class CaseBuilder {
  readonly registers: BigUint64Array;
  readonly window: Uint8Array;
  rflags: number;
  /** Linear address of the memory operand that was encoded last. */
  target: number | undefined;
  private readonly instructions: CaseInstruction[] = [];
  private readonly codeOffset: number;
  private readonly initial: InitialState;
  /** The memory of `registers`. */
  private readonly registerWords: Uint32Array;
  private fx: Uint8Array | undefined;
  /** Base and index registers of the memory operand that was encoded last. */
  private bases: number[] = [];
  private at: number;
  /** Segment of a string instruction's source. */
  stringSegment: SegmentName = 'ds';

  /**
   * @param isSequence memory operands then use no base register, because earlier instructions may have changed it.
   * @param vendor the vendor whose manual says which flags are undefined.
   * @param space how its offsets become linear addresses.
   * @param states where the case starts from.
   * @param arena where its arrays come from.
   */
  constructor(
    readonly random: SeededRandom,
    readonly isSequence: boolean,
    private readonly vendor: Vendor,
    readonly space: AddressSpace = flatSpace,
    states: InitialStates = randomStates,
    arena = new ByteArena(),
  ) {
    this.initial = states(random, arena);
    const words = (this.registerWords = this.initial.registers);
    if (space.bits !== 64) {
      words.fill(0, 2 * this.registerCount);
      for (let high = 1; high < words.length; high += 2) words[high] = 0;
    }
    this.registers = new BigUint64Array(words.buffer, words.byteOffset, words.length / 2);
    this.window = this.initial.window;
    this.rflags = 0x202 | (random.next() & 0xcd5 & (random.chance(0.1) ? 0xcd5 : 0x8d5));
    const { codeFirst, codeBytes } = space;
    const slots = codeBytes / MemoryMap.slotBytes;
    // now and then an instruction lies across two pages
    this.codeOffset =
      codeFirst +
      (random.chance(0.05)
        ? 0x1000 * (1 + random.below(codeBytes / 0x1000 - 1)) - 1 - random.below(12)
        : random.below(slots) * MemoryMap.slotBytes + MemoryMap.slotStart + random.below(16));
    this.at = MemoryMap.code + this.codeOffset;
  }

  /** General registers that an instruction can name. */
  private get registerCount(): number {
    return this.space.bits === 64 ? 16 : 8;
  }

  /** A 64-bit number: an edge, a small or a random one. */
  number(): bigint {
    const value = randomNumber(this.random);
    return this.space.bits === 64 ? value : BigInt.asUintN(32, value);
  }

  /** Sets a register. */
  set(register: number, value: bigint | number): void {
    this.registers[register] = BigInt.asUintN(this.space.bits === 64 ? 64 : 32, BigInt(value));
  }

  /** A linear address in the data window, `bytes` from its end. */
  windowAddress(bytes = 32, alignment = 1): number {
    const offset = this.random.below(MemoryMap.windowBytes - bytes);
    return MemoryMap.data + MemoryMap.window + offset - (offset % alignment);
  }

  /** A linear address for an operand: mostly in the window, else at a border, read-only, not mapped or not canonical. */
  address(alignment = 1): bigint {
    const { random } = this;
    const kind = random.below(100);
    const data = BigInt(MemoryMap.data);
    if (kind < 74) return BigInt(this.windowAddress(32, alignment));
    if (kind < 78) return data + BigInt(random.below(16));
    if (kind < 83) return data + BigInt(MemoryMap.writableBytes - 16 + random.below(32));
    if (kind < 88) return data + BigInt(MemoryMap.writableBytes + random.below(0xff0));
    if (kind < 92) return data + BigInt(MemoryMap.dataBytes - 16 + random.below(16));
    if (kind < 95) return data - BigInt(1 + random.below(16));
    if (kind < 98) return 0x800000000000n + BigInt(random.next());
    return this.number();
  }

  /** Writes bytes of a number into the window; addresses outside it are ignored. */
  poke(address: number, value: bigint, bytes: number): void {
    const offset = address - MemoryMap.data - MemoryMap.window;
    for (let i = 0; i < bytes; i++) {
      if (offset + i >= 0 && offset + i < MemoryMap.windowBytes)
        this.window[offset + i] = Number((value >> BigInt(8 * i)) & 255n);
    }
  }

  /** The bytes of the window at an address, or undefined if they are not all in it. */
  peek(address: number, bytes: number): bigint | undefined {
    const offset = address - MemoryMap.data - MemoryMap.window;
    if (offset < 0 || offset + bytes > MemoryMap.windowBytes) return undefined;
    let value = 0n;
    for (let i = bytes - 1; i >= 0; i--) value = (value << 8n) | BigInt(this.window[offset + i]!);
    return value;
  }

  /** Does something, after which the registers that the memory operand uses have their values again. */
  keepingBases(act: () => void): void {
    const { bases, registers } = this;
    const values = bases.map((register) => registers[register]!);
    act();
    bases.forEach((register, i) => (registers[register] = values[i]!));
  }

  /** Linear address of filler code that no instruction of the case reaches otherwise. */
  landing(): number {
    const behind = this.codeOffset < MemoryMap.codeBytes - 0x200 && this.random.chance(0.5);
    return MemoryMap.code + this.codeOffset + (behind ? 112 + this.random.below(14) : -2 - this.random.below(100));
  }

  /** x87 and SSE state, and numbers of the same kinds in the window. */
  private addVectorState(): void {
    this.fx = this.initial.addVectorState();
  }

  /** Adds an instruction. */
  add(choice: FormChoice): void {
    const { entry } = choice;
    const { options, semantics } = entry.row;
    if (usesVectorState(entry) && !this.fx) this.addVectorState();
    const parts = this.encode(choice);
    const before = prefixesOf(choice);
    if (options.lock && choice.memory && this.random.chance(0.1)) before.push(0xf0);
    prepare(this, choice);
    const rex = choice.bits === 64 && choice.entry.encoding.map <= vexMaps ? rexOf(parts, this.random) : [];
    const bytes = before.concat(parts.prefixes, rex, opcodeOf(choice, parts));
    const length = bytes.length + parts.modrm.length + parts.immediates.length;
    if (parts.relative) {
      const displacement = (parts.relative.target - (this.at + length)) | 0;
      parts.modrm.splice(parts.relative.at, 4, ...signedBytes(displacement, 4));
    }
    bytes.push(...parts.modrm, ...parts.immediates);
    const bits = this.operandBits(choice);
    const count = this.shiftCount(choice, parts);
    const undefinedBits = undefinedFlags(semantics, { vendor: this.vendor, bits, count });
    this.push({ form: choice.form.name, semantics, bytes, undefinedFlags: undefinedBits });
    // flags that one instruction leaves undefined must not be read by the next one
    if (this.isSequence && undefinedBits !== 0)
      this.push({ form: '', semantics: 'CMP', bytes: compareAxWithCx(choice.bits), undefinedFlags: 0 });
  }

  /** The finished case. */
  build(): InstructionCase {
    return {
      instructions: this.instructions,
      codeOffset: this.codeOffset,
      registers: this.registerWords,
      rflags: this.rflags,
      window: this.window,
      ...(this.space.segments ? { segments: this.space.segments } : {}),
      ...(this.fx ? { fx: this.fx } : {}),
    };
  }

  /** Size of the operand in bits, as far as it matters for flags. */
  private operandBits(choice: FormChoice): number {
    const first = choice.entry.operands[0];
    if (first?.type === 'u8') return 8;
    return choice.entry.hasSizes ? 16 << choice.size : 64;
  }

  /** The shift count, if the state before the case determines it. */
  private shiftCount(choice: FormChoice, parts: Parts): number | undefined {
    const last = choice.entry.operands.at(-1);
    if (last?.shape === 'one') return 1;
    if (last?.shape === 'immediate') return parts.immediates.at(-1);
    if (last?.text === 'CL' && !this.isSequence) return Number(this.registers[RCX]! & 255n);
    return undefined;
  }

  private push(instruction: CaseInstruction): void {
    this.instructions.push(instruction);
    this.at += instruction.bytes.length;
  }

  private encode(choice: FormChoice): Parts {
    const { entry, size } = choice;
    const { encoding, row } = entry;
    const parts = emptyParts();
    const wideByDefault =
      row.options.default64 === true ||
      row.options.force64 === true ||
      ['jcc', 'jmp', 'call'].includes(row.options.class ?? '');
    if (entry.hasSizes && size === 2 && !wideByDefault) parts.rexW = 1;
    this.target = undefined;
    this.bases = [];
    const field = this.registerField(choice, parts);
    if (encoding.modrm !== undefined)
      parts.modrm = [encoding.modrm | (encoding.registerInModrm ? this.random.below(8) : 0)];
    else if (entry.usesModrm) this.encodeModrm(choice, parts, field);
    entry.operands.forEach((operand, position) => this.encodeOther(choice, operand, position, parts));
    return parts;
  }

  /** ModRM.reg. */
  private registerField(choice: FormChoice, parts: Parts): number {
    const { entry } = choice;
    if (entry.encoding.digit !== undefined) return entry.encoding.digit;
    const codes: number[] = [
      OperandCode.Reg8,
      OperandCode.Reg,
      OperandCode.XmmReg,
      OperandCode.MmxReg,
      OperandCode.SegmentRegister,
    ];
    const operand = entry.operands.find((candidate) => codes.includes(candidate.code));
    if (!operand) return 0;
    if (operand.code === OperandCode.SegmentRegister) return this.random.below(6);
    const register = this.random.below(operand.code === OperandCode.MmxReg ? 8 : this.registerCount);
    if (operand.code === OperandCode.Reg8) this.chooseByteRegister(register, parts);
    parts.rexR = register >> 3;
    return register & 7;
  }

  /** Decides whether 4 to 7 are AH … BH or SPL … DIL. */
  private chooseByteRegister(register: number, parts: Parts): void {
    if (register < 4 || register > 7 || this.space.bits !== 64) return;
    if (parts.rex === 'free') parts.rex = this.random.chance(0.5) ? 'needed' : 'forbidden';
  }

  private encodeModrm(choice: FormChoice, parts: Parts, field: number): void {
    const operand = choice.entry.operands.find((candidate) => candidate.usesModrm && rmCodes.includes(candidate.code));
    const isMemory = choice.memory || (operand === undefined && choice.entry.mod === 'memory');
    if (isMemory) {
      const encode = this.space.bits === 64 ? encodeMemory : encodeSegmentedMemory;
      this.bases = encode(this, choice, parts, field);
      return;
    }
    const register = this.random.below(operand?.code === OperandCode.MmxRm ? 8 : this.registerCount);
    if (operand?.code === OperandCode.Rm8) this.chooseByteRegister(register, parts);
    parts.rexB = parts.rex === 'forbidden' ? 0 : register >> 3;
    parts.modrm = [0xc0 | (field << 3) | (register & 7)];
  }

  /** Operands outside ModRM. */
  private encodeOther(choice: FormChoice, operand: Operand, position: number, parts: Parts): void {
    const { random } = this;
    const bytes = [2, 4, 4][choice.entry.hasSizes ? choice.size : 1]!;
    const small = (): number => (random.chance(0.5) ? random.below(70) : random.next() & 255);
    switch (operand.code) {
      case OperandCode.Op8:
      case OperandCode.Op:
        this.opcodeRegister(operand, parts);
        break;
      case OperandCode.Imm8:
      case OperandCode.SImm8:
      case OperandCode.SecondImm8:
        parts.immediates.push(
          position === 2 && choice.size === 0 && choice.entry.row.semantics.startsWith('SH')
            ? random.below(17)
            : small(),
        );
        break;
      case OperandCode.Vvvv:
        parts.vvvv = random.below(this.registerCount);
        break;
      case OperandCode.Imm16:
        parts.immediates.push(
          ...signedBytes(
            random.chance(0.8) || choice.entry.row.semantics === 'RET_FAR_IMM'
              ? random.below(64)
              : random.next() & 0xffff,
            2,
          ),
        );
        break;
      case OperandCode.ImmZ:
        parts.immediates.push(...this.immediate(bytes));
        break;
      case OperandCode.ImmV:
        parts.immediates.push(...this.immediate(choice.size === 2 ? 8 : bytes));
        break;
      case OperandCode.Jb:
        parts.immediates.push((random.chance(0.5) ? 24 + random.below(100) : -16 - random.below(100)) & 255);
        break;
      case OperandCode.Jz:
        parts.immediates.push(
          ...signedBytes(
            random.chance(0.9) ? (random.chance(0.5) ? 112 : -112) + random.below(10) : random.next() | 0,
            bytes,
          ),
        );
        break;
      case OperandCode.Moffs:
        this.encodeMoffs(choice, parts);
        break;
      case OperandCode.Far:
        parts.immediates.push(...farTarget(this, bytes, choice.entry.row.semantics === 'CALL_FAR'));
        break;
      case OperandCode.StringSource:
        if (this.space.bits !== 64) this.stringSegment = chooseSegment(this, parts, 'ds');
        break;
      default:
    }
  }

  private immediate(bytes: number): number[] {
    const value = this.number();
    return Array.from({ length: bytes }, (_, i) => Number((value >> BigInt(8 * i)) & 255n));
  }

  /** The register in the opcode byte and REX.B. */
  private opcodeRegister(operand: Operand, parts: Parts): void {
    const register = this.random.below(this.registerCount);
    if (operand.code === OperandCode.Op8) this.chooseByteRegister(register, parts);
    parts.rexB = register >> 3;
    parts.opcodeRegister = register & 7;
  }

  private encodeMoffs(choice: FormChoice, parts: Parts): void {
    if (this.space.bits !== 64) {
      const isNarrow = this.random.chance(this.space.bits === 16 ? 0.85 : 0.15);
      if (isNarrow !== (this.space.bits === 16)) parts.prefixes.push(0x67);
      const offset = chooseOffset(this, chooseSegment(this, parts, 'ds'));
      if (isNarrow && offset > 0xffffn) this.target = undefined;
      parts.immediates.push(...signedBytes(Number(BigInt.asIntN(32, offset)), isNarrow ? 2 : 4));
      return;
    }
    const target = this.address();
    const narrow = this.random.chance(choice.address === 1 ? 1 : 0.2);
    if (narrow) parts.prefixes.push(0x67);
    for (let i = 0; i < (narrow ? 4 : 8); i++) parts.immediates.push(Number((target >> BigInt(8 * i)) & 255n));
  }
}

const rmCodes: number[] = [OperandCode.Rm8, OperandCode.Rm, OperandCode.XmmRm, OperandCode.MmxRm];
