// SPDX-License-Identifier: LGPL-2.1-only
import { BareflankError } from '../intrinsics/errors.js';
import type { VmmImage } from '../vmm/restore/vmm_image.js';
import type { ReportValue } from '../vmm/vcpu/report_contribution.js';

/** Of the form of `SavedDriver` and of what it contains. It grows when an older form would be misread. */
export const SAVED_DRIVER_VERSION = 2;

/** A module of a saved driver. */
export interface SavedModule {
  /** The name that it had, for messages. */
  readonly file: string;
  /** `LoadedModule.hash`: by it the module is known. */
  readonly hash: string;
}

/** The state of a driver and its VMM: plain data, to be stored or cloned. */
export interface SavedDriver {
  readonly version: number;
  /** Whether the VMM runs on the machine's processors. */
  readonly isRunning: boolean;
  /** In the order in which they were added; of a driver without a VMM, none. */
  readonly modules: readonly SavedModule[];
  readonly settings: Readonly<Record<string, string>>;
  readonly loadSeed: number;
  readonly traceVmcs: boolean;
  /** Handlers by their numbers, which the machine keeps with its last exits. */
  readonly handlerNames: readonly string[];
  /** What a VMM that was unloaded last reported. */
  readonly lastReports: Record<string, Record<string, ReportValue>>;
  /** Undefined if no VMM is loaded. */
  readonly image: VmmImage | undefined;
}

/** A state cannot be restored here: other modules, another format. */
export class RestoreError extends BareflankError {}

const short = (hash: string): string => hash.slice(0, 12);

/** @throws RestoreError for another version */
export function checkVersion({ version }: SavedDriver): void {
  if (version === SAVED_DRIVER_VERSION) return;
  throw new RestoreError(
    `the saved state of the VMM has format ${version}, and this version of bareflank reads format ${SAVED_DRIVER_VERSION}: restore it with the version that saved it`,
    { details: { found: String(version), expected: String(SAVED_DRIVER_VERSION) } },
  );
}

/**
 * The modules in the order of the saved ones.
 *
 * @param loaded the modules that are here.
 * @throws RestoreError that names each module that is missing, differs, or is one too many.
 */
export function matchModules<T extends SavedModule>(saved: readonly SavedModule[], loaded: readonly T[]): T[] {
  const rest = [...loaded];
  const missing: SavedModule[] = [];
  const matched = saved.flatMap((module) => {
    const at = rest.findIndex(({ hash }) => hash === module.hash);
    if (at >= 0) return rest.splice(at, 1);
    missing.push(module);
    return [];
  });
  if (missing.length === 0 && rest.length === 0) return matched;
  const describe = (each: SavedModule): string => `${each.file} (sha256 ${short(each.hash)}…)`;
  const lines = [
    ...missing.map((each) => `  it needs ${describe(each)}, which was not given`),
    ...rest.map((each) => `  it does not have ${describe(each)}`),
  ];
  throw new RestoreError(
    `the saved state belongs to other modules:\n${lines.join('\n')}\ngive the modules as they were when the state was saved: a module is known by the hash of its code`,
    {
      details: {
        where: [...missing, ...rest].map(({ file }) => file).join(', '),
        found: rest.map(describe).join(', ') || 'nothing',
        expected: missing.map(describe).join(', ') || 'nothing else',
        advice: 'give the modules as they were when the state was saved',
      },
    },
  );
}
