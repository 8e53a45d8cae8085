// SPDX-License-Identifier: LGPL-2.1-only
import { hex } from '../support/text.js';
import type { VmcsState } from './vmcs_state.js';

const registers = [
  'cr0',
  'cr3',
  'cr4',
  'dr7',
  'rflags',
  'rip',
  'rsp',
  'ia32Debugctl',
  'ia32Pat',
  'ia32Efer',
  'ia32PerfGlobalCtrl',
  'ia32SysenterCs',
  'ia32SysenterEsp',
  'ia32SysenterEip',
] as const;

/** All registers of a state, a line each, under a title. Precondition: `init` was called. */
export function dumpVmcsState(title: string, state: VmcsState): string {
  const segments = Object.entries(state.segments).map(
    ([name, { selector, base, limit, accessRights }]) =>
      `${name.padEnd(20)}${hex(selector, 4)} base ${hex(base, 16)} limit ${hex(limit, 8)} rights ${hex(accessRights, 5)}`,
  );
  const tables = (['gdt', 'idt'] as const).map(
    (name) => `${name.padEnd(20)}base ${hex(state[name].base, 16)} limit ${hex(state[name].limit, 4)}`,
  );
  const values = registers.map((name) => `${name.padEnd(20)}${hex(state[name], 16)}`);
  return [title, ...segments, ...tables, ...values, `${'isGuest'.padEnd(20)}${state.isGuest}`].join('\n');
}
