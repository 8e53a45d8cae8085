// SPDX-License-Identifier: LGPL-2.1-only
import type { MachineSession } from '../../session/machine_session.js';
import { readCompiledForms } from '../worker/boot_file.js';
import type { CompiledDump } from './compiled_dump.js';

/** Notes the compiled code that `--dump-compiled` wants, from now on. What shows it is loaded only if needed. @throws FileError */
export const watchCompiled = async ({ pc }: MachineSession, place: string): Promise<CompiledDump> =>
  (await import('./compiled_dump.js')).CompiledDump.watch(pc, place, readCompiledForms());
