// SPDX-License-Identifier: LGPL-2.1-only
import type * as Esbuild from 'esbuild-wasm';
import { siteBundleOptions } from '../machine/bundle_format.js';
import { SourceMistakes, type SourceMistake } from './source_mistakes.js';

let compiler: Promise<typeof Esbuild> | undefined;

/** Fetches the compiler when it is first needed: it is ten times as large as the rest of the page. */
async function loaded(): Promise<typeof Esbuild> {
  const esbuild = await import('esbuild-wasm');
  await esbuild.initialize({ wasmURL: new URL('esbuild.wasm', document.baseURI) });
  return esbuild;
}

/** A mistake with its place. esbuild counts columns in bytes of UTF-8, from 0. */
function mistakeOf({ text, location }: Esbuild.Message): SourceMistake {
  if (location === null) return { text };
  const { line, column, lineText } = location;
  const before = new TextDecoder().decode(new TextEncoder().encode(lineText).subarray(0, column));
  return { text, place: { line, column: before.length + 1 } };
}

/** Compiles the source of an extension to a bundle. @throws SourceMistakes */
export async function compileExtension(source: string): Promise<string> {
  const esbuild = await (compiler ??= loaded());
  try {
    const { outputFiles } = await esbuild.build({
      ...siteBundleOptions,
      stdin: { contents: source, loader: 'ts', sourcefile: 'extension.ts' },
    });
    return outputFiles[0]!.text;
  } catch (error) {
    const { errors } = error as Partial<Esbuild.BuildFailure>;
    if (errors === undefined) throw error;
    throw new SourceMistakes(errors.map(mistakeOf), error);
  }
}
