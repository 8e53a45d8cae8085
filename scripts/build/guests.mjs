// SPDX-License-Identifier: LGPL-2.1-only
// Assembles each guests/NAME/NAME.s into the flat image build/guests/NAME.bin, linked at the address at which the machine loads it. An
// assembler from npm does it, so no tool but Node is needed. `.include "FILE"` inserts another file's lines (guests/include). A guest that is made
// from data has a NAME.mjs instead: `image(assemble)` gives the flat image. `disk(assemble, image)`, if it exists, gives a raw disk that loads the
// image on a PC with a BIOS (build/guests/NAME.disk.img).
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { buildFolder, filesBelow, hashOf, root, unlessFresh } from './paths.mjs';

/** Where the machine loads a flat image (src/machine/boot/flat_image.ts, which a test compares). */
export const flatImageAddress = 0x200000;

const nameOf = (path) => basename(path).replace(/\.(s|mjs)$/, '');
const isGuest = (path) => /\.(s|mjs)$/.test(path) && nameOf(path) === basename(dirname(path));

/** The assembler takes comments at the start of a line only; they are blanked, so that lines keep their numbers. */
function withoutComments(line) {
  let quoted = false;
  for (let i = 0; i < line.length; i++) {
    if (line[i] === '"' && line[i - 1] !== '\\') quoted = !quoted;
    if (line[i] === '#' && !quoted) return line.slice(0, i).trimEnd();
  }
  return line;
}

/** Finds the faulty line, because the assembler's errors name none: the last line of the shortest beginning that fails. */
function firstBadLine(keystone, lines) {
  const fails = (count) => {
    try {
      keystone.asm(lines.slice(0, count).join('\n'), { address: flatImageAddress });
      return '';
    } catch (error) {
      // A label that is defined further down is not a fault of the lines above.
      return /symbol/i.test(error.message) ? '' : error.message;
    }
  };
  for (let count = 1; count <= lines.length; count++) if (fails(count)) return count;
  return lines.length;
}

/** The lines of a source, `.include "FILE"` replaced by the lines of that file (a path from the folder of the file that includes it). */
function sourceLines(path) {
  const lines = readFileSync(path, 'utf8').split('\n');
  return lines.flatMap((text, index) => {
    const included = /^\s*\.include\s+"([^"]+)"/.exec(text)?.[1];
    const where = `${relative(root, path)}:${index + 1}`;
    return included === undefined ? [{ text, where }] : sourceLines(join(dirname(path), included));
  });
}

function assemble(keystone, lines, address) {
  const texts = lines.map((line) => withoutComments(line.text));
  try {
    return keystone.asm(texts.join('\n'), { address });
  } catch (error) {
    const bad = firstBadLine(keystone, texts) - 1;
    throw new Error(`${lines[bad].where}: ${error.message.trim()}: ${texts[bad].trim()}`, { cause: error });
  }
}

/** Writes the image of one guest, and its disk if it has one. */
async function build(keystone, source) {
  const output = join(buildFolder, 'guests', `${nameOf(source)}.bin`);
  if (source.endsWith('.s')) {
    writeFileSync(output, assemble(keystone, sourceLines(source), flatImageAddress));
    return;
  }
  const { image, disk } = await import(pathToFileURL(source).href);
  const where = relative(root, source);
  const toCode = (text, address) =>
    assemble(
      keystone,
      text.split('\n').map((line, index) => ({ text: line, where: `${where}:${index + 1}` })),
      address,
    );
  const bytes = image(toCode);
  writeFileSync(output, bytes);
  if (disk !== undefined) writeFileSync(output.replace(/bin$/, 'disk.img'), disk(toCode, bytes));
}

/** Assembles what changed since the last build. */
export async function buildGuests() {
  const sources = filesBelow('guests', isGuest);
  const outputOf = (source) => join(buildFolder, 'guests', `${nameOf(source)}.bin`);
  // A guest's sources may include other files of its folder, and the framework's definitions.
  const parts = [
    ...filesBelow('guests', (path) => /\.(s|mjs)$/.test(path)),
    ...filesBelow('src/intrinsics', (path) => path.endsWith('.ts')),
  ];
  const hash = hashOf(parts, String(flatImageAddress));
  await unlessFresh('guests', hash, sources.map(outputOf), async () => {
    const { Const, Keystone, loadKeystone } = await import('keystone-wasm');
    await loadKeystone();
    const keystone = new Keystone(Const.KS_ARCH_X86, Const.KS_MODE_64);
    mkdirSync(join(buildFolder, 'guests'), { recursive: true });
    for (const source of sources) await build(keystone, source);
    keystone.close();
  });
}
