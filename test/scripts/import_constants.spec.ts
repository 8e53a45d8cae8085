// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { packageRoot } from '../../src/driver/node/package_paths.js';

describe('importConstants', () => {
  let importConstants: (code: string) => string;

  before(async () => {
    const url = pathToFileURL(join(packageRoot, 'scripts', 'build', 'import_constants.mjs')).href;
    ({ importConstants } = (await import(url)) as { importConstants: typeof importConstants });
  });

  it('makes a constant of each name that comes from another module of the package', () => {
    const code = 'import { a, b as c } from "../x.js";\nimport {\n  d,\n  e\n} from "./y.js";\nexport { a };\n';
    expect(importConstants(code)).to.equal(
      'import { a as a$, b as c$ } from "../x.js";\nimport {\n  d as d$,\n  e as e$\n} from "./y.js"; const a = a$, c = c$, d = d$, e = e$;\nexport { a };\n',
    );
  });

  it('passes over what esbuild prints before the imports', () => {
    const code = 'var helper = 1;\nimport { a } from "./x.js";\nhelper(a);\n';
    expect(importConstants(code)).to.equal(
      'var helper = 1;\nimport { a as a$ } from "./x.js"; const a = a$;\nhelper(a);\n',
    );
  });

  for (const [what, code] of [
    ['an import from another package', 'import { readFileSync } from "node:fs";\nreadFileSync("x");\n'],
    ['a whole module', 'import * as all from "./x.js";\nall.a();\n'],
    ['a module imported for its effects', 'import "./x.js";\n'],
    ['text that looks like an import', 'const text = `\nimport { a } from "./x.js";\n`;\n'],
    ['such text after imports', 'import "./y.js";\nconst text = `\nimport { a } from "./x.js";\n`;\n'],
    ['a module without imports', 'export const a = 1;\n'],
  ] as const) {
    it(`leaves ${what} alone`, () => {
      expect(importConstants(code)).to.equal(code);
    });
  }

  it('is what the build does', () => {
    const built = readFileSync(join(packageRoot, 'build', 'src', 'vmm', 'exit_handler', 'cpuid.js'), 'utf8');
    expect(built).to.match(/^import \{ VmcsField as VmcsField\$ \} from .*;$/m);
    expect(built).to.match(/; const .*\bVmcsField = VmcsField\$/);
  });
});
