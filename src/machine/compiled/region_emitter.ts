// SPDX-License-Identifier: LGPL-2.1-only
// Emits the WebAssembly function of one region: (budget: i32, rip: i64) -> budget left. It leaves with RIP, registers and flags exact: at an
// instruction whose template does not execute it (fault, TLB miss), where control goes on outside the region, and when the budget may not last for
// one more pass through it.
import { Layout } from '../layout/layout.js';
import { EMPTY_BLOCK, Opcode, ValueType } from '../wasm_format.js';
import type { CompiledForms } from './compiled_forms.js';
import type { DecodedInstruction, HandlerCall } from './decoded_code.js';
import { Constants } from '../layout/core_constants.js';
import { FlagLocals } from './flag_locals.js';
import { FunctionBody } from './function_body.js';
import { HandlerCalls } from './handler_calls.js';
import { inPage, isExit, type RegionBlock, type RegionEdge, type RegionExit } from './region_graph.js';
import { PAGE_BYTES } from '../memory/page_contents.js';
import type { ReadyTemplate } from './ready_template.js';
import { REGION_TYPE } from './region_module.js';
import { RegionStructure, type RegionNode } from './region_structure.js';
import { RegisterLocals } from './register_locals.js';
import { TemplatePaster } from './template_paster.js';

/** Parameters of a region's function. */
const BUDGET = 0;
const RIP = 1;

const { LEFT_ACCESS, LEFT_BUDGET, LEFT_DUE, LEFT_TARGET, LEFT_INSTRUCTION } = Constants;
/** A Constants.LEFT_*. */
type Reason = (typeof Constants)['LEFT_ACCESS' | 'LEFT_BUDGET' | 'LEFT_DUE' | 'LEFT_TARGET' | 'LEFT_INSTRUCTION'];

const EXIT = 'exit';
type Label = RegionNode | typeof EXIT | undefined;

/** Where code begins in a function's body, for listings: of an instruction with what follows from it, or of the region itself. */
export interface RegionPart {
  readonly at: number;
  readonly what: DecodedInstruction | 'enter' | 'join' | 'leave';
}

/** Emits one function. */
class RegionEmitter {
  readonly body = new FunctionBody();
  private readonly structure: RegionStructure;
  private readonly registers = new RegisterLocals(this.body);
  private readonly flags = new FlagLocals(this.body);
  private readonly pageRip = this.body.newLocal(ValueType.I64);
  private readonly goal = this.body.newLocal(ValueType.I64);
  private readonly tlb = this.body.newLocal(ValueType.I32);
  /** i32: Constants.LEFT_*. */
  private readonly reason = this.body.newLocal(ValueType.I32);
  private readonly paster: TemplatePaster;
  private readonly handlers: HandlerCalls;
  /** What encloses the code that is being emitted, innermost last. */
  private readonly labels: Label[] = [];
  private usesFlags = false;
  /** No pass from a check of the budget to the next one executes more instructions. */
  readonly longestPass: number;
  /** How many instructions handlers execute. */
  handled = 0;

  constructor(
    root: RegionBlock,
    private readonly forms: CompiledForms,
    private readonly parts?: RegionPart[],
  ) {
    this.structure = new RegionStructure(root);
    this.longestPass = this.structure.nodes.reduce((sum, { block }) => sum + block.instructions.length, 0);
    const { pageRip, goal, tlb } = this;
    this.paster = new TemplatePaster(this.body, forms, this.registers, this.flags, { pageRip, goal, tlb });
    const locals = { budget: BUDGET, pageRip, goal };
    this.handlers = new HandlerCalls(this.body, this.registers, this.flags, locals, forms.next);
  }

  emit(): FunctionBody {
    const { out } = this.body;
    this.noteUse();
    this.part('enter');
    this.enter();
    this.open(Opcode.Block, EXIT);
    this.budgetCheck(this.structure.root);
    this.tree(this.structure.root);
    this.part('leave');
    this.close();
    this.leaveFunction();
    out.byte(Opcode.End);
    return this.body;
  }

  /** What the locals of the function are. */
  localNames(): ReadonlyMap<number, string> {
    const { pageRip, goal, tlb, reason } = this;
    const own = { budget: BUDGET, rip: RIP, pageRip, goal, tlb, reason, ...this.paster.ownLocals };
    const named = Object.entries(own).map(([name, local]): [number, string] => [local, name]);
    return new Map([...named, ...this.registers.names(), ...this.flags.names()]);
  }

  private part(what: RegionPart['what']): void {
    this.parts?.push({ at: this.body.out.length, what });
  }

  /** Undefined for an instruction that a handler executes, and for one that only says where to go on. */
  private templateOf({ form, call }: DecodedInstruction): ReadyTemplate | undefined {
    return call === undefined ? this.forms.template(form) : undefined;
  }

  /** Registers and flags that any of the blocks uses. */
  private noteUse(): void {
    for (const { block } of this.structure.nodes)
      for (const instruction of block.instructions) {
        this.usesFlags ||= instruction.call !== undefined;
        const template = this.templateOf(instruction);
        if (template === undefined) continue;
        this.paster.noteRegisters(instruction, template);
        this.usesFlags ||= template.readsFlags || template.setsFlags !== 'no';
      }
  }

  private enter(): void {
    const { body } = this;
    const { out } = body;
    body.get(RIP);
    out.i64Const(-PAGE_BYTES);
    out.byte(Opcode.I64And);
    body.set(this.pageRip);
    body.load(Opcode.I32Load, 2, Layout.TLB_DATA);
    body.set(this.tlb);
    this.registers.loadAll();
    if (this.usesFlags) this.flags.loadAll();
  }

  /** State back to its words; then the region that goes on, or the caller. */
  private leaveFunction(): void {
    const { body } = this;
    const { out } = body;
    this.registers.storeWritten();
    if (this.usesFlags) this.flags.storeAll();
    out.i32Const(0);
    body.get(this.goal);
    out.access(Opcode.I64Store, 3, Layout.RIP);
    const slot = body.newLocal(ValueType.I32);
    body.get(this.reason);
    out.i32Const(LEFT_DUE);
    out.append([Opcode.I32LeS, Opcode.I32Eqz, Opcode.If, EMPTY_BLOCK]);
    this.paster.pasteHelper(this.forms.helper('regionAt'), () => {});
    out.op(Opcode.LocalTee, slot);
    out.append([Opcode.If, EMPTY_BLOCK]);
    for (const parameter of [BUDGET, this.goal, slot]) body.get(parameter);
    out.append([Opcode.ReturnCallIndirect, REGION_TYPE, 0, Opcode.End, Opcode.End]);
    out.i32Const(0);
    body.get(this.reason);
    out.access(Opcode.I32Store, 2, Layout.REGION_LEFT);
    body.get(BUDGET);
  }

  private open(opcode: number, label: Label): void {
    this.body.out.append([opcode, EMPTY_BLOCK]);
    this.labels.push(label);
  }

  private close(): void {
    this.body.out.byte(Opcode.End);
    this.labels.pop();
  }

  private branchTo(label: Label, depth = 0): void {
    this.body.out.op(Opcode.Br, this.labels.length - 1 - this.labels.lastIndexOf(label) + depth);
  }

  private spend(count: number): void {
    if (count === 0) return;
    this.body.get(BUDGET);
    this.body.out.i32Const(count);
    this.body.out.byte(Opcode.I32Sub);
    this.body.set(BUDGET);
  }

  /** Leaves for an offset from the page. */
  private leave(offset: number, reason: Reason, depth = 0): void {
    this.paster.rip(offset);
    this.body.set(this.goal);
    this.leaveToGoal(reason, depth);
  }

  private leaveToGoal(reason: Reason, depth = 0): void {
    this.paster.computeFlags();
    // locals begin as 0
    if (reason !== LEFT_ACCESS) {
      this.body.out.i32Const(reason);
      this.body.set(this.reason);
    }
    this.branchTo(EXIT, depth);
  }

  /** A block and what it dominates. All of its code ends in a branch. */
  private tree(node: RegionNode): void {
    if (node.isLoop) this.open(Opcode.Loop, node);
    const merges = node.children.filter(({ forward }) => forward > 1).sort((a, b) => b.order - a.order);
    for (const merge of merges) this.open(Opcode.Block, merge);
    this.block(node);
    for (const merge of merges.reverse()) {
      this.part('join');
      this.close();
      // those who come here have computed the flags, or nobody reads them
      this.flags.pending = undefined;
      this.tree(merge);
    }
    if (node.isLoop) this.close();
  }

  private block(node: RegionNode): void {
    const { instructions, end } = node.block;
    instructions.forEach((instruction, index) => {
      this.part(instruction);
      if (instruction.call !== undefined) this.handle(instruction, instruction.call, index);
      const template = this.templateOf(instruction);
      if (template === undefined) return;
      this.paster.paste(template, instruction, (depth) => {
        this.spend(index);
        this.leave(instruction.pageOffset, LEFT_ACCESS, depth);
      });
    });
    // a condition is on the stack
    this.spend(instructions.length);
    switch (end.kind) {
      case 'branch':
        this.open(Opcode.If, undefined);
        this.arm(() => this.edge(node, end.taken));
        this.close();
        this.edge(node, end.next);
        break;
      case 'goto':
        this.edge(node, end.to);
        break;
      case 'computed':
        this.computed(node);
        break;
      case 'leave':
        this.leave(end.offset, LEFT_INSTRUCTION);
    }
  }

  /** @param index how many instructions of the block come before it */
  private handle({ pageOffset, length }: DecodedInstruction, call: HandlerCall, index: number): void {
    this.handled++;
    this.paster.settleFlags();
    this.handlers.call(call, index);
    const next = pageOffset + length;
    this.labels.push(undefined);
    if (call.endsBlock) {
      const pushNext = (): void => this.paster.rip(next);
      this.handlers.unlessResumed(call, pushNext, () => this.leaveToGoal(LEFT_DUE));
    } else
      this.handlers.whenEnded(call, () => {
        this.spend(index + 1);
        this.leave(next, LEFT_DUE);
      });
    this.labels.pop();
  }

  /** Emits code that ends in a branch; what is pending on its path does not concern the code behind it. */
  private arm(emit: () => void): void {
    const { pending } = this.flags;
    emit();
    this.flags.pending = pending;
  }

  /** The last instruction has left its goal; an inlined call expects its return address. */
  private computed(node: RegionNode): void {
    const { out } = this.body;
    const { end } = node.block;
    if (end.kind !== 'computed' || end.expected === undefined) return this.leaveToGoal(LEFT_TARGET);
    this.body.get(this.goal);
    this.paster.rip(end.expected.offset);
    out.byte(Opcode.I64Ne);
    this.open(Opcode.If, undefined);
    this.arm(() => this.leaveToGoal(LEFT_TARGET));
    this.close();
    this.edge(node, end.expected.to);
  }

  private edge(from: RegionNode, to: RegionEdge): void {
    if (isExit(to)) return this.exit(from, to);
    const node = this.structure.nodeOf(to);
    if (node.order <= from.order) this.backEdge(node, from);
    else if (node.forward > 1) {
      this.settleFor(node);
      this.branchTo(node);
    } else {
      if (node.isLoop) this.settleFor(node);
      this.tree(node);
    }
  }

  private backEdge(node: RegionNode, from: RegionNode): void {
    // into the middle of a loop: the region that begins there goes on, if there is one
    if (!node.isLoop || !this.structure.dominates(node, from)) return this.leave(node.block.offset, LEFT_TARGET);
    this.budgetCheck(node);
    this.settleFor(node);
    this.branchTo(node);
  }

  /** Leaves if the budget may not last for a pass from a block on. */
  private budgetCheck(node: RegionNode): void {
    const { body } = this;
    body.get(BUDGET);
    body.out.i32Const(this.longestPass);
    body.out.byte(Opcode.I32LeS);
    this.open(Opcode.If, undefined);
    this.arm(() => this.leave(node.block.offset, LEFT_BUDGET));
    this.close();
  }

  /** Before a block that is reached on several paths. */
  private settleFor(node: RegionNode): void {
    if (!this.killsFlags(node.block)) this.paster.computeFlags();
    this.flags.pending = undefined;
  }

  /** True if a block sets all flags before anything reads or shows them. */
  private killsFlags({ instructions }: RegionBlock): boolean {
    for (const instruction of instructions) {
      if (instruction.call !== undefined) return false;
      const template = this.templateOf(instruction);
      if (template === undefined) continue;
      if (template.killsFlags) return true;
      if (template.touchesFlags) return false;
    }
    return false;
  }

  /** Out of the region. A branch faults where its target is not canonical: the interpreter executes it again. */
  private exit(from: RegionNode, { exit, isBranch }: RegionExit): void {
    const last = from.block.instructions.at(-1);
    if (!isBranch || last === undefined || inPage(exit)) return this.leave(exit, LEFT_TARGET);
    this.paster.rip(exit);
    this.body.set(this.goal);
    this.paster.pasteHelper(this.forms.helper('farTarget'), (depth) => {
      this.spend(-1);
      this.arm(() => this.leave(last.pageOffset, LEFT_ACCESS, depth));
    });
    this.leaveToGoal(LEFT_TARGET);
  }
}

/** A region's function, and how many instructions it has, of which it leaves some to their handlers. */
export interface EmittedRegion {
  readonly body: FunctionBody;
  readonly instructions: number;
  readonly handled: number;
}

/** The function of the region with these blocks. */
export function emitRegion(root: RegionBlock, forms: CompiledForms): EmittedRegion {
  const emitter = new RegionEmitter(root, forms);
  return { body: emitter.emit(), instructions: emitter.longestPass, handled: emitter.handled };
}

/** A region as its listing needs it. */
export interface ListedRegion {
  readonly body: FunctionBody;
  /** In the order of the code. */
  readonly parts: readonly RegionPart[];
  /** What locals are, by number. Those of templates have no name. */
  readonly locals: ReadonlyMap<number, string>;
}

/** The function of a region, as `emitRegion` makes it, with what is where in it. */
export function listRegion(root: RegionBlock, forms: CompiledForms): ListedRegion {
  const parts: RegionPart[] = [];
  const emitter = new RegionEmitter(root, forms, parts);
  return { body: emitter.emit(), parts, locals: emitter.localNames() };
}
