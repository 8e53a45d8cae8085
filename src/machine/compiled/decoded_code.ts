// SPDX-License-Identifier: LGPL-2.1-only
import { Layout } from '../layout/layout.js';
import { IndexField, RECORD_BYTES, RecordField } from '../layout/record_format.js';

/** A decoded instruction, as its record holds it: src/machine/layout/record_format.ts. */
export interface DecodedInstruction {
  readonly form: number;
  readonly length: number;
  /** Where in its page it begins. */
  readonly pageOffset: number;
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
  /** RecordFlag. */
  readonly flags: number;
  /** Of an instruction that the region leaves to its handler. */
  readonly call?: HandlerCall;
}

/** How a region calls the handler of an instruction. */
export interface HandlerCall {
  /** A copy of its record, which nothing moves; behind it is one of the form `next`, and its link is not 0. */
  readonly record: number;
  /** It ends its block in the interpreter, so its handler says where to go on. */
  readonly endsBlock: boolean;
  /** Of what is called in the core's table: the handler, or what calls one that ends its block. */
  readonly slot: number;
}

/** Reads the interpreter's decoded code: cpu/code/code_pages.ts. */
export class DecodedCode {
  private readonly view: DataView;
  private readonly u32: Uint32Array;

  constructor(memory: WebAssembly.Memory) {
    this.view = new DataView(memory.buffer);
    this.u32 = new Uint32Array(memory.buffer);
  }

  /** The index of a page (its number, from RAM's start) for a DECODE_MODE; 0 if nothing of it is decoded. */
  indexOf(page: number, mode: number): number {
    for (let index = this.u32[Layout.PAGE_MAP / 4 + page]!; index !== 0; index = this.word(index, IndexField.Next))
      if (this.word(index, IndexField.Mode) === mode) return index;
    return 0;
  }

  /** The record of the head at an offset in a page, 0 if none is there. */
  headAt(index: number, offset: number): number {
    return this.word(index, IndexField.Heads + offset * 4);
  }

  /** Says that a page has regions: they are forgotten with its code. */
  markRegions(index: number): void {
    this.u32[(index + IndexField.HasRegions) / 4] = 1;
  }

  /** Where the next record goes. Records that nobody was told of are given back by setting it to what it was before them. */
  get recordNext(): number {
    return this.u32[Layout.RECORD_NEXT / 4]!;
  }
  set recordNext(record: number) {
    this.u32[Layout.RECORD_NEXT / 4] = record;
  }

  formOf(record: number): number {
    return this.view.getUint16(record + RecordField.Form, true);
  }

  /** Of a REGION record: the block whose head it replaces. */
  linkOf(record: number): number {
    return this.word(record, RecordField.Link);
  }

  slotOf(record: number): number {
    return this.word(record, RecordField.Immediate);
  }

  pageOffsetOf(record: number): number {
    return this.view.getUint16(record + RecordField.PageOffset, true);
  }

  read(record: number): DecodedInstruction {
    const { view } = this;
    return {
      form: this.formOf(record),
      length: view.getUint8(record + RecordField.Length),
      pageOffset: this.pageOffsetOf(record),
      a: view.getUint16(record + RecordField.SlotA, true),
      b: view.getUint16(record + RecordField.SlotB, true),
      c: view.getUint16(record + RecordField.SlotC, true),
      segment: view.getUint16(record + RecordField.Segment, true),
      immediate: view.getInt32(record + RecordField.Immediate, true),
      displacement: view.getInt32(record + RecordField.Displacement, true),
      baseSlot: view.getUint16(record + RecordField.Base, true),
      indexSlot: view.getUint16(record + RecordField.Index, true),
      scale: view.getUint8(record + RecordField.Scale),
      flags: view.getUint8(record + RecordField.Flags),
    };
  }

  /**
   * Puts a region in the place of a block: the block moves to the end of the record space, its head becomes the REGION record.
   * @param bytes of the block's records
   * @param regionForm number of the form REGION
   * @returns false if there is no room
   */
  replaceHead(head: number, bytes: number, slot: number, regionForm: number): boolean {
    const { u32, view } = this;
    const copy = u32[Layout.RECORD_NEXT / 4]!;
    if (copy + bytes > Layout.RECORDS_END - RECORD_BYTES) return false;
    new Uint8Array(view.buffer).copyWithin(copy, head, head + bytes);
    u32[Layout.RECORD_NEXT / 4] = copy + bytes;
    view.setUint16(head + RecordField.Form, regionForm, true);
    view.setInt32(head + RecordField.Immediate, slot, true);
    view.setUint32(head + RecordField.Link, copy, true);
    return true;
  }

  /**
   * Copies a record to the end of the record space, for calls of its handler from a region. A handler that ends the running block writes into the
   * record behind it, or takes the link away if the instruction ends its block.
   * @param next number of the form NEXT
   * @returns undefined if there is no room
   */
  handlerCall(record: number, endsBlock: boolean, next: number): HandlerCall | undefined {
    const { u32, view } = this;
    const copy = u32[Layout.RECORD_NEXT / 4]!;
    if (copy + 2 * RECORD_BYTES > Layout.RECORDS_END - RECORD_BYTES) return undefined;
    const bytes = new Uint8Array(view.buffer);
    bytes.copyWithin(copy, record, record + RECORD_BYTES);
    bytes.fill(0, copy + RECORD_BYTES, copy + 2 * RECORD_BYTES);
    u32[Layout.RECORD_NEXT / 4] = copy + 2 * RECORD_BYTES;
    view.setUint8(copy + RecordField.Count, 1);
    view.setUint16(copy + RECORD_BYTES + RecordField.Form, next, true);
    view.setUint32(copy + RecordField.Link, 1, true);
    const handler = view.getUint16(Layout.HANDLERS + this.formOf(record) * 2, true);
    return { record: copy, endsBlock, slot: endsBlock ? u32[Layout.EXECUTE_RECORD / 4]! : handler };
  }

  private word(at: number, offset: number): number {
    return this.u32[(at + offset) / 4]!;
  }
}
