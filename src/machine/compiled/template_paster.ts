// SPDX-License-Identifier: LGPL-2.1-only
import { Layout } from '../layout/layout.js';
import { RecordFlag } from '../layout/record_format.js';
import { EMPTY_BLOCK, Opcode, ValueType } from '../wasm_format.js';
import type { CompiledForms } from './compiled_forms.js';
import type { DecodedInstruction } from './decoded_code.js';
import type { FlagLocals } from './flag_locals.js';
import type { FunctionBody } from './function_body.js';
import { TokenKind, type ReadyTemplate, type ReadyToken } from './ready_template.js';
import type { RegisterLocals } from './register_locals.js';

/** Locals of the function that templates are pasted into. */
export interface SiteLocals {
  /** i64: RIP of the first byte of the page. */
  readonly pageRip: number;
  /** i64: where control goes on. */
  readonly goal: number;
  /** i32: the data TLB. */
  readonly tlb: number;
}

/** What a flag setter's words are computed for. */
type Purpose = 'own' | 'reading';

/** Pastes templates into a function, with an instruction's operands in their holes. It knows no instruction. */
export class TemplatePaster {
  private readonly address: number;
  private instruction: DecodedInstruction | undefined;
  private bail: (depth: number) => void = () => {};

  constructor(
    private readonly body: FunctionBody,
    private readonly forms: CompiledForms,
    private readonly registers: RegisterLocals,
    private readonly flags: FlagLocals,
    private readonly site: SiteLocals,
  ) {
    this.address = body.newLocal(ValueType.I64);
  }

  /** Its locals, by what they hold. */
  get ownLocals(): Readonly<Record<string, number>> {
    return { address: this.address };
  }

  /** Notes which registers an instruction uses. */
  noteRegisters(instruction: DecodedInstruction, template: ReadyTemplate): void {
    this.instruction = instruction;
    for (const token of template.registers) this.registers.use(this.slot(token), token.kind === TokenKind.SetRegister);
    if (!template.usesAddress) return;
    this.registers.use(instruction.baseSlot, false);
    this.registers.use(instruction.indexSlot, false);
  }

  /**
   * Pastes an instruction; a template with a result leaves it on the stack.
   * @param bail emits what leaves the region before the instruction; `depth` labels enclose it
   */
  paste(template: ReadyTemplate, instruction: DecodedInstruction, bail: (depth: number) => void): void {
    const { out } = this.body;
    this.instruction = instruction;
    this.bail = template.returns ? (depth) => bail(depth + 1) : bail;
    if (template.usesAddress) this.effectiveAddress(instruction);
    if (template.setsFlags === 'now') this.settleFlags();
    else if (template.readsFlags) this.readFlags();
    if (template.returns) out.append([Opcode.Block, template.result === 0 ? EMPTY_BLOCK : template.result]);
    this.tokens(template, 'own');
    if (template.returns) out.byte(Opcode.End);
  }

  /** Pastes a helper, which has no instruction: its markers `rip` and `target` are the goal. */
  pasteHelper(template: ReadyTemplate, bail: (depth: number) => void): void {
    this.instruction = undefined;
    this.bail = bail;
    this.tokens(template, 'own');
  }

  /** Computes the pending words of the flags into their locals. They stay pending for code on other paths. */
  computeFlags(): void {
    const { pending } = this.flags;
    if (pending !== undefined) this.flagWords(pending.setter, 'own');
  }

  /** Computes the pending words for good. */
  settleFlags(): void {
    this.computeFlags();
    this.flags.pending = undefined;
  }

  private readFlags(): void {
    const { pending } = this.flags;
    if (pending === undefined || pending.isRead) return;
    this.flagWords(pending.setter, 'reading');
    this.flags.pending = { ...pending, isRead: true };
  }

  private flagWords(setter: string, purpose: Purpose): void {
    this.tokens(this.forms.flagSetter(setter), purpose);
  }

  private tokens(template: ReadyTemplate, purpose: Purpose): void {
    for (const token of template.tokens) this.token(token, template, purpose);
  }

  private token(token: ReadyToken, template: ReadyTemplate, purpose: Purpose): void {
    const { body } = this;
    const { first } = token;
    switch (token.kind) {
      case TokenKind.Bytes:
        return body.out.append(token.bytes);
      case TokenKind.Slot:
        return body.out.i32Const(this.slot(token));
      case TokenKind.SlotOffset:
        return body.out.unsigned(this.slot(token));
      case TokenKind.GetRegister:
        return this.registers.get(first, this.slot(token));
      case TokenKind.SetRegister:
        return this.registers.set(first, this.slot(token));
      case TokenKind.GetFlags:
        return this.flags.get(first);
      case TokenKind.SetFlags:
        return this.flags.set(first, purpose === 'reading');
      case TokenKind.FlagOperand:
        return body.get(this.flags.operands[first]!);
      case TokenKind.FlagSetter:
        return this.setFlags(token.name, template);
      case TokenKind.Return:
        return body.out.op(Opcode.Br, first);
      case TokenKind.Bail:
        return this.bail(first);
      default:
        this.operand(token);
    }
  }

  private slot({ place, second }: ReadyToken): number {
    return typeof place === 'number' ? place + second : this.instruction![place] + second;
  }

  /** Tokens for what the record or the site says. */
  private operand(token: ReadyToken): void {
    const { body, site } = this;
    switch (token.kind) {
      case TokenKind.DataTlb:
        return body.get(site.tlb);
      case TokenKind.Jump:
        return body.set(site.goal);
      case TokenKind.Address:
        return body.get(this.address);
      default:
        if (this.instruction === undefined) body.get(site.goal);
        else this.recorded(token, this.instruction);
    }
  }

  /** Numbers in the record. */
  private recorded(token: ReadyToken, instruction: DecodedInstruction): void {
    const { out } = this.body;
    const next = instruction.pageOffset + instruction.length;
    switch (token.kind) {
      case TokenKind.Immediate:
        return out.i64Const(instruction.immediate);
      case TokenKind.Immediate2:
        return out.i64Const(instruction.displacement);
      case TokenKind.Immediate64:
        return out.i64ConstWide(immediate64(instruction));
      case TokenKind.Next:
        return this.rip(next);
      case TokenKind.Rip:
        return this.rip(instruction.pageOffset);
      case TokenKind.Target:
        return this.rip(next + instruction.immediate);
      case TokenKind.Length:
        return out.i32Const(instruction.length);
      case TokenKind.Number:
        return out.i32Const(this.slot(token));
      default:
        throw new TypeError(`template token ${TokenKind[token.kind]} is not for an instruction`);
    }
  }

  /** Pushes the RIP of an offset from the page. */
  rip(offset: number): void {
    this.body.get(this.site.pageRip);
    this.body.out.i64Const(offset);
    this.body.out.byte(Opcode.I64Add);
  }

  /** A flag setter, whose operands are on the stack. */
  private setFlags(name: string, { setsFlags }: ReadyTemplate): void {
    const setter = this.forms.flagSetter(name);
    // popped from the last one on; a setter with one operand has the first
    for (let index = setter.operands - 1; index >= 0; index--) this.body.set(this.flags.operands[index]!);
    if (setsFlags === 'later') this.flags.pending = { setter: name, isRead: false };
    else this.flagWords(name, 'own');
  }

  /** Linear address of the memory operand, as cpu/code/record.ts has it in 64-bit mode. */
  private effectiveAddress(instruction: DecodedInstruction): void {
    const { out } = this.body;
    const { flags, displacement, scale } = instruction;
    if (flags & RecordFlag.Absolute) out.i64ConstWide(immediate64(instruction));
    else {
      const offset = flags & RecordFlag.Relative ? instruction.pageOffset + instruction.length : 0;
      out.i64Const(displacement + offset);
      this.addSlot(instruction.baseSlot, 0);
      this.addSlot(instruction.indexSlot, scale);
    }
    if (flags & RecordFlag.Address32) {
      out.i64ConstWide(0xffff_ffffn);
      out.byte(Opcode.I64And);
    }
    if (flags & RecordFlag.WithBase) this.addSlot(instruction.segment, 0);
    this.body.set(this.address);
  }

  private addSlot(slot: number, scale: number): void {
    const { out } = this.body;
    if (slot === Layout.ZERO) return;
    if (slot === Layout.PAGE_RIP) this.body.get(this.site.pageRip);
    else this.registers.get64(slot);
    if (scale !== 0) {
      out.i64Const(scale);
      out.byte(Opcode.I64Shl);
    }
    out.byte(Opcode.I64Add);
  }
}

function immediate64({ immediate, displacement }: DecodedInstruction): bigint {
  return BigInt.asIntN(64, (BigInt(displacement >>> 0) << 32n) | BigInt(immediate >>> 0));
}
