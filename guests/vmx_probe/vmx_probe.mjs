// SPDX-License-Identifier: LGPL-2.1-only
// Makes the image of the probe: probe.s, followed by the programs of the cases.
import { readFileSync } from 'node:fs';
import { baseFields, capabilityMsrs, controlFields, exitFields, guestFields } from './base.mjs';
import { caseList } from './cases.mjs';

const ADDRESS = 0x200000;
const LABELS_OFFSET = 8;
const LABELS = ['tss', 'gdt', 'idt', 'guest_idt', 'guest_idt_32', 'vm_exit', 'guest_stubs'];
const LISTS = ['baseFields', 'controlFields', 'guestFields', 'exitFields', 'capabilities', 'cases', 'code'];

// The numbers of the operations in probe.s.
const OPERATIONS = {
  end: 0,
  write: 1,
  or: 2,
  andNot: 3,
  beyond: 4,
  poke: 5,
  needHigh: 6,
  enter: 7,
  host: 8,
  copy: 9,
  needLow: 10,
  peek: 11,
  needCpuid: 12,
  poke64: 13,
  notBochs: 14,
  registers: 15,
};

const source = (name) => readFileSync(new URL(name, import.meta.url), 'utf8');

/** Bytes that grow, little-endian. */
class Bytes {
  list = [];
  number(value, size) {
    for (let rest = BigInt.asUintN(size * 8, BigInt(value)), i = 0; i < size; i++, rest >>= 8n)
      this.list.push(Number(rest & 0xffn));
  }
  text(value) {
    for (const letter of value) this.list.push(letter.charCodeAt(0) < 0x80 ? letter.charCodeAt(0) : 0x3f);
    this.list.push(0);
  }
  bytes(value) {
    for (const byte of value) this.list.push(byte);
  }
  align(size) {
    while (this.list.length % size !== 0) this.list.push(0x90);
  }
  get length() {
    return this.list.length;
  }
}

/** Puts the image together; `assemble(text, address)` gives machine code. */
class Image {
  #bytes = new Bytes();
  #snippets = new Map();
  #labels = new Map();
  #assemble;

  constructor(assemble) {
    this.#assemble = assemble;
    this.#bytes.bytes(assemble(source('probe.s'), ADDRESS));
    const view = new DataView(Uint8Array.from(this.#bytes.list).buffer);
    LABELS.forEach((name, index) => this.#labels.set(name, view.getBigUint64(LABELS_OFFSET + index * 8, true)));
  }

  get #here() {
    return ADDRESS + this.#bytes.length;
  }

  /** Code of 64, 32 or 16 bits. Equal code is stored once. */
  #snippet({ bits, lines }) {
    const text = [`.code${bits}`, ...lines, '.code64'].join('\n').replaceAll('@', 'own_');
    const known = this.#snippets.get(text);
    if (known !== undefined) return known;
    // 256 bytes each: the low byte of an address is the offset in its code.
    this.#bytes.align(256);
    const address = this.#here;
    const code = this.#assemble(text, bits === 16 ? 0 : address);
    this.#bytes.bytes(code);
    const snippet = { address, length: code.length };
    this.#snippets.set(text, snippet);
    return snippet;
  }

  #value(value) {
    if (typeof value === 'string') return this.#labels.get(value);
    return typeof value === 'object' ? BigInt(this.#snippet(value).address) : value;
  }

  /** The bytes of one operation. */
  #operation(into, [kind, ...operands]) {
    into.number(OPERATIONS[kind], 1);
    const sizes = {
      write: [2, 8],
      or: [2, 8],
      andNot: [2, 8],
      beyond: [2],
      poke: [4, 4],
      poke64: [4, 8],
      peek: [4],
      enter: [1],
      notBochs: [],
      registers: [],
    };
    const needs = { needHigh: [4, 4], needLow: [4, 4], needCpuid: [4, 1, 4] };
    if (kind === 'host') {
      into.number(this.#snippet({ bits: 64, lines: [...operands[0].lines, 'ret'] }).address, 8);
    } else if (kind === 'copy') {
      const { address, length } = this.#snippet(operands[0]);
      into.number(address, 8);
      into.number(length, 4);
      into.number(operands[1], 4);
    } else {
      (sizes[kind] ?? needs[kind]).forEach((size, index) => into.number(this.#value(operands[index]), size));
    }
  }

  #program({ name, operations }) {
    const program = new Bytes();
    for (const one of operations) this.#operation(program, one);
    program.number(OPERATIONS.end, 1);
    const whole = new Bytes();
    whole.text(name);
    whole.number(program.length, 4);
    whole.bytes(program.list);
    return whole.list;
  }

  #place(fill) {
    const list = new Bytes();
    fill(list);
    this.#bytes.align(8);
    const address = this.#here;
    this.#bytes.bytes(list.list);
    return address;
  }

  build() {
    this.#bytes.align(256);
    const code = this.#here;
    // Programs first: while they are made, their code goes into the image.
    const programs = caseList().map((one) => this.#program(one));
    const addresses = {
      baseFields: this.#place((list) => {
        for (const [field, value] of baseFields) {
          list.number(field, 2);
          list.number(this.#value(value), 8);
        }
        list.number(0xffff, 2);
      }),
      controlFields: this.#place((list) => {
        for (const [field, msr, wanted] of controlFields) {
          list.number(field, 2);
          list.number(msr, 4);
          list.number(wanted, 4);
        }
        list.number(0xffff, 2);
      }),
      guestFields: this.#place((list) => [...guestFields, 0xffff].forEach((field) => list.number(field, 2))),
      exitFields: this.#place((list) => {
        for (const [field, bytes, name] of exitFields) {
          list.number(field, 2);
          list.number(bytes, 1);
          list.text(name);
        }
        list.number(0xffff, 2);
      }),
      capabilities: this.#place((list) => [...capabilityMsrs, 0].forEach((msr) => list.number(msr, 4))),
      cases: this.#place((list) => {
        for (const program of programs) list.bytes(program);
        list.number(0, 1);
      }),
      code,
    };
    const image = Uint8Array.from(this.#bytes.list);
    const view = new DataView(image.buffer);
    LISTS.forEach((name, index) =>
      view.setBigUint64(LABELS_OFFSET + (LABELS.length + index) * 8, BigInt(addresses[name]), true),
    );
    return image;
  }
}

/** The flat image: its bytes are the same on every machine. */
export function image(assemble) {
  return new Image(assemble).build();
}

/** A raw disk whose boot sector loads the image: for machines with a BIOS. */
export function disk(assemble, bytes) {
  const sectors = Math.ceil(bytes.length / 512);
  const boot = assemble(`.set SECTORS, ${sectors}\n${source('boot.s')}`, 0x7c00);
  if (boot.length > 496) throw new Error(`the boot sector has ${boot.length} bytes`);
  // A cylinder of 16 heads and 63 sectors at least: BIOSes take no smaller disks.
  const cylinders = Math.ceil((sectors + 32) / 1008) + 1;
  const whole = new Uint8Array(cylinders * 1008 * 512);
  whole.set(boot);
  whole.set([0x55, 0xaa], 510);
  whole.set(bytes, 512);
  return whole;
}
