// SPDX-License-Identifier: LGPL-2.1-only
import { hex } from '../../intrinsics/texts/hex.js';
import type { CompiledForms } from '../../machine/compiled/compiled_forms.js';
import type { DecodedInstruction } from '../../machine/compiled/decoded_code.js';
import { listRegion, type RegionPart } from '../../machine/compiled/region_emitter.js';
import type { RegionBlock } from '../../machine/compiled/region_graph.js';
import { regionModule } from '../../machine/compiled/region_module.js';
import { wordAt } from '../../machine/layout/layout.js';
import { disassemble } from '../death/disassemble.js';
import { wasmText } from './wasm_text.js';

/** The code of a region, as it was when it was compiled. */
export interface ListedCode {
  readonly root: RegionBlock;
  /** Linear address of its page. */
  readonly page: bigint;
  /** What the page held. */
  readonly bytes: Uint8Array;
}

/** What the parts that are no instruction do. */
const ownParts: Readonly<Record<'enter' | 'join' | 'leave', string>> = {
  enter: '(the region is entered)',
  join: '(several ways meet)',
  leave: '(the region is left)',
};

async function guestText({ pageOffset, length }: DecodedInstruction, { page, bytes }: ListedCode): Promise<string> {
  const address = hex(page + BigInt(pageOffset));
  const code = Buffer.from(bytes.subarray(pageOffset, pageOffset + length)).toString('hex');
  const known = await disassemble(code, 64, address);
  return `${address}  ${known?.text ?? code}`;
}

/** An instruction, and the form of the table whose template it became or whose handler executes it; or what a part does. */
async function textOf({ what }: RegionPart, code: ListedCode, forms: CompiledForms): Promise<string[]> {
  if (typeof what === 'string') return [ownParts[what]];
  const name = `  ${forms.nameOf(what.form)}`;
  if (what.call !== undefined) return [await guestText(what, code), `${name}: its handler`];
  return [await guestText(what, code), ...(forms.template(what.form) === undefined ? [] : [name])];
}

/** Says which word of the processor a fixed address is. */
function withWord(text: string): string {
  const word = wordAt(Number(/ offset=(\d+)$/.exec(text)?.[1]));
  return word === undefined ? text : `${text}  ;; ${word}`;
}

/** Puts two texts next to each other. */
function sideBySide(left: readonly string[], right: readonly string[], width: number): string[] {
  const count = Math.max(left.length, right.length);
  return Array.from({ length: count }, (_, index) =>
    `${(left[index] ?? '').padEnd(width)} │ ${right[index] ?? ''}`.trimEnd(),
  );
}

/**
 * The guest's instructions of a region in the order of its code, each with the WebAssembly that it became. A branch has what counts the instructions and
 * goes on behind it.
 */
export async function regionListing(code: ListedCode, forms: CompiledForms): Promise<string[]> {
  const { body, parts, locals } = listRegion(code.root, forms);
  const module = regionModule([{ body, slot: 0 }], 1);
  // the code of its only function is the end of the module
  const begin = module.length - body.out.length;
  const lines = await wasmText(module, locals);
  const left = await Promise.all(parts.map((part) => textOf(part, code, forms)));
  const width = Math.max(...left.flat().map((text) => text.length));
  return parts.flatMap(({ at }, index) => {
    const end = parts[index + 1]?.at ?? body.out.length;
    const right = lines.filter((line) => line.at - begin >= at && line.at - begin < end);
    return sideBySide(
      left[index]!,
      right.map(({ text }) => withWord(text)),
      width,
    );
  });
}
