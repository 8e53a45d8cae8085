// SPDX-License-Identifier: LGPL-2.1-only
// Cuts one function of the template build into byte runs and holes, and checks the rules of the semantics:
// (1) all that can fault comes before the first change, (2) nothing is called but markers.
import { slotMagic } from './emit_templates.js';
import { NotCuttableError } from './not_cuttable_error.js';
import { flagSetterNames, type TemplateToken } from './template.js';
import { Layout } from '../layout/layout.js';
import { Opcode, VectorOpcode } from '../wasm_format.js';
import type { WasmModule } from './wasm_module.js';

const encodeBase64 = (bytes: readonly number[]): string => btoa(String.fromCharCode(...bytes));

/** The slot that a constant addresses, and the offset from it. */
function slotOf(value: number): readonly [keyof typeof slotMagic, number] | undefined {
  for (const name of ['a', 'b', 'c', 'segment'] as const) {
    if (Math.abs(value - slotMagic[name]) < 0x10000) return [name, value - slotMagic[name]];
  }
  return undefined;
}

/** Tables that asc places: in the template build they are elsewhere than in the core. */
const isStaticData = (address: number): boolean => address >= Layout.STATIC_DATA && address < Layout.TLBS;
const STATIC_DATA_USED = 'uses static data, which is elsewhere in the core';

/** What templates cannot have: globals, the table, the memory's size. */
const uncuttable: ReadonlySet<number> = new Set<number>([
  Opcode.CallIndirect,
  Opcode.GlobalGet,
  Opcode.GlobalSet,
  Opcode.MemorySize,
  Opcode.MemoryGrow,
]);

function isVectorStore(opcode: number): boolean {
  if (opcode === VectorOpcode.V128Store) return true;
  return opcode >= VectorOpcode.V128Store8Lane && opcode <= VectorOpcode.V128Store64Lane;
}

const accessMarker = /^(get|set)(8|16|32|64)$/;
const flagSetters: ReadonlySet<string> = new Set([...flagSetterNames, 'setFR', 'setFX', 'setFC']);

/** Cuts one body. */
export class TemplateCutter {
  private readonly tokens: TemplateToken[] = [];
  private raw: number[] = [];
  private depth = 0;
  private readonly seen = new Set<number>();
  private readonly zero = new Set<number>();
  private hasCommitted = false;
  private returns = false;

  constructor(
    private readonly module: WasmModule,
    private readonly end: number,
  ) {}

  /** Tokens of the body from the module's position on. Throws NotCuttableError. */
  cut(): { tokens: TemplateToken[]; zero: number[]; returns: boolean } {
    while (this.module.position < this.end - 1) this.instruction();
    this.flush();
    return { tokens: this.tokens, zero: [...this.zero], returns: this.returns };
  }

  private flush(): void {
    if (this.raw.length > 0) this.tokens.push(['x', encodeBase64(this.raw)]);
    this.raw = [];
  }

  private push(token: TemplateToken): void {
    this.flush();
    this.tokens.push(token);
  }

  private keep(from: number): void {
    for (let at = from; at < this.module.position; at++) this.raw.push(this.module.bytes[at]!);
  }

  private instruction(): void {
    const { module } = this;
    const from = module.position;
    const opcode = module.bytes[module.position++]!;
    if (opcode >= Opcode.LocalGet && opcode <= Opcode.LocalTee) this.local(opcode, module.unsigned());
    else if (opcode === Opcode.Call) this.call(module.unsigned());
    else if (opcode === Opcode.I32Const) this.constant(module.signed());
    else if (opcode === Opcode.Return) {
      this.returns = true;
      this.push(['ret', this.depth]);
    } else this.plain(opcode, from);
  }

  private plain(opcode: number, from: number): void {
    const { module } = this;
    if (opcode >= Opcode.Block && opcode <= Opcode.If) {
      module.position++;
      this.depth++;
    } else if (opcode === Opcode.End) this.depth--;
    else if (opcode === Opcode.Br || opcode === Opcode.BrIf) {
      if (module.unsigned() >= this.depth) this.returns = true;
    } else if (opcode === Opcode.BrTable) {
      for (let count = module.unsigned(); count >= 0; count--) if (module.unsigned() >= this.depth) this.returns = true;
    } else if (opcode === Opcode.I64Const) module.skipNumber();
    else if (opcode === Opcode.F32Const) module.position += 4;
    else if (opcode === Opcode.F64Const) module.position += 8;
    else if (opcode >= Opcode.I32Load && opcode <= Opcode.I64Store32)
      return this.memory(from, opcode >= Opcode.I32Store, 0);
    else if (uncuttable.has(opcode)) {
      throw new NotCuttableError(`uses a global, the table or the memory's size (opcode 0x${opcode.toString(16)})`);
    } else if (opcode === Opcode.VectorPrefix) return this.vector(from);
    else if (opcode >= Opcode.NumericPrefix)
      throw new NotCuttableError(`opcode 0x${opcode.toString(16)} is not handled`);
    this.keep(from);
  }

  /** A load or store; behind it come so many bytes of a lane. A slot's address may have become its offset. */
  private memory(from: number, isStore: boolean, lane: number): void {
    const { module } = this;
    module.unsigned();
    const aligned = module.position;
    const offset = module.unsigned();
    const slot = slotOf(offset);
    if (isStaticData(offset)) throw new NotCuttableError(STATIC_DATA_USED);
    if (slot === undefined && offset >= 0x1000000) throw new NotCuttableError('a slot address became a memory offset');
    if (isStore) this.hasCommitted = true;
    const behind = module.position;
    module.position += lane;
    if (slot === undefined) return this.keep(from);
    for (let at = from; at < aligned; at++) this.raw.push(module.bytes[at]!);
    this.push(['o', ...slot]);
    this.keep(behind);
  }

  /** SIMD: loads and stores, v128.const, shuffle, lane operations; all others have no immediate. */
  private vector(from: number): void {
    const { module } = this;
    const opcode = module.unsigned();
    if (
      opcode <= VectorOpcode.V128Store ||
      (opcode >= VectorOpcode.V128Load8Lane && opcode <= VectorOpcode.V128Load64Zero)
    ) {
      const hasLane = opcode >= VectorOpcode.V128Load8Lane && opcode <= VectorOpcode.V128Store64Lane;
      return this.memory(from, isVectorStore(opcode), hasLane ? 1 : 0);
    }
    if (opcode === VectorOpcode.V128Const || opcode === VectorOpcode.I8x16Shuffle) module.position += 16;
    else if (opcode >= VectorOpcode.I8x16ExtractLaneS && opcode <= VectorOpcode.F64x2ReplaceLane) module.position++;
    this.keep(from);
  }

  private local(opcode: number, index: number): void {
    if (!this.seen.has(index)) {
      this.seen.add(index);
      if (opcode === Opcode.LocalGet || this.depth > 0) this.zero.add(index);
    }
    this.push(['l', opcode, index]);
  }

  private constant(value: number): void {
    if (isStaticData(value)) throw new NotCuttableError(STATIC_DATA_USED);
    const slot = slotOf(value);
    this.push(slot ? ['s', ...slot] : ['k', value]);
  }

  private call(index: number): void {
    const name = this.module.imports[index];
    if (name === undefined) throw new NotCuttableError('calls a function that is not inlined');
    this.flush();
    const access = accessMarker.exec(name);
    if (access) this.registerAccess(name, access[1]!, Number(access[2]));
    else if (name === 'bail') {
      if (this.hasCommitted)
        throw new NotCuttableError('NOT PRECISE: an access that can fault comes after a change (rule 1)');
      this.push(['m', name, this.depth]);
    } else if (name === 'abort' || name === 'raise' || name.startsWith('mmio') || name.startsWith('port'))
      throw new NotCuttableError(`calls ${name}`);
    else {
      if (flagSetters.has(name)) this.hasCommitted = true;
      this.push(['m', name, this.depth]);
    }
  }

  private registerAccess(name: string, how: string, bits: number): void {
    const operand = this.tokens.pop();
    if (operand?.[0] === 's') this.push([how, bits, operand[1]!, operand[2]!]);
    else if (operand?.[0] === 'k') this.push([how, bits, operand[1]!, 0]);
    else throw new NotCuttableError(`the register of ${name} is no constant`);
    if (how === 'set') this.hasCommitted = true;
  }
}
