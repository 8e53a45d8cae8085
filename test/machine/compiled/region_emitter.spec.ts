// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { CompiledForms } from '../../../src/machine/compiled/compiled_forms.js';
import { DecodedCode, type DecodedInstruction } from '../../../src/machine/compiled/decoded_code.js';
import { emitRegion } from '../../../src/machine/compiled/region_emitter.js';
import type { BlockEnd, RegionBlock } from '../../../src/machine/compiled/region_graph.js';
import { regionModule } from '../../../src/machine/compiled/region_module.js';
import type { FormInformation } from '../../../src/machine/generator/extract.js';
import { flagSetterNames } from '../../../src/machine/generator/template.js';
import { Layout } from '../../../src/machine/layout/layout.js';
import { RECORD_BYTES, RecordField, RecordFlag } from '../../../src/machine/layout/record_format.js';
import { readForms } from '../../support/compiled_tier.js';
import { createTestCore, type TestCore } from '../../support/test_core.js';
import {
  CR0_PAGED,
  CR4_LONG,
  EFER_LONG,
  Page,
  PageTables,
  Rights,
  Segment,
  setSegment,
  setWord,
} from '../../support/processor_setup.js';

const isFull = process.env['BAREFLANK_FULL'] === '1';
const variants = isFull ? 8 : 2;
const statesPerVariant = isFull ? 200 : 8;
const codePage = 0x400000;
const dataPage = 0x500000;
const dataBytes = 0x3000;
/** Far above what the few blocks of this test use. */
const recordAt = Layout.RECORDS_END - 0x1000;
const codeOffset = 0x800;

const specials = [
  0n,
  1n,
  0x7fn,
  0x80n,
  0xffn,
  0x7fffn,
  0x8000n,
  0xffffn,
  0x7fffffffn,
  0x80000000n,
  0xffffffffn,
  0x7fffffffffffffffn,
  0x8000000000000000n,
  0xffffffffffffffffn,
];

/** A linear congruential generator: the same cases in every run. */
class Random {
  constructor(private seed: number) {}

  below(limit: number): number {
    this.seed = (Math.imul(this.seed, 1664525) + 1013904223) >>> 0;
    return Math.floor((this.seed / 2 ** 32) * limit);
  }

  value(): bigint {
    if (this.below(3) > 0) return specials[this.below(specials.length)]!;
    return (BigInt(this.below(2 ** 32)) << 32n) | BigInt(this.below(2 ** 32));
  }
}

/** 64-bit mode, ring 0; code and data pages mapped to themselves, all else absent. */
function prepare(core: TestCore): void {
  const tables = new PageTables(core, 0x200000);
  tables.map(BigInt(codePage), codePage, Page.present | Page.writable);
  for (let at = 0; at < dataBytes; at += 0x1000)
    tables.map(BigInt(dataPage + at), dataPage + at, Page.present | Page.writable);
  setWord(core, 'CR3', tables.root);
  setWord(core, 'CR0', CR0_PAGED);
  setWord(core, 'CR4', CR4_LONG);
  setWord(core, 'EFER', EFER_LONG);
  setSegment(core, Segment.CS, 8, 0, 0xffffffff, Rights.code64);
  for (const index of [Segment.ES, Segment.SS, Segment.DS, Segment.FS, Segment.GS])
    setSegment(core, index, 16, index >= 4 ? 0x18 : 0, 0xffffffff, Rights.data32);
  setWord(core, 'PAGE_RIP', codePage);
  core.setRflags(2);
  core.stateChanged();
}

/** A slot that an operand of a row may have. Its name is an addressing method and a type of SDM 2D "Opcode Map". */
function randomSlot(operand: string, random: Random): number {
  if (/^[VWU]/.test(operand)) return Layout.XMM + random.below(16) * 16;
  if (/^[PQN]/.test(operand)) return Layout.X87_REGISTERS + random.below(8) * 16;
  const high = operand.endsWith('b') && random.below(4) === 0;
  return Layout.RAX + (high ? random.below(4) * 8 + 1 : random.below(16) * 8);
}

function randomOperands(form: FormInformation & { readonly row?: string }, random: Random): DecodedInstruction {
  const operands = (form.row ?? '').split(' ').at(-1)!.split(',');
  const slot = (position: number): number => randomSlot(operands[position] ?? '', random);
  const immediates = [random.below(70), -1, 0x7fffffff, -128, random.below(256), 1, 0, -0x80000000];
  const isWide = form.uses?.includes('imm64') ?? false;
  const segment = random.below(4) === 0 ? Layout.FS_BASE : Layout.ZERO;
  return {
    form: form.id,
    pageOffset: codeOffset,
    a: slot(0),
    b: slot(1),
    c: slot(2),
    segment,
    flags: segment === Layout.ZERO ? 0 : RecordFlag.WithBase,
    immediate:
      form.class === 'plain' || form.class === 'ret'
        ? immediates[random.below(immediates.length)]!
        : random.below(64) - 32,
    displacement: isWide ? random.below(2 ** 32) | 0 : dataPage + 16 + random.below(256),
    baseSlot: random.below(2) ? Layout.RBP : Layout.ZERO,
    indexSlot: random.below(2) ? Layout.RSI : Layout.ZERO,
    scale: random.below(4),
    length: 3,
  };
}

function writeRecord(core: TestCore, form: FormInformation, operands: DecodedInstruction): void {
  const view = new DataView(core.u8.buffer, recordAt, RECORD_BYTES);
  view.setUint16(RecordField.Form, form.id, true);
  view.setUint8(RecordField.Length, operands.length);
  view.setUint8(RecordField.Count, 1);
  view.setUint16(RecordField.SlotA, operands.a, true);
  view.setUint16(RecordField.SlotB, operands.b, true);
  view.setInt32(RecordField.Immediate, operands.immediate, true);
  view.setUint16(RecordField.PageOffset, codeOffset, true);
  view.setUint16(RecordField.SlotC, operands.c, true);
  view.setInt32(RecordField.Displacement, operands.displacement, true);
  view.setUint16(RecordField.Base, operands.baseSlot, true);
  view.setUint16(RecordField.Index, operands.indexSlot, true);
  view.setUint8(RecordField.Scale, operands.scale);
  view.setUint8(RecordField.Flags, operands.flags);
  view.setUint16(RecordField.Segment, operands.segment, true);
  view.setUint32(RecordField.Link, 0, true);
}

/** Registers, RIP and flags, and the data pages. */
interface State {
  readonly words: BigUint64Array;
  /** x87, MMX and SSE registers. */
  readonly units: Uint8Array;
  readonly data: Uint8Array;
}

const firstWord = Layout.RAX / 8;
const lastWord = Layout.FC / 8 + 1;
const units = [Layout.X87_REGISTERS, Layout.XMM + 256] as const;

function save(core: TestCore): State {
  const at = Layout.RAM + dataPage;
  return {
    words: core.u64.slice(firstWord, lastWord),
    units: core.u8.slice(...units),
    data: core.u8.slice(at, at + dataBytes),
  };
}

function restore(core: TestCore, state: State): void {
  core.u64.set(state.words, firstWord);
  core.u8.set(state.units, units[0]);
  core.u8.set(state.data, Layout.RAM + dataPage);
}

function randomState(core: TestCore, random: Random, data: Uint8Array): State {
  const words = core.u64.slice(firstWord, lastWord);
  for (let index = 0; index < 16; index++) words[index] = random.value();
  const near = (): bigint => BigInt(dataPage + 0x800 + random.below(128) * 8);
  words[4] = near();
  words[5] = BigInt(random.below(4096));
  words[6] = BigInt(random.below(512));
  if (random.below(2) === 0) words[7] = near();
  if (random.below(4) === 0) words[3] = near() - 0x100n;
  if (random.below(3) === 0) words[6] = near();
  if (random.below(10) === 0) words[4] = words[5] = 0x4000_0000_0000n; // not canonical
  if (random.below(10) === 0) words[4] = words[5] = 0x9900_0000n; // not present
  words[(Layout.RIP - Layout.RAX) / 8] = BigInt(codePage + codeOffset);
  words[(Layout.FR - Layout.RAX) / 8] = random.value();
  words[(Layout.FX - Layout.RAX) / 8] = random.value();
  words[(Layout.FC - Layout.RAX) / 8] = BigInt(random.below(8));
  const registers = core.u8.slice(...units);
  for (const [from, bytes] of [
    [0, 128],
    [Layout.XMM - units[0], 256],
  ] as const)
    for (let index = 0; index < bytes; index++)
      registers[from + index] = random.below(3) === 0 ? [0, 255, 128][random.below(3)]! : random.below(256);
  return { words, units: registers, data };
}

function differs(left: State, right: State): string | undefined {
  for (let index = 0; index < left.words.length; index++) {
    if (left.words[index] !== right.words[index]) {
      return `word 0x${(Layout.RAX + index * 8).toString(16)}: template ${left.words[index]!.toString(16)}, handler ${right.words[index]!.toString(16)}`;
    }
  }
  const unit = left.units.findIndex((value, index) => value !== right.units[index]);
  if (unit >= 0)
    return `byte 0x${(units[0] + unit).toString(16)}: template ${left.units[unit]}, handler ${right.units[unit]}`;
  const at = left.data.findIndex((value, index) => value !== right.data[index]);
  return at < 0
    ? undefined
    : `memory 0x${(dataPage + at).toString(16)}: template ${left.data[at]}, handler ${right.data[at]}`;
}

/** A region of one instruction. */
function regionOf(form: FormInformation, instruction: DecodedInstruction): RegionBlock {
  const next = instruction.pageOffset + instruction.length;
  const target = { exit: next + instruction.immediate, isBranch: true };
  const ends: Readonly<Record<string, BlockEnd>> = {
    plain: { kind: 'leave', offset: next },
    jcc: { kind: 'branch', taken: target, next: { exit: next, isBranch: false } },
    call: { kind: 'goto', to: target },
    ret: { kind: 'computed' },
  };
  return { offset: codeOffset, returns: [], instructions: [instruction], end: ends[form.class]! };
}

type RegionFunction = (budget: number, rip: bigint) => number;
const BUDGET = 100;

/** Runs one state through both. Returns what differs. */
function compare(
  core: TestCore,
  run: RegionFunction,
  state: State,
): { difference: string | undefined; faulted: boolean; left: boolean } {
  restore(core, state);
  const left = run(BUDGET, BigInt(codePage + codeOffset)) === BUDGET;
  const fromTemplate = save(core);
  restore(core, state);
  const completed = core.cpu.executeRecord(recordAt);
  core.u32[Layout.FAULT_PENDING / 4] = 0;
  core.u32[Layout.STOP / 4] = 0;
  const fromHandler = save(core);
  // leaving is always allowed, but only with nothing changed; what faults must leave
  if (left) return { difference: differs(fromTemplate, state), faulted: !completed, left };
  const difference = completed ? differs(fromTemplate, fromHandler) : 'the handler faults, the template does not leave';
  return { difference, faulted: !completed, left };
}

describe('emitRegion', () => {
  const build = readForms();

  it('breaks no rule of the semantics: nothing commits before an access that can fault', () => {
    const broken = Object.entries(build.templates.handlers).filter(([, reason]) => reason.startsWith('NOT PRECISE'));
    expect(broken.map(([id]) => build.forms[Number(id)]!.name)).to.deep.equal([]);
  });

  it('has a template, or a reason why not, for every form with semantics', () => {
    const missing = build.forms.filter(
      (form) =>
        form.class !== 'reserved' &&
        form.class !== 'jmp' &&
        !/^none /.test(form.name) &&
        !(form.id in build.templates.templates) &&
        !(form.id in build.templates.handlers),
    );
    expect(missing.map((form) => form.name)).to.deep.equal([]);
  });

  it('has a template of each flag setter, and forms that use it', () => {
    const { templates, flags } = build.templates;
    expect(Object.keys(flags)).to.have.members(flagSetterNames);
    const used = new Set(Object.values(templates).flatMap(({ tokens }) => tokens.map((token) => token[1])));
    for (const name of flagSetterNames) expect(used.has(name), name).to.equal(true);
    for (const { tokens } of Object.values(flags))
      expect(tokens.map((token) => token[1])).to.include.members(['setFR', 'setFX', 'setFC']);
  });

  it('does what the handler does, for every template and random operands, faults included', async function () {
    this.timeout(isFull ? 600_000 : 60_000);
    const core = await createTestCore(16 << 20);
    prepare(core);
    const random = new Random(12345);
    const data = Uint8Array.from({ length: dataBytes }, () => random.below(256));
    const forms = new CompiledForms(build.forms, build.templates);
    const code = new DecodedCode(core.cpu.memory);
    const jobs: { readonly form: FormInformation; readonly operands: DecodedInstruction }[] = [];
    for (const id of Object.keys(build.templates.templates)) {
      const form = build.forms[Number(id)]!;
      for (let variant = 0; variant < variants; variant++) {
        const operands = randomOperands(form, random);
        // what reaches a general register in its slot is left to the interpreter
        if (forms.kindOf(operands) !== undefined) jobs.push({ form, operands });
      }
    }
    const first = core.cpu.table.grow(jobs.length);
    const bytes = regionModule(
      jobs.map(({ form, operands }, index) => ({
        body: emitRegion(regionOf(form, operands), forms).body,
        slot: first + index,
      })),
      core.u8.buffer.byteLength / 0x10000,
    );
    new WebAssembly.Instance(new WebAssembly.Module(bytes), {
      core: { memory: core.cpu.memory, table: core.cpu.table },
    });
    const failures: string[] = [];
    let faults = 0;
    let left = 0;
    jobs.forEach(({ form, operands }, index) => {
      const run = core.cpu.table.get(first + index) as RegionFunction;
      writeRecord(core, form, operands);
      expect(code.read(recordAt), 'what DecodedCode reads').to.deep.equal(operands);
      for (let count = 0; count < statesPerVariant; count++) {
        const result = compare(core, run, randomState(core, random, data));
        faults += Number(result.faulted);
        left += Number(result.left);
        if (result.difference !== undefined && failures.length < 20)
          failures.push(`${form.name} ${JSON.stringify(operands)}: ${result.difference}`);
      }
    });
    expect(failures).to.deep.equal([]);
    expect(faults, 'cases with faults').to.be.greaterThan(jobs.length / 4);
    expect(left, 'cases that left').to.be.at.least(faults);
  });
});
