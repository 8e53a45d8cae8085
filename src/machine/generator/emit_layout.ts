// SPDX-License-Identifier: LGPL-2.1-only
import { CpuidEntry, CpuidEntryFlag, MODEL_ENTRY_BYTES, MsrEntry, MsrEntryFlag } from '../layout/model_tables.js';
import { IndexField, RECORD_BYTES, RecordField, RecordFlag } from '../layout/record_format.js';
import { constant, namespace, word } from './emit_constants.js';
import { Constants } from '../layout/core_constants.js';
import { Layout } from '../layout/layout.js';

/** The AssemblyScript file layout.ts: every address and shared number as a constant, so that no number is typed twice. */
export function emitLayout(): string {
  const lines = ['// SPDX-License-Identifier: LGPL-2.1-only', '// Generated from src/machine/layout/layout.ts.'];
  for (const [name, address] of Object.entries(Layout))
    lines.push(`@inline export const ${name}: usize = 0x${address.toString(16)};`);
  for (const [name, value] of Object.entries(Constants)) lines.push(`@inline export const ${name}: u32 = ${value};`);
  return lines.join('\n') + '\n';
}

/** The AssemblyScript file model_tables.ts. */
export function emitModelTables(): string {
  return [
    '// SPDX-License-Identifier: LGPL-2.1-only',
    '// Generated from src/machine/layout/model_tables.ts.',
    constant('MODEL_ENTRY_BYTES', 'u32', MODEL_ENTRY_BYTES),
    namespace('CpuidEntry', word(CpuidEntry)),
    namespace('CpuidEntryFlag', word(CpuidEntryFlag)),
    namespace('MsrEntry', word(MsrEntry)),
    namespace('MsrEntryFlag', word(MsrEntryFlag)),
    '',
  ].join('\n');
}

/** The AssemblyScript file record_format.ts. */
export function emitRecordFormat(): string {
  return [
    '// SPDX-License-Identifier: LGPL-2.1-only',
    '// Generated from src/machine/layout/record_format.ts.',
    constant('RECORD_BYTES', 'u32', RECORD_BYTES),
    namespace('RecordField', word(RecordField)),
    namespace('RecordFlag', word(RecordFlag)),
    namespace('IndexField', word(IndexField)),
    '',
  ].join('\n');
}
