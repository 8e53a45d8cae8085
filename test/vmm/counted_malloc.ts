// SPDX-License-Identifier: LGPL-2.1-only
// QuickJS gives memory back as soon as nothing refers to it, so what it uses before and after an exit says nothing of what the exit allocated. Its
// interface has no count of allocations. This adds one to its WebAssembly: malloc begins by counting the call and its bytes in two words of memory.
import { WasmModule } from '../../src/machine/generator/wasm_module.js';
import { WasmWriter } from '../../src/machine/compiled/wasm_writer.js';
import { MODULE_HEADER, Opcode, Section } from '../../src/machine/wasm_format.js';

/** Where the counts are, 64 bits each: emscripten puts nothing below 1024. */
const counts = { calls: 16, bytes: 24 } as const;
const alignment = 3;

/** Adds the 64-bit number that `value` leaves on the stack to a word of memory. */
function addTo(code: WasmWriter, address: number, value: (code: WasmWriter) => void): void {
  for (let times = 0; times < 2; times++) {
    code.byte(Opcode.I32Const);
    code.signed(address);
  }
  code.append([Opcode.I64Load, alignment, 0]);
  value(code);
  code.append([Opcode.I64Add, Opcode.I64Store, alignment, 0]);
}

function countingCode(): Uint8Array {
  const code = new WasmWriter();
  addTo(code, counts.calls, (out) => out.append([Opcode.I64Const, 1]));
  addTo(code, counts.bytes, (out) => out.append([Opcode.LocalGet, 0, Opcode.I64ExtendI32U]));
  return code.bytes();
}

/** A module whose exported function of this name, malloc, counts. */
export function withCountedMalloc(bytes: Uint8Array, name: string): Uint8Array<ArrayBuffer> {
  const reader = new WasmModule(bytes);
  const index = reader.exports.get(name)! - reader.imports.length;
  const code = countingCode();
  const out = new WasmWriter();
  out.append(MODULE_HEADER);
  reader.position = MODULE_HEADER.length;
  while (reader.position < bytes.length) {
    const id = bytes[reader.position++]!;
    const size = reader.unsigned();
    const start = reader.position;
    const content = id === Section.Code ? withPrologue(reader, index, code) : bytes.subarray(start, start + size);
    out.byte(id);
    out.unsigned(content.length);
    out.append(content);
    reader.position = start + size;
  }
  return new Uint8Array(out.bytes());
}

/** The content of the code section, at which the reader is, with code at the beginning of one body. */
function withPrologue(reader: WasmModule, index: number, code: Uint8Array): Uint8Array {
  const { bytes, bodies } = reader;
  const out = new WasmWriter();
  const count = reader.unsigned();
  out.unsigned(count);
  for (let each = 0; each < count; each++) {
    const size = reader.unsigned();
    const start = reader.position;
    const prologue = each === index ? code : [];
    const instructions = bodies[each]!.start;
    out.unsigned(size + prologue.length);
    out.append(bytes.subarray(start, instructions));
    out.append(prologue);
    out.append(bytes.subarray(instructions, start + size));
    reader.position = start + size;
  }
  return out.bytes();
}

/** What malloc has counted in the memory of such a module. */
export function allocations(memory: WebAssembly.Memory): { blocks: number; bytes: number } {
  const view = new DataView(memory.buffer);
  const at = (address: number): number => Number(view.getBigUint64(address, true));
  return { blocks: at(counts.calls), bytes: at(counts.bytes) };
}
