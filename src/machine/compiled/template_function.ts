// SPDX-License-Identifier: LGPL-2.1-only
// One WebAssembly function from one template: registers and flags are loaded into locals, the template is pasted, and all is stored back.
// The run-time compiler's regions will use the same pieces. This form serves to compare templates with handlers.
import { flagOperands, type Template, type TemplateToken } from '../generator/template.js';
import { Layout } from '../layout/layout.js';
import { EMPTY_BLOCK, ExternalKind, FUNCTION_TYPE, MODULE_HEADER, Opcode, Section, ValueType } from '../wasm_format.js';
import { WasmWriter, writeLocals } from './wasm_writer.js';

/** The operands of one decoded instruction, as its record holds them. */
export interface RecordOperands {
  /** Slots (or numbers) of the three register operands, and of the segment's base. */
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly segment: number;
  readonly immediate: number;
  /** Displacement, upper half of the immediate or second immediate. */
  readonly displacement: number;
  readonly baseSlot: number;
  readonly indexSlot: number;
  readonly scale: number;
  readonly length: number;
  /** RIP of the instruction. */
  readonly rip: bigint;
}

const registers = 16;
const flagWords = ['FR', 'FX', 'FC'] as const;

/** Result of a template's function. */
export const TemplateResult = { Completed: 0, Left: 1, Taken: 2 } as const;

const bytesOf = (base64: string): Uint8Array => Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));

/** Emits the body of one template's function. */
class TemplateFunction {
  readonly out = new WasmWriter();
  readonly locals: number[] = [];
  private readonly registerLocals: number[] = [];
  private readonly flagLocals: Record<string, number> = {};
  private readonly ripLocal: number;
  private readonly addressLocal: number;
  private readonly scratch: number;
  private readonly operandLocals: Readonly<Record<(typeof flagOperands)[number], number>>;

  constructor(
    private readonly template: Template,
    private readonly flags: Readonly<Record<string, Template>>,
    private readonly operands: RecordOperands,
    private readonly tlb: number,
  ) {
    for (let index = 0; index < registers; index++) this.registerLocals.push(this.local(ValueType.I64));
    for (const word of flagWords) this.flagLocals[word] = this.local(ValueType.I64);
    this.ripLocal = this.local(ValueType.I64);
    this.addressLocal = this.local(ValueType.I64);
    this.scratch = this.local(ValueType.I64);
    this.operandLocals = {
      operand0: this.local(ValueType.I64),
      operand1: this.local(ValueType.I64),
      operand2: this.local(ValueType.I64),
    };
  }

  /** The whole body. Returns TemplateResult. */
  emit(): void {
    const { out } = this;
    this.loadState();
    // block $left: a bail branches out of it
    out.append([Opcode.Block, EMPTY_BLOCK]);
    if (this.template.returns)
      out.append([Opcode.Block, this.template.result === 0 ? EMPTY_BLOCK : this.template.result]);
    this.paste(this.template);
    if (this.template.returns) out.byte(Opcode.End);
    if (this.template.result !== 0) {
      out.append([Opcode.I32Eqz, Opcode.If, EMPTY_BLOCK]); // not taken: RIP is the next instruction
      this.finish(TemplateResult.Completed);
      out.byte(Opcode.End);
      this.finish(TemplateResult.Taken);
    } else this.finish(TemplateResult.Completed);
    out.byte(Opcode.End);
    out.i32Const(TemplateResult.Left);
    out.byte(Opcode.End);
  }

  private local(type: number): number {
    this.locals.push(type);
    return this.locals.length - 1;
  }

  private get(index: number): void {
    this.out.op(Opcode.LocalGet, index);
  }
  private set(index: number): void {
    this.out.op(Opcode.LocalSet, index);
  }

  private stateWords(): [number, number][] {
    return [
      ...this.registerLocals.map((local, index): [number, number] => [local, Layout.RAX + index * 8]),
      ...flagWords.map((word): [number, number] => [this.flagLocals[word]!, Layout[word]]),
      [this.ripLocal, Layout.RIP],
    ];
  }

  private loadState(): void {
    for (const [local, address] of this.stateWords()) {
      this.out.i32Const(0);
      this.out.access(Opcode.I64Load, 3, address);
      this.set(local);
    }
    this.out.i64Const(this.operands.rip + BigInt(this.operands.length));
    this.set(this.ripLocal);
    if (this.template.tokens.some((token) => token[1] === 'address')) this.effectiveAddress();
  }

  private finish(result: number): void {
    for (const [local, address] of this.stateWords()) {
      this.out.i32Const(0);
      this.get(local);
      this.out.access(Opcode.I64Store, 3, address);
    }
    this.out.i32Const(result);
    this.out.byte(Opcode.Return);
  }

  /** Base + index << scale + displacement, plus the segment's base. */
  private effectiveAddress(): void {
    const { out, operands } = this;
    this.slot64(operands.baseSlot);
    this.slot64(operands.indexSlot);
    out.i64Const(BigInt(operands.scale));
    out.append([Opcode.I64Shl, Opcode.I64Add]);
    out.i64Const(BigInt(operands.displacement));
    out.byte(Opcode.I64Add);
    this.slot64(operands.segment);
    out.byte(Opcode.I64Add);
    this.set(this.addressLocal);
  }

  private registerOf(slot: number): number | undefined {
    const index = (slot - Layout.RAX) >> 3;
    return index >= 0 && index < registers ? this.registerLocals[index] : undefined;
  }

  private slot64(slot: number): void {
    const local = this.registerOf(slot);
    if (local !== undefined) {
      this.get(local);
      return;
    }
    this.out.i32Const(0);
    this.out.access(Opcode.I64Load, 3, slot);
  }

  private slotOf(name: string | number, offset: number): number {
    if (typeof name === 'number') return name + offset;
    return this.operands[name as 'a' | 'b' | 'c' | 'segment'] + offset;
  }

  /** A template's tokens, with locals of its own: a flag setter may be pasted more than once. */
  private paste(template: Template): void {
    const locals = template.locals.map((type) => this.local(type));
    for (const token of template.tokens) this.token(token, locals);
  }

  private token(token: TemplateToken, locals: readonly number[]): void {
    const { out } = this;
    const [kind, first, second, third] = token;
    switch (kind) {
      case 'x':
        out.append(bytesOf(first as string));
        break;
      case 'l':
        out.op(first as number, locals[second as number]!);
        break;
      case 'k':
        out.i32Const(first as number);
        break;
      case 's':
        out.i32Const(this.slotOf(first!, second as number));
        break;
      case 'get':
        this.getRegister(first as number, this.slotOf(second!, third as number));
        break;
      case 'set':
        this.setRegister(first as number, this.slotOf(second!, third as number));
        break;
      case 'ret':
        out.op(Opcode.Br, first as number);
        break;
      case 'm':
        this.marker(first as string, second as number);
        break;
      default:
        throw new TypeError(`template token '${kind}' is unknown`);
    }
  }

  private getRegister(bits: number, slot: number): void {
    const { out } = this;
    const local = this.registerOf(slot);
    if (local === undefined) {
      out.i32Const(0);
      out.access(
        { 8: Opcode.I32Load8U, 16: Opcode.I32Load16U, 32: Opcode.I32Load, 64: Opcode.I64Load }[bits]!,
        0,
        slot,
      );
      return;
    }
    this.get(local);
    if (bits === 64) return;
    if (slot & 1) {
      out.i64Const(8n);
      out.byte(Opcode.I64ShrU);
    }
    out.byte(Opcode.I32WrapI64);
    if (bits < 32) {
      out.i32Const(bits === 8 ? 255 : 65535);
      out.byte(Opcode.I32And);
    }
  }

  private setRegister(bits: number, slot: number): void {
    const { out } = this;
    const local = this.registerOf(slot);
    if (bits !== 64) out.byte(Opcode.I64ExtendI32U);
    if (local === undefined) {
      this.set(this.scratch);
      out.i32Const(0);
      this.get(this.scratch);
      out.access(
        { 8: Opcode.I64Store8, 16: Opcode.I64Store16, 32: Opcode.I64Store, 64: Opcode.I64Store }[bits]!,
        0,
        slot,
      );
    } else if (bits >= 32) this.set(local);
    else {
      const shift = slot & 1 ? 8n : 0n;
      const mask = (bits === 8 ? 255n : 65535n) << shift;
      out.i64Const(shift);
      out.byte(Opcode.I64Shl);
      out.i64Const(mask);
      out.byte(Opcode.I64And);
      this.get(local);
      out.i64Const(BigInt.asIntN(64, ~mask));
      out.append([Opcode.I64And, Opcode.I64Or]);
      this.set(local);
    }
  }

  private marker(name: string, depth: number): void {
    const { out, operands } = this;
    const depthOfLeft = depth + (this.template.returns ? 1 : 0);
    const wide = (BigInt(operands.displacement >>> 0) << 32n) | BigInt(operands.immediate >>> 0);
    const next = operands.rip + BigInt(operands.length);
    const simple: Readonly<Record<string, () => void>> = {
      address: () => this.get(this.addressLocal),
      immediate: () => out.i64Const(BigInt(operands.immediate)),
      immediate2: () => out.i64Const(BigInt(operands.displacement)),
      immediate64: () => out.i64Const(BigInt.asIntN(64, wide)),
      next: () => out.i64Const(next),
      rip: () => out.i64Const(operands.rip),
      target: () => out.i64Const(next + BigInt(operands.immediate)),
      length: () => out.i32Const(operands.length),
      numberA: () => out.i32Const(operands.a),
      numberB: () => out.i32Const(operands.b),
      numberC: () => out.i32Const(operands.c),
      tlb: () => out.i32Const(this.tlb),
      slow: () => out.op(Opcode.Call, 0),
      bail: () => out.op(Opcode.Br, depthOfLeft),
      jump: () => this.set(this.ripLocal),
      ...Object.fromEntries(flagOperands.map((operand) => [operand, () => this.get(this.operandLocals[operand])])),
    };
    const emit = simple[name];
    if (emit) emit();
    else if (name.startsWith('getF')) this.get(this.flagLocals[name.slice(3)]!);
    else if (name.startsWith('setF')) this.set(this.flagLocals[name.slice(3)]!);
    else this.setFlags(name);
  }

  /** Pastes the words of flags.ts; their operands are on the stack. */
  private setFlags(name: string): void {
    const template = this.flags[name];
    if (template === undefined) throw new TypeError(`template marker '${name}' is unknown`);
    for (const operand of [...flagOperands].reverse())
      if (template.tokens.some((token) => token[1] === operand)) this.set(this.operandLocals[operand]);
    this.paste(template);
  }
}

/** One template and the operands it is to be pasted with. */
export interface TemplateJob {
  readonly template: Template;
  readonly operands: RecordOperands;
}

/**
 * A module with one exported function `f0`, `f1`, … a job, each `(): i32` with a TemplateResult. Imports: `e.m` the memory (`pages` of 64 KiB), `e.s`
 * the slow path `(ea: i64, size: i32, write: i32): i32`. `flags`: templates of the flag setters. `tlb`: address of the data TLB.
 */
export function templateModule(
  jobs: readonly TemplateJob[],
  flags: Readonly<Record<string, Template>>,
  pages: number,
  tlb: number,
): Uint8Array {
  const out = new WasmWriter();
  const section = (id: number, write: (part: WasmWriter) => void): void => {
    out.byte(id);
    out.sized(write);
  };
  out.append(MODULE_HEADER);
  section(Section.Type, (part) =>
    part.append([
      2,
      FUNCTION_TYPE,
      3,
      ValueType.I64,
      ValueType.I32,
      ValueType.I32,
      1,
      ValueType.I32,
      FUNCTION_TYPE,
      0,
      1,
      ValueType.I32,
    ]),
  );
  section(Section.Import, (part) => {
    part.unsigned(2);
    part.name('e');
    part.name('s');
    part.append([ExternalKind.Function, 0]);
    part.name('e');
    part.name('m');
    part.append([ExternalKind.Memory, 1]);
    part.unsigned(pages);
    part.unsigned(pages);
  });
  section(Section.Function, (part) => {
    part.unsigned(jobs.length);
    for (let index = 0; index < jobs.length; index++) part.unsigned(1);
  });
  section(Section.Export, (part) => {
    part.unsigned(jobs.length);
    jobs.forEach((_job, index) => {
      part.name(`f${index}`);
      part.byte(ExternalKind.Function);
      part.unsigned(index + 1);
    });
  });
  section(Section.Code, (part) => {
    part.unsigned(jobs.length);
    for (const job of jobs) {
      const body = new TemplateFunction(job.template, flags, job.operands, tlb);
      body.emit();
      part.sized((inner) => {
        writeLocals(inner, body.locals);
        inner.append(body.out.bytes());
      });
    }
  });
  return out.bytes();
}
