// SPDX-License-Identifier: LGPL-2.1-only
// Compiled code in a page: what it is made from is a file of the site, which comes after the machine.
import { strFromU8, strToU8, unzlibSync, zlibSync } from 'fflate';
import { CompiledForms } from '../../machine/compiled/compiled_forms.js';
import type { CompiledTierOptions } from '../../machine/compiled/compiled_tier.js';
import { hostCompilesRegions } from '../../machine/compiled/region_module.js';
import type { FormInformation, Templates } from '../../machine/generator/extract.js';

/** Where `npm run site` puts what hot code is compiled from. */
export const FORMS_FILE = 'compiled_forms.zlib';

interface PackedForms {
  readonly forms: readonly FormInformation[];
  readonly templates: Templates;
}

/** The file, from what the build left. */
export const packForms = (packed: PackedForms): Uint8Array => zlibSync(strToU8(JSON.stringify(packed)), { level: 9 });

/** The compiled tier of a page's machine. Code is interpreted until the file has come, and if there is none. */
export class SiteTier {
  private packed: Uint8Array | undefined;

  /** For the machine; undefined if the browser lacks what regions need, such as tail calls. */
  get options(): CompiledTierOptions | undefined {
    return hostCompilesRegions() ? { mode: 'on', forms: () => this.forms() } : undefined;
  }

  /** Fetches the file. A site without one, or a line that breaks, costs speed only. */
  async fetch(fetch: (address: string) => Promise<Uint8Array>): Promise<void> {
    this.packed = await fetch(FORMS_FILE).catch(() => undefined);
  }

  /** Unpacked when something is hot: the guest's first instruction does not wait for it. */
  private forms(): CompiledForms | undefined {
    if (this.packed === undefined) return undefined;
    const { forms, templates } = JSON.parse(strFromU8(unzlibSync(this.packed))) as PackedForms;
    return new CompiledForms(forms, templates);
  }
}
