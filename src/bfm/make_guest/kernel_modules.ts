// SPDX-License-Identifier: LGPL-2.1-only
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { GuestError } from '../guests/guest_error.js';
import { entriesBelow } from './folder_tree.js';
import { runTool, type ToolPlace } from './tool.js';

/** A module of a kernel, unpacked. */
export interface KernelModule {
  /** Its name with `_` for `-`, as the kernel has it. */
  readonly name: string;
  readonly bytes: Buffer;
  /** The modules that it needs itself. */
  readonly needs: readonly string[];
}

const MODULE_FILE = /^(.*)\.ko(\.xz)?$/;
/** The entry of a module's .modinfo section that names what the module needs. Entries end with a zero byte. */
const NEEDS = /\0depends=([\w,-]*)\0/;

const kernelName = (file: string): string => file.replaceAll('-', '_');

/** The modules in a folder /lib/modules/VERSION of an unpacked kernel package. depmod has not run there: it runs when a package is installed. */
export class KernelModules {
  /** Paths, by the kernel's names. */
  private readonly files = new Map<string, string>();
  private readonly builtIn: ReadonlySet<string>;

  constructor(
    readonly folder: string,
    private readonly place: ToolPlace,
  ) {
    for (const entry of entriesBelow(join(folder, 'kernel'))) {
      const [, name] = MODULE_FILE.exec(entry.name) ?? [];
      if (name !== undefined && entry.isFile) this.files.set(kernelName(name), entry.path);
    }
    const list = join(folder, 'modules.builtin');
    const lines = existsSync(list) ? readFileSync(list, 'utf8').split('\n') : [];
    this.builtIn = new Set(lines.map((line) => kernelName(line.replace(/^.*\//, '').replace(/\.ko$/, ''))));
  }

  /**
   * Modules and all that they need, each after what it needs itself. Modules that are built into the kernel are left out.
   *
   * @throws GuestError for one that the kernel does not have
   */
  async withNeeds(names: readonly string[]): Promise<KernelModule[]> {
    const found = new Map<string, KernelModule>();
    const visit = async (name: string): Promise<void> => {
      if (found.has(name) || this.builtIn.has(name)) return;
      const module = await this.read(name);
      for (const each of module.needs) await visit(each);
      found.set(name, module);
    };
    for (const name of names) await visit(name);
    return [...found.values()];
  }

  private async read(name: string): Promise<KernelModule> {
    const file = this.files.get(name);
    if (file === undefined)
      throw new GuestError(`the kernel package has no module ${name} in ${this.folder}`, {
        details: { where: this.folder, found: `${this.files.size} other modules`, expected: name },
      });
    const bytes = file.endsWith('.xz') ? await runTool('xz', ['-dc', file], this.place) : readFileSync(file);
    const [, list] = NEEDS.exec(bytes.toString('latin1')) ?? [];
    if (list === undefined)
      throw new GuestError(`${file} does not say which modules it needs`, {
        details: { where: file, found: 'no depends= entry', expected: 'a module of the kernel' },
      });
    const needs = list === '' ? [] : list.split(',').map(kernelName);
    return { name, bytes, needs };
  }
}

/** The text of modules.dep for modules in one folder, in the order that modprobe wants: what is loaded first comes last. */
export function dependencyList(modules: readonly KernelModule[]): string {
  const byName = new Map(modules.map((module) => [module.name, module]));
  const allNeeds = (name: string, seen = new Set<string>()): Set<string> => {
    for (const each of byName.get(name)?.needs ?? []) {
      // Deleted first: what several modules need goes to the end, and so is loaded before them.
      seen.delete(each);
      if (!byName.has(each)) continue;
      seen.add(each);
      allNeeds(each, seen);
    }
    return seen;
  };
  return modules
    .map(({ name }) => `${name}.ko:${[...allNeeds(name)].map((each) => ` ${each}.ko`).join('')}\n`)
    .join('');
}
