// SPDX-License-Identifier: LGPL-2.1-only
import type { Form } from './forms.js';
import { flagOperands, type FlagSetter, type HelperName } from './template.js';
import { registerImports, imported, imports } from './emit_run.js';

/** Register operands are these constants in a template: the extractor finds them as the last argument of a register marker. */
export const slotMagic = { a: 0x71000000, b: 0x72000000, c: 0x73000000, segment: 0x74000000 } as const;

/** How a template finds each name of a form's call: constants and marker calls. */
const fromMarker: Readonly<Record<string, string>> = {
  a: `const a: u32 = ${slotMagic.a};`,
  b: `const b: u32 = ${slotMagic.b};`,
  c: `const c: u32 = ${slotMagic.c};`,
  an: 'const an = tNumberA();',
  bn: 'const bn = tNumberB();',
  cn: 'const cn = tNumberC();',
  ea: 'const ea = tAddress();',
  imm: 'const imm = tImmediate();',
  imm2: 'const imm2 = tImmediate2();',
  imm64: 'const imm64 = tImmediate64();',
  next: 'const next = tNext();',
  rip: 'const rip = tRip();',
  length: 'const length = tLength();',
  segment: `const segment: u32 = ${slotMagic.segment};`,
  target: 'const target = tTarget();',
};

const markers: readonly (readonly [string, string])[] = [
  ['Address', 'u64'],
  ['Immediate', 'i64'],
  ['Immediate2', 'i64'],
  ['Immediate64', 'i64'],
  ['Next', 'u64'],
  ['Rip', 'u64'],
  ['Length', 'u32'],
  ['Target', 'u64'],
  ['NumberA', 'u32'],
  ['NumberB', 'u32'],
  ['NumberC', 'u32'],
];

/** The functions of flags.ts that the flag setters' templates are cut from, and their numbers of operands. */
const flagSetters: Readonly<Record<FlagSetter, { readonly words: string; readonly operands: number }>> = {
  fAdd: { words: 'addWords', operands: 3 },
  fSub: { words: 'subWords', operands: 3 },
  fInc: { words: 'incWords', operands: 3 },
  fDec: { words: 'decWords', operands: 3 },
  fLogic: { words: 'logicWords', operands: 1 },
};

/** One exported function a flag setter. Its operands are sign-extended, which makes them numbers of 64 bits. */
function flagTemplates(): string[] {
  const words = Object.values(flagSetters).map((setter) => setter.words);
  return [
    `import { ${words.join(', ')} } from "../state/flags";`,
    ...flagOperands.map((name) => `@external("t", "${name}") declare function ${name}(): u64;`),
    ...Object.entries(flagSetters).map(([name, setter]) => {
      const operands = flagOperands.slice(0, setter.operands).map((operand) => `${operand}()`);
      return `export function ${name}(): void { ${setter.words}<u64>(${operands.join(', ')}); }`;
    }),
  ];
}

/** What regions do between instructions, cut from the core's own functions. */
const helpers: Readonly<Record<HelperName, string>> = {
  regionAt: 'export function regionAt(): u32 { return jump_cache_regionAt(tRip()); }',
  farTarget: 'export function farTarget(): void { if (!paging_canonical(tTarget())) tBail(); }',
};
const helperImports = [
  'import { regionAt as jump_cache_regionAt } from "../code/jump_cache";',
  'import { canonical as paging_canonical } from "../translation/paging";',
  '@external("t", "bail") declare function tBail(): void;',
];

/** Forms that a template is tried for: they do not end a block and are inlined. */
export function templateForms(forms: readonly Form[]): Form[] {
  return forms.filter((form) => form.noTemplate === undefined && form.call !== '');
}

/** The AssemblyScript file templates.ts: one exported function a form, with markers in place of the record's contents. */
export function emitTemplates(forms: readonly Form[]): string {
  const chosen = templateForms(forms);
  const lines = [
    '// SPDX-License-Identifier: LGPL-2.1-only',
    '// Generated from the instruction table: what the extractor cuts templates from. Compiled with --use TEMPLATE=1.',
    registerImports,
    imports(chosen),
    ...flagTemplates(),
    ...helperImports,
    ...markers.map(
      ([name, type]) =>
        `@external("t", "${name[0]!.toLowerCase()}${name.slice(1)}") declare function t${name}(): ${type};`,
    ),
  ];
  lines.push(...Object.values(helpers));
  for (const form of chosen) {
    const operands = [...form.uses].map((name) => fromMarker[name] ?? '').join(' ');
    const call = imported(form);
    lines.push(
      form.class === 'jcc'
        ? `/* ${form.name} */ export function t${form.id}(): bool { ${operands} return ${call}; }`
        : `/* ${form.name} */ export function t${form.id}(): void { ${operands} ${call}; }`,
    );
  }
  return lines.join('\n') + '\n';
}
