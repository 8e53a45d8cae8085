// SPDX-License-Identifier: LGPL-2.1-only
/** The imports at the head of a module, as esbuild prints them; helpers of its own may come before. */
const head = /^(?:import [^;]*;\n)+/m;
const namedImport = /^import \{([^}]*)\} from "\./gm;
const name = /([\w$]+)(?: as ([\w$]+))?/g;

/**
 * Makes a constant of the module of each name that it imports from another module of the package. V8 folds such a constant into optimized code, but
 * loads an imported one, with checks, at each use. The path of a VM exit names bits, fields and functions of other modules in nearly every line, and
 * takes a fifth less time like this (docs/decisions, "the cost of an exit"). Imports have no cycles and no exported variable changes: tests hold both.
 *
 * @param code an ECMAScript module, as esbuild prints it. Its lines stay where they are, for the source map.
 */
export function importConstants(code) {
  return code.replace(head, (imports, offset) => {
    // A template literal may hold lines that look like imports.
    if (code.slice(0, offset).includes('`')) return imports;
    const constants = [];
    const renamed = imports.replace(namedImport, (line) =>
      line.replace(/\{[^}]*\}/, (names) =>
        names.replace(name, (_, imported, local = imported) => {
          constants.push(`${local} = ${local}$`);
          return `${imported} as ${local}$`;
        }),
      ),
    );
    return constants.length === 0 ? imports : `${renamed.slice(0, -1)} const ${constants.join(', ')};\n`;
  });
}
