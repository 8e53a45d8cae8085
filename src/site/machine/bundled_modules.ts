// SPDX-License-Identifier: LGPL-2.1-only
import { ModuleFileError } from '../../driver/driver_errors.js';
import { ensureHandlerGlobals } from '../../driver/handler_globals.js';
import type { LoadedModule, ModuleSource } from '../../driver/module_source.js';
import { PartModule } from '../../vmm/container/part_module.js';
import { SHARED_IMPORT } from './bundle_format.js';

/** What evaluates the text of an ES module. */
export type Evaluate = (code: string) => Promise<Readonly<Record<string, unknown>>>;

/** What a bundle needs to be evaluated. */
export interface BundleSurroundings {
  readonly evaluate: Evaluate;
  /** The address of the running copy of a package that bundles share, such as `bareflank`. */
  readonly addressOf: (name: string) => string;
  /** SHA-256 of a text in hexadecimal. */
  readonly digest: (text: string) => Promise<string>;
}

/** Modules as bundles in memory, by name. */
export class BundledModules implements ModuleSource {
  private readonly bundles = new Map<string, string>();

  constructor(private readonly surroundings: BundleSurroundings) {}

  /** Adds a bundle, or replaces the bundle of that name. A VMM that was loaded from the old one keeps it. */
  add(name: string, code: string): void {
    this.bundles.set(name, code);
  }

  has(name: string): boolean {
    return this.bundles.has(name);
  }

  identify(name: string): string {
    if (this.bundles.has(name)) return name;
    const known = [...this.bundles.keys()].join(', ') || 'none';
    throw new ModuleFileError(`there is no extension ${name}; there are: ${known}`, name);
  }

  /** A name is a module, never a list. */
  readList(name: string): readonly string[] {
    return [this.identify(name)];
  }

  async load(name: string): Promise<LoadedModule> {
    const code = this.bundles.get(this.identify(name))!;
    ensureHandlerGlobals();
    const { evaluate, digest } = this.surroundings;
    const exports = await evaluate(this.placed(code)).catch((error: unknown) => {
      throw new ModuleFileError(`${name}: it threw while it was loaded: ${String(error)}`, name, { causedBy: error });
    });
    const modules = [...new Set(Object.values(exports))].filter((value) => value instanceof PartModule);
    if (modules.length > 0) return { modules, hash: await digest(code) };
    throw new ModuleFileError(
      `${name} is not a module: none of its exports was made by vmmModule() or vcpuModule()`,
      name,
    );
  }

  /** The code with the addresses of what it shares with the framework. */
  private placed(code: string): string {
    return code.replaceAll(SHARED_IMPORT, (_match, name: string) => JSON.stringify(this.surroundings.addressOf(name)));
  }
}
