// SPDX-License-Identifier: LGPL-2.1-only

/** A line of WebAssembly's text, and where in the module its instruction begins. */
export interface WasmLine {
  readonly at: number;
  readonly text: string;
}

/**
 * The instructions of the only function of a module. The library that knows WebAssembly's text is loaded by the first call only.
 * @param locals their names, by number
 */
export async function wasmText(
  module: Uint8Array<ArrayBuffer>,
  locals: ReadonlyMap<number, string>,
): Promise<readonly WasmLine[]> {
  const { BinaryReader, DefaultNameResolver, WasmDisassembler } = await import('wasmparser');
  class Names extends DefaultNameResolver {
    override getVariableName(_: number, index: number): string {
      return `$${locals.get(index) ?? `t${index}`}`;
    }
  }
  const reader = new BinaryReader();
  reader.setData(module.buffer, 0, module.length);
  const disassembler = new WasmDisassembler();
  disassembler.addOffsets = true;
  disassembler.nameResolver = new Names();
  disassembler.disassembleChunk(reader);
  const { lines, offsets = [], functionBodyOffsets = [] } = disassembler.getResult();
  const [body] = functionBodyOffsets;
  if (body === undefined) throw new TypeError('the module has no function');
  return lines
    .map((text, index) => ({ at: offsets[index]!, text: text.slice(INDENT) }))
    .filter(({ at }) => at >= body.start && at < body.end - 1);
}

/** Spaces before the outermost instructions of a function. */
const INDENT = 4;
