// SPDX-License-Identifier: LGPL-2.1-only
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expand, type Expansion } from '../../../src/machine/generator/generate.js';
import { topics } from '../../../src/machine/instructions.js';

/** The instruction table, expanded as the build does it. @param root the package's folder. */
export function instructionTable(root: string): Expansion {
  const folder = join(root, 'src/machine/cpu');
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
  return expand(
    topics,
    new Map(files.map((name) => [name.replace(/\.ts$/, ''), readFileSync(join(folder, name), 'utf8')])),
  );
}
