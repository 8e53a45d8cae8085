// SPDX-License-Identifier: LGPL-2.1-only
import { ExternalKind, MODULE_HEADER, Section } from '../wasm_format.js';

/** A function body of a WebAssembly module. */
export interface WasmBody {
  /** Value types of its locals, without the parameters. */
  readonly locals: readonly number[];
  /** Where its instructions begin and end (the final `end` included) in the module's bytes. */
  readonly start: number;
  readonly end: number;
}

/** What the extractor needs from a module: the sections type, import, function, export and code. */
export class WasmModule {
  readonly types: { readonly parameters: readonly number[]; readonly results: readonly number[] }[] = [];
  /** Names of the imported functions; they come first in the numbering of functions. */
  readonly imports: string[] = [];
  /** Type index of each function that is not imported. */
  readonly functions: number[] = [];
  readonly exports = new Map<string, number>();
  readonly bodies: WasmBody[] = [];
  /** Where the next byte is read. */
  position: number = MODULE_HEADER.length;

  /** Throws SyntaxError if the bytes are not a WebAssembly module. */
  constructor(readonly bytes: Uint8Array) {
    if (MODULE_HEADER.some((byte, index) => bytes[index] !== byte)) throw new SyntaxError('no WebAssembly module');
    while (this.position < bytes.length) this.section();
  }

  /** An unsigned LEB128 number below 2^32. */
  unsigned(): number {
    let result = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.bytes[this.position++]!;
      result += (byte & 127) * 2 ** shift;
      if (byte < 128) return result;
    }
  }

  /** A signed LEB128 number of up to 32 bits. */
  signed(): number {
    let result = 0;
    for (let shift = 0; ;) {
      const byte = this.bytes[this.position++]!;
      result |= (byte & 127) << shift;
      shift += 7;
      if (byte < 128) return shift < 32 && byte & 64 ? result | (-1 << shift) : result;
    }
  }

  /** Skips a LEB128 number of any width. */
  skipNumber(): void {
    while (this.bytes[this.position++]! >= 128) continue;
  }

  private name(): string {
    const length = this.unsigned();
    const text = new TextDecoder().decode(this.bytes.subarray(this.position, this.position + length));
    this.position += length;
    return text;
  }

  private valueTypes(): number[] {
    const count = this.unsigned();
    const types = [...this.bytes.subarray(this.position, this.position + count)];
    this.position += count;
    return types;
  }

  private section(): void {
    const id = this.bytes[this.position++]!;
    const size = this.unsigned();
    const end = this.position + size;
    const readers: Readonly<Record<number, () => void>> = {
      [Section.Type]: () => this.type(),
      [Section.Import]: () => this.importEntry(),
      [Section.Function]: () => this.functions.push(this.unsigned()),
      [Section.Export]: () => this.exportEntry(),
      [Section.Code]: () => this.body(),
    };
    const read = readers[id];
    if (read) for (let count = this.unsigned(); count > 0; count--) read();
    this.position = end;
  }

  private type(): void {
    this.position++;
    const parameters = this.valueTypes();
    this.types.push({ parameters, results: this.valueTypes() });
  }

  private importEntry(): void {
    this.name();
    const name = this.name();
    const kind = this.bytes[this.position++]!;
    if (kind === ExternalKind.Function) {
      this.imports.push(name);
      this.unsigned();
    } else if (kind === ExternalKind.Table || kind === ExternalKind.Memory) {
      if (kind === ExternalKind.Table) this.position++;
      const flags = this.unsigned();
      this.unsigned();
      if (flags & 1) this.unsigned();
    } else this.position += 2;
  }

  private exportEntry(): void {
    const name = this.name();
    const kind = this.bytes[this.position++]!;
    const index = this.unsigned();
    if (kind === ExternalKind.Function) this.exports.set(name, index);
  }

  private body(): void {
    const size = this.unsigned();
    const end = this.position + size;
    const locals: number[] = [];
    for (let groups = this.unsigned(); groups > 0; groups--) {
      const count = this.unsigned();
      const type = this.bytes[this.position++]!;
      for (let index = 0; index < count; index++) locals.push(type);
    }
    this.bodies.push({ locals, start: this.position, end });
    this.position = end;
  }
}
