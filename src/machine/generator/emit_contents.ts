// SPDX-License-Identifier: LGPL-2.1-only
// What registers and MSRs may hold, for the core: the predicates of src/intrinsics/contents as AssemblyScript, and the table of MSRs as a switch.
// The predicates are compiled from their own text, in which `number` means a 32-bit integer, so that core, VMM and VM-entry rules share one source.
import * as controlRegisterContents from '../../intrinsics/contents/control_register_contents.js';
import { msrContents, msrsByBits, type MsrContent } from '../../intrinsics/contents/msr_contents.js';
import * as msrValues from '../../intrinsics/contents/msr_values.js';
import { msrName } from '../../intrinsics/registers/msr_definitions.js';
import { PCID_BITS } from '../../intrinsics/registers/paging.js';
import { constant } from './emit_constants.js';
import { Constants } from '../layout/core_constants.js';

/** The modules that the core shares, by name in src/intrinsics/contents. Their texts are what `emitContents` takes. */
const sharedModules: Readonly<Record<string, object>> = {
  control_register_contents: controlRegisterContents,
  msr_values: msrValues,
};

/** Names of the files in src/intrinsics/contents whose functions the core shares. */
export const sharedContents = Object.keys(sharedModules);

/** Architecture's groups that the functions name; an unused import costs nothing. */
const groups =
  'AccessRights, Cr0, Cr4, Efer, InvpcidType, MtrrDefType, MtrrPhysbase, MtrrPhysmask, PageTableEntry, SystemSegment, Xcr0';

/** The exported numbers of a module, which its text may compute with what AssemblyScript lacks. */
function constantsOf(module: object): string[] {
  return Object.entries(module)
    .filter((entry): entry is [string, number] => typeof entry[1] === 'number')
    .map(([name, value]) => constant(name, 'u32', value));
}

/** The exported functions of a text, with AssemblyScript's types. */
export function translate(text: string): string[] {
  const functions = text.match(/^export function \w+\([^]*?\n}\n/gm) ?? [];
  return functions.map((each) =>
    each
      .replace(/: number\b/g, ': i32')
      .replace(/: boolean\b/g, ': bool')
      .trimEnd(),
  );
}

/** The condition under which an MSR's value is accepted. */
function condition(content: MsrContent, msr: number): string {
  switch (content.kind) {
    case 'bits':
    case 'command':
    case 'counters': {
      const at = `MSR_SETTABLE + ${msrsByBits.indexOf(msr) * 8}`;
      return `((low & ~load<i32>(${at})) | (high & ~load<i32>(${at}, 4))) == 0`;
    }
    case 'canonical':
      return 'isCanonicalHigh(high, LINEAR_ADDRESS_WIDTH)';
    case 'memory_types': {
      const types = `0x${content.types.toString(16)}`;
      return `areMemoryTypes(low, ${types}) && areMemoryTypes(high, ${types})`;
    }
    case 'mtrr_def_type':
      return 'isMtrrDefType(low, high)';
    case 'mtrr_physbase':
      return 'isMtrrPhysbase(low, high, load<i32>(PHYSICAL_BITS))';
    case 'mtrr_physmask':
      return 'isMtrrPhysmask(low, high, load<i32>(PHYSICAL_BITS))';
    case 'low_half':
      return 'true';
  }
}

/** A switch over all MSRs of the table, those of one condition together. */
function msrSwitch(): string[] {
  const byCondition = new Map<string, number[]>();
  for (const [key, content] of Object.entries(msrContents)) {
    const text = condition(content, Number(key));
    byCondition.set(text, [...(byCondition.get(text) ?? []), Number(key)]);
  }
  return [...byCondition].flatMap(([text, msrs]) => [
    ...msrs.map((msr) => `    case 0x${msr.toString(16)}: // ${msrName(msr)}`),
    `      return ${text};`,
  ]);
}

/** The MSRs whose existence CPUID announces: a bit each in MSRS_ANNOUNCED, by their place in `msrsByBits`. */
function existenceConditions(): string[] {
  return msrsByBits.flatMap((msr, bit) => {
    const content = msrContents[msr]!;
    if (!('announcedBy' in content) || content.announcedBy === undefined) return [];
    return [`  if (msr == 0x${msr.toString(16)}) return (load<u32>(MSRS_ANNOUNCED) & ${1 << bit}) != 0;`];
  });
}

const isAnyOf = (msrs: readonly string[]): string => msrs.map((msr) => `msr == ${msr}`).join(' || ');

/** The AssemblyScript file contents.ts. @param texts the texts of `sharedContents`, by name. */
export function emitContents(texts: ReadonlyMap<string, string>): string {
  if (msrsByBits.length > Constants.MSRS_BY_BITS)
    throw new RangeError(`MSR_SETTABLE has ${Constants.MSRS_BY_BITS} words, the table ${msrsByBits.length} such MSRs`);
  const shared = sharedContents.flatMap((name) => {
    const text = texts.get(name);
    if (text === undefined) throw new RangeError(`no text of src/intrinsics/contents/${name}.ts`);
    return [...constantsOf(sharedModules[name]!), ...translate(text)];
  });
  const ofKind = (kind: MsrContent['kind']): string[] =>
    Object.keys(msrContents).filter((msr) => msrContents[Number(msr)]!.kind === kind);
  return [
    '// SPDX-License-Identifier: LGPL-2.1-only',
    '// Generated from src/intrinsics/contents by src/machine/generator/emit_contents.ts.',
    "import { LINEAR_ADDRESS_WIDTH, MSR_SETTABLE, MSRS_ANNOUNCED, PHYSICAL_BITS } from './layout';",
    `import { ${groups} } from './architecture';`,
    constant('PCID_BITS', 'u32', PCID_BITS),
    ...shared,
    '/** Whether WRMSR takes a value, as far as the value says; true for an MSR that is not in the table. */',
    'export function isMsrValue(msr: u32, low: i32, high: i32): bool {',
    '  switch (msr) {',
    ...msrSwitch(),
    '  }',
    '  return true;',
    '}',
    '/** Whether WRMSR drops bits 63:32. */',
    `export function hasLowHalfOnly(msr: u32): bool { return ${isAnyOf(ofKind('low_half'))}; }`,
    '/** Whether the MSR only takes commands: RDMSR raises #GP. */',
    `export function isCommand(msr: u32): bool { return ${isAnyOf(ofKind('command'))}; }`,
    '/** False for an MSR that CPUID would have to announce, and does not. */',
    'export function isAnnounced(msr: u32): bool {',
    ...existenceConditions(),
    '  return true;',
    '}',
    '',
  ].join('\n');
}
