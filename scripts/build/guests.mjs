// SPDX-License-Identifier: LGPL-2.1-only
// Assembles each guests/NAME/NAME.s into the flat image build/guests/NAME.bin, linked at the address at which the machine loads it. An
// assembler from npm does it: no tool beside Node is needed.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { buildFolder, filesBelow, hashOf, root, unlessFresh } from './paths.mjs';

/** Where the machine loads a flat image (src/machine/boot/flat_image.ts, which a test compares). */
export const flatImageAddress = 0x200000;

const isGuest = (path) => path.endsWith('.s') && basename(path, '.s') === basename(dirname(path));

/** The assembler takes comments at the start of a line only; they are blanked, so that lines keep their numbers. */
function withoutComments(line) {
  let quoted = false;
  for (let i = 0; i < line.length; i++) {
    if (line[i] === '"' && line[i - 1] !== '\\') quoted = !quoted;
    if (line[i] === '#' && !quoted) return line.slice(0, i).trimEnd();
  }
  return line;
}

/** The assembler names no line in its errors: the first line is found whose absence from the end of the text cures it. */
function firstBadLine(keystone, lines) {
  const fails = (count) => {
    try {
      keystone.asm(lines.slice(0, count).join('\n'), { address: flatImageAddress });
      return '';
    } catch (error) {
      // A label that stands further down is no fault of the lines above.
      return /symbol/i.test(error.message) ? '' : error.message;
    }
  };
  for (let count = 1; count <= lines.length; count++) if (fails(count)) return count;
  return lines.length;
}

function assemble(keystone, source) {
  const lines = readFileSync(source, 'utf8').split('\n').map(withoutComments);
  try {
    return keystone.asm(lines.join('\n'), { address: flatImageAddress });
  } catch (error) {
    const line = firstBadLine(keystone, lines);
    throw new Error(`${relative(root, source)}:${line}: ${error.message.trim()}: ${lines[line - 1].trim()}`, {
      cause: error,
    });
  }
}

/** Assembles what changed since the last build. */
export async function buildGuests() {
  const sources = filesBelow('guests', isGuest);
  const outputOf = (source) => join(buildFolder, 'guests', `${basename(source, '.s')}.bin`);
  const hash = hashOf(sources, String(flatImageAddress));
  await unlessFresh('guests', hash, sources.map(outputOf), async () => {
    const { Const, Keystone, loadKeystone } = await import('keystone-wasm');
    await loadKeystone();
    const keystone = new Keystone(Const.KS_ARCH_X86, Const.KS_MODE_64);
    mkdirSync(join(buildFolder, 'guests'), { recursive: true });
    for (const source of sources) writeFileSync(outputOf(source), assemble(keystone, source));
    keystone.close();
  });
}
