// SPDX-License-Identifier: LGPL-2.1-only
// Generates AssemblyScript sources from the instruction table, the layout and src/intrinsics. scripts/build/cpu_core.mjs runs it.
import type { InstructionRow } from '../instructions/row.js';
import { parseDeclarations, type Declaration } from './declarations.js';
import { emitArchitecture } from './emit_architecture.js';
import { emitContents } from './emit_contents.js';
import { emitDecoderTables, reservedForms } from './emit_decoder.js';
import { emitLayout, emitModelTables, emitRecordFormat } from './emit_layout.js';
import { emitHandlers, emitHot } from './emit_run.js';
import { emitTemplates } from './emit_templates.js';
import { emitVmcsFields } from './emit_vmcs_fields.js';
import { FormTable, type DecoderEntry, type Form } from './forms.js';

/** Most cases of the hot switch: with more, V8 compiles it badly (docs/decisions: CPU core). */
export const hotLimit = 300;

/** What the instruction table expands to. */
export interface Expansion {
  readonly forms: readonly Form[];
  readonly entries: readonly DecoderEntry[];
  /** First id that is not in the hot switch, and first that ends a block outside it. */
  readonly firstTableForm: number;
  readonly firstEndingForm: number;
}

/**
 * Expands the table. `sources`: AssemblyScript files by path below src/machine/cpu without suffix, for the declarations of the semantics. Rows
 * name a file without its folder. Throws InstructionRowError for a row that does not fit its semantics. At most `hotLimit` forms stay hot, the
 * first of the table's order.
 */
export function expand(
  topics: Readonly<Record<string, readonly InstructionRow[]>>,
  sources: ReadonlyMap<string, string>,
): Expansion {
  const declarations = new Map<string, Declaration>();
  for (const [path, source] of sources) {
    for (const declaration of parseDeclarations(source, path))
      declarations.set(`${declaration.file}.${declaration.name}`, declaration);
  }
  const table = new FormTable(declarations);
  for (const [topic, rows] of Object.entries(topics)) for (const row of rows) table.add(topic, row);
  for (const form of table.forms.filter(({ isHot }) => isHot).slice(hotLimit)) form.isHot = false;
  const { hot, plain } = table.number(reservedForms.length);
  return { forms: table.forms, entries: table.entries, firstTableForm: hot, firstEndingForm: plain };
}

/** The generated files by path below the core's folder of sources. `contents`: the texts of `sharedContents`, by name. */
export function generate(expansion: Expansion, contents: ReadonlyMap<string, string>): Record<string, string> {
  const { forms, entries, firstTableForm, firstEndingForm } = expansion;
  return {
    'generated/layout.ts': emitLayout(),
    'generated/record_format.ts': emitRecordFormat(),
    'generated/model_tables.ts': emitModelTables(),
    'generated/architecture.ts': emitArchitecture(),
    'generated/contents.ts': emitContents(contents),
    'generated/vmcs_fields.ts': emitVmcsFields(),
    'generated/decoder_tables.ts': emitDecoderTables(entries, forms, firstTableForm, firstEndingForm),
    'dispatch/handlers.ts': emitHandlers(forms),
    'dispatch/hot.ts': emitHot(forms),
    'dispatch/templates.ts': emitTemplates(forms),
  };
}

/** What the run-time compiler and the tests need of each form, by id. The reserved ids come first. */
export function formList(expansion: Expansion): object[] {
  return [
    ...reservedForms.map((name, id) => ({ id, name, class: 'reserved' })),
    ...expansion.forms.map((form) => ({
      id: form.id,
      name: form.name,
      class: form.class,
      hot: form.isHot,
      uses: [...form.uses],
      row: `${form.row.opcode} ${form.row.operands.join(',')}`,
      topic: form.topic,
      ...(form.class === 'ends' && form.row.options.resumes === true && { resumes: true }),
      ...(form.noTemplate === undefined ? {} : { noTemplate: form.noTemplate }),
    })),
  ];
}
