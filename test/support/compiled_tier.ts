// SPDX-License-Identifier: LGPL-2.1-only
import { readFileSync } from 'node:fs';
import { CompiledForms } from '../../src/machine/compiled/compiled_forms.js';
import type { CompiledTierOptions } from '../../src/machine/compiled/compiled_tier.js';
import type { FormInformation, Templates } from '../../src/machine/generator/extract.js';

const read = (name: string): unknown => JSON.parse(readFileSync(new URL(`../../cpu/${name}`, import.meta.url), 'utf8'));

/** The forms and the templates as the build left them. */
export interface BuiltForms {
  readonly forms: readonly FormInformation[];
  readonly templates: Templates;
}

export const readForms = (): BuiltForms => ({
  forms: read('forms.json') as FormInformation[],
  templates: read('templates.json') as Templates,
});

let made: CompiledForms | undefined;

/** What can be compiled. */
export function compiledForms(): CompiledForms {
  const { forms, templates } = readForms();
  return (made ??= new CompiledForms(forms, templates));
}

/** Hot code is compiled; all code is compiled after its first visit. */
export const hotTier: CompiledTierOptions = { mode: 'on', forms: compiledForms };
export const forcedTier: CompiledTierOptions = { mode: 'forced', forms: compiledForms };
