// SPDX-License-Identifier: LGPL-2.1-only
import type * as Esbuild from 'esbuild-wasm';
import { siteBundleOptions } from '../machine/bundle_format.js';

let compiler: Promise<typeof Esbuild> | undefined;

/** Fetches the compiler when it is first needed: it is ten times as large as the rest of the page. */
async function loaded(): Promise<typeof Esbuild> {
  const esbuild = await import('esbuild-wasm');
  await esbuild.initialize({ wasmURL: new URL('esbuild.wasm', document.baseURI) });
  return esbuild;
}

/** Compiles the source of an extension to a bundle. @throws Error with line and column of each mistake */
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
    const places = errors.map(({ text, location }) =>
      location === null ? text : `line ${location.line}, column ${location.column + 1}: ${text}`,
    );
    throw new Error(places.join('; '), { cause: error });
  }
}
