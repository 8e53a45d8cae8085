// SPDX-License-Identifier: LGPL-2.1-only
import type { Form } from './forms.js';
import { reservedForms } from './emit_decoder.js';

/** How the interpreter finds each name of a form's call in the record. */
const fromRecord: Readonly<Record<string, string>> = {
  a: 'const a = SLOT_A(rec);',
  b: 'const b = SLOT_B(rec);',
  c: 'const c = SLOT_C(rec);',
  an: 'const an = SLOT_A(rec);',
  bn: 'const bn = SLOT_B(rec);',
  cn: 'const cn = SLOT_C(rec);',
  ea: 'const ea = ADDRESS(rec);',
  imm: 'const imm = IMMEDIATE(rec);',
  imm2: 'const imm2 = IMMEDIATE2(rec);',
  imm64: 'const imm64 = IMMEDIATE64(rec);',
  next: 'const next = NEXT(rec);',
  rip: 'const rip = RIP_OF(rec);',
  length: 'const length = LENGTH(rec);',
  segment: 'const segment = SEGMENT(rec);',
  target: 'const target = TARGET(rec);',
};

function operandsOf(form: Form, where: Readonly<Record<string, string>>): string {
  return [...form.uses].map((name) => where[name] ?? '').join(' ');
}

/** A function's name in the generated files. Several topics may use the same name. */
export function imported(form: Form): string {
  return form.declaration ? `${form.declaration.file}_${form.call}` : '';
}

/** Import lines for the semantics of these forms. */
export function imports(forms: readonly Form[]): string {
  const byFile = new Map<string, Set<string>>();
  for (const form of forms) {
    if (!form.declaration) continue;
    const { file, path, name } = form.declaration;
    if (!byFile.has(path)) byFile.set(path, new Set());
    byFile.get(path)!.add(`${name} as ${file}_${name}`);
  }
  return [...byFile].map(([path, names]) => `import { ${[...names].join(', ')} } from "../${path}";`).join('\n');
}

/** The types and registers that calls are written with. */
export const registerImports = [
  'import { RAX, RBX, RCX, RDX, RSI, RDI, RSP, RBP } from "../generated/layout";',
  'import { Imm, Mem, Reg, reg } from "../state/registers";',
].join('\n');

function target(form: Form): string {
  return form.isBranch16 ? 'TARGET16(rec)' : 'TARGET(rec)';
}

/** Body of the handler of a form, as called through the table. */
function handlerBody(form: Form): string {
  const call = imported(form);
  const operands = operandsOf(form, fromRecord);
  switch (form.class) {
    case 'jcc':
      return `${operands} if (${call}) branch(${target(form)});`;
    case 'jmp':
      return `branch(${target(form)});`;
    case 'call':
      return `${operands} ${call}; jump(${target(form)});`;
    default:
      return `${operands} ${call};`;
  }
}

/** The AssemblyScript file handlers.ts: one function a form, and the code that fills the table with them. */
export function emitHandlers(forms: readonly Form[]): string {
  const lines = [
    '// SPDX-License-Identifier: LGPL-2.1-only',
    '// Generated from the instruction table: the handler of every form.',
    registerImports,
    'import { jump } from "../state/instruction";',
    'import { HANDLERS } from "../generated/layout";',
    'import { ADDRESS, IMMEDIATE, IMMEDIATE2, IMMEDIATE64, LENGTH, NEXT, RIP_OF, SEGMENT, SLOT_A, SLOT_B, SLOT_C, TARGET, TARGET16 } from "../code/record";',
    'import { raiseTooLong, raiseUndefined } from "../decode/decode";',
    'import { branch } from "./follow";',
    imports(forms),
  ];
  const handlers = ['handle_end', 'handle_undefined', 'handle_too_long', 'handle_end', 'handle_end'];
  lines.push('function handle_end(rec: usize): void { unreachable(); }');
  lines.push('function handle_undefined(rec: usize): void { raiseUndefined(rec); }');
  lines.push('function handle_too_long(rec: usize): void { raiseTooLong(); }');
  for (const form of forms) {
    lines.push(`/* ${form.name} */ function handle_${form.id}(rec: usize): void { ${handlerBody(form)} }`);
    handlers.push(`handle_${form.id}`);
  }
  lines.push('/** Writes the table index of every handler to HANDLERS. */');
  lines.push('export function fillHandlers(): void {');
  handlers.forEach((name, id) => lines.push(`  store<u16>(HANDLERS + ${id * 2}, <u16>${name}.index);`));
  lines.push('}', '');
  return lines.join('\n');
}

const comparisons: ReadonlySet<string> = new Set(['CMP', 'TEST', 'DEC']);
const likelyBranches: ReadonlySet<string> = new Set(['JZ', 'JNZ']);

/** A comparison of registers that most often has one of the likely branches behind it. */
const isComparison = ({ row, uses }: Form): boolean => comparisons.has(row.semantics) && !uses.has('ea');

/**
 * What follows a comparison in its case of the hot switch: a likely branch is carried out there, as in its own case. V8 checks the stack and the range
 * of the form before each jump through the switch. Without these for one instruction of six or seven, a loop takes 11 to 13 % less time.
 *
 * More comparisons make the loops slower by a fifth: V8 allocates registers coarsely in a function of more than 8,192 virtual registers. Measure
 * the loops of `npm run bench` when the switch grows.
 */
function branchBehind(hot: readonly Form[]): string {
  const branches = hot.filter(({ row }) => likelyBranches.has(row.semantics));
  return branches
    .map((form) => `if (FORM(rec) == ${form.id}) { store<u32>(CURRENT_RECORD, <u32>rec); ${hotCase(form, hot)} } `)
    .join('');
}

/** A case of the hot switch. `rec` and `budget` are locals; a case that ends a block follows the link, or breaks with `goal` set. */
function hotCase(form: Form, hot: readonly Form[]): string {
  const call = imported(form);
  const operands = operandsOf(form, fromRecord);
  const follow = 'const l = LINK(rec); if (l && budget > floor) { rec = l; continue; }';
  const wide = (expression: string): string => (form.isBranch16 ? `${expression} & 0xffff` : expression);
  // CALL itself has checked its target
  const goal = form.class === 'call' ? wide('TARGET(rec)') : `checkedGoal(rec, ${wide('TARGET(rec)')})`;
  const go = `store<i32>(BUDGET, budget); ${follow} goal = ${goal}; linkable = true; break;`;
  switch (form.class) {
    case 'jcc':
      return `${operands} budget -= COUNT(rec); if (${call}) { ${go} } rec += RECORD_BYTES; continue;`;
    case 'jmp':
      return `budget -= COUNT(rec); ${go}`;
    case 'call':
      return `${operands} ${call}; budget -= COUNT(rec); ${go}`;
    case 'ret':
      return `${operands} ${call}; budget -= COUNT(rec); goal = nextRip; break;`;
    default: {
      const branch = isComparison(form) ? branchBehind(hot) : '';
      return `${operands} ${call}; rec += RECORD_BYTES; ${branch}continue;`;
    }
  }
}

/** The AssemblyScript file hot.ts: the run loop's switch. */
export function emitHot(forms: readonly Form[]): string {
  const hot = forms.filter((form) => form.isHot);
  const cases = hot.map((form) => `      case ${form.id}: { ${hotCase(form, hot)} } // ${form.name}`);
  return [
    '// SPDX-License-Identifier: LGPL-2.1-only',
    '// Generated from the instruction table: the switch over the hot forms. What surrounds it is in run.ts and follow.ts.',
    registerImports,
    'import { jump, nextRip } from "../state/instruction";',
    'import { BUDGET, CURRENT_RECORD, HANDLERS, RIP } from "../generated/layout";',
    'import { FIRST_ENDING_FORM } from "../generated/decoder_tables";',
    'import { RECORD_BYTES } from "../generated/record_format";',
    'import { ADDRESS, COUNT, FORM, IMMEDIATE, IMMEDIATE2, IMMEDIATE64, LENGTH, LINK, NEXT, RIP_OF, SEGMENT, SLOT_A, SLOT_B, SLOT_C, TARGET } from "../code/record";',
    'import { checkedGoal, endRun, ending, follow } from "./follow";',
    'import { enterRegion } from "./regions";',
    imports(hot),
    '/**',
    ' * Runs blocks from `rec` on until the budget is at `floor` (which leaves room for a block), or something must be looked at. Leaves RIP exact and',
    ' * CURRENT_RECORD 0. Returns the budget left.',
    ' */',
    'export function hot(rec: usize, budget: i32, floor: i32): i32 {',
    '  do {',
    '    let goal: u64 = 0, linkable = false;',
    '    for (;;) {',
    '      store<u32>(CURRENT_RECORD, <u32>rec);',
    '      switch (FORM(rec)) {',
    `      case ${reservedForms.indexOf('NEXT')}: { budget -= COUNT(rec); store<i32>(BUDGET, budget); const l = LINK(rec); if (l && budget > floor) { rec = l; continue; } goal = RIP_OF(rec); linkable = true; break; }`,
    // like NEXT, but never linked: what surrounds the switch looks at what is due
    `      case ${reservedForms.indexOf('LOOK')}: { budget -= COUNT(rec); goal = RIP_OF(rec); break; }`,
    // a compiled region takes the block's place: where it executes nothing, the block itself goes on
    `      case ${reservedForms.indexOf('REGION')}: { const left = enterRegion(rec, budget); if (left != budget) { budget = left; goal = load<u64>(RIP); break; } rec = LINK(rec); continue; }`,
    ...cases,
    '      default: {',
    '        const form = FORM(rec);',
    '        if (form < FIRST_ENDING_FORM) { call_indirect<void>(<u32>load<u16>(HANDLERS + <usize>form * 2), rec); rec += RECORD_BYTES; continue; }',
    '        if (!ending(rec, form)) return endRun(rec, budget);',
    '        budget -= COUNT(rec);',
    '        goal = nextRip;',
    '        break;',
    '      }',
    '      }',
    '      break;',
    '    }',
    '    rec = follow(rec, goal, linkable, budget, floor);',
    '  } while (rec);',
    '  return budget;',
    '}',
    '',
  ].join('\n');
}
