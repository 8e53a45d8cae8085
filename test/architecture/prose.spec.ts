// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { root } from './source_files.js';

/** Words that plain technical English does without, and what to write instead. The reader may be no native speaker, and searches by usual words. */
const words: readonly (readonly [RegExp, string])[] = [
  [/\banew\b/i, '"again"; or a verb: "rebuilds", "recomputes", "restarts"'],
  [/\bbeside\b/i, '"next to" for a place, "besides" for an addition'],
  [/\bbut for\b/i, '"except"'],
  [/\bwho(m|so)?ever\b/i, 'the person or the part by its name'],
  [/\b(stands?|stood|standing)\b/i, '"is"; "means" for "stands for"; "differs" for "stands apart"'],
  [/\bshall\b/i, '"must" for a rule, "will" for the future'],
  [/\b(hence|thence|whence|henceforth|hitherto|forthwith)\b/i, '"so", "therefore", "from now on"'],
  [/\b([Tt]here|[Ww]here|[Hh]ere)(by|in|of|upon|unto)\b/, 'a new sentence with a subject'],
  [/\b(albeit|amongst|whilst|lest|nought|upon)\b/i, '"although", "among", "while", "so that … not", "nothing", "on"'],
  [/\b(runs?|executes?|exists?|does|is) no more\b/i, '"no longer"; "has stopped"'],
  [/\bone's own\b/i, 'the owner by name'],
];

const own = 'test/architecture/prose.spec.ts';
const folders = ['src', 'test', 'extensions', 'guests', 'scripts', 'bin', 'docs'];
const kinds = /\.(ts|mjs|c|s|md)$/;

function textsOf(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && kinds.test(entry.name))
    .map((entry) =>
      relative(root, join(entry.parentPath ?? entry.path, entry.name))
        .split(sep)
        .join('/'),
    )
    .filter((path) => !/(^|\/)(node_modules|generated)\//.test(path) && path !== own);
}

const pages = readdirSync(root).filter((name) => name.endsWith('.md'));
const files = [...pages, ...folders.flatMap(textsOf)].sort();
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

function wrongWords(path: string, text: string): string[] {
  return text.split('\n').flatMap((line, index) =>
    words.flatMap(([pattern, instead]) => {
      const found = pattern.exec(line);
      return found === null ? [] : [`${path}:${index + 1}: "${found[0]}"; write ${instead}`];
    }),
  );
}

/** Paragraphs and items of lists, each with its first line. Tables and code are not prose. */
function paragraphsOf(page: string): { line: number; text: string }[] {
  const paragraphs: { line: number; text: string }[] = [];
  let isCode = false;
  let isOpen = false;
  for (const [index, line] of page.split('\n').entries()) {
    if (line.startsWith('```')) isCode = !isCode;
    if (isCode || line.trim() === '' || /^(```|\||#| {4})/.test(line)) isOpen = false;
    else if (isOpen && !/^ *([-*]|\d+\.) /.test(line)) paragraphs.at(-1)!.text += ` ${line.trim()}`;
    else {
      paragraphs.push({ line: index + 1, text: line.trim() });
      isOpen = true;
    }
  }
  return paragraphs;
}

const longest = 500;

function longParagraphs(path: string, page: string): string[] {
  return paragraphsOf(page)
    .filter(({ text }) => text.length > longest)
    .map(({ line, text }) => `${path}:${line}: ${text.length} characters in a paragraph; at most ${longest}, cut it`);
}

describe('The prose', () => {
  it('covers code, tests, guests, scripts and pages', () => {
    for (const kind of ['src/machine/cpu/', 'src/vmm/', 'test/', 'guests/', 'scripts/', 'docs/', 'README.md'])
      expect(
        files.some((path) => path.startsWith(kind)),
        kind,
      ).to.equal(true);
  });

  it('uses the usual words', () => {
    expect(files.flatMap((path) => wrongWords(path, read(path)))).to.deep.equal([]);
  });

  it('has short paragraphs in its pages', () => {
    const wrong = files.filter((path) => path.endsWith('.md')).flatMap((path) => longParagraphs(path, read(path)));
    expect(wrong).to.deep.equal([]);
  });

  it('is checked by rules that find a breach', () => {
    const samples = [
      'made anew',
      'stands on the console',
      'whoever asks',
      'all but for one',
      'beside it',
      'it runs no more',
    ];
    for (const sample of samples) expect(wrongWords('x', sample), sample).to.have.length(1);
    expect(wrongWords('x', 'besides, an outstanding standard is understood')).to.deep.equal([]);
    const page = `# Title\n\n${'words '.repeat(100)}\n\n- ${'short '.repeat(60)}\n- ${'short '.repeat(60)}\n`;
    expect(longParagraphs('x', page)).to.deep.equal([`x:3: 599 characters in a paragraph; at most ${longest}, cut it`]);
  });
});
