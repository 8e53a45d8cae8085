// SPDX-License-Identifier: LGPL-2.1-only
// From the template build to templates.json: what the run-time compiler pastes, and which forms it must call handlers for.
import { NotCuttableError } from './not_cuttable_error.js';
import type { Template } from './template.js';
import { TemplateCutter } from './template_cutter.js';
import { WasmModule } from './wasm_module.js';

/** The extractor's result: templates by form id, and why the other forms have none. */
export interface Templates {
  readonly templates: Readonly<Record<number, Template>>;
  readonly handlers: Readonly<Record<number, string>>;
}

/** A form as forms.json has it. */
export interface FormInformation {
  readonly id: number;
  readonly name: string;
  readonly class: string;
  readonly uses?: readonly string[];
  readonly hot?: boolean;
  readonly noTemplate?: string;
}

/** Cuts all templates of the template build. `forms`: the list that the generator wrote. */
export function extractTemplates(bytes: Uint8Array, forms: readonly FormInformation[]): Templates {
  const module = new WasmModule(bytes);
  const templates: Record<number, Template> = {};
  const handlers: Record<number, string> = {};
  for (const form of forms) {
    const index = module.exports.get(`t${form.id}`);
    if (index === undefined) {
      if (form.noTemplate !== undefined) handlers[form.id] = form.noTemplate;
      continue;
    }
    const body = module.bodies[index - module.imports.length]!;
    const type = module.types[module.functions[index - module.imports.length]!]!;
    module.position = body.start;
    try {
      const { tokens, zero, returns } = new TemplateCutter(module, body.end).cut();
      templates[form.id] = {
        name: form.name,
        class: form.class,
        locals: body.locals,
        zero,
        tokens,
        returns,
        result: type.results[0] ?? 0,
      };
    } catch (error) {
      if (!(error instanceof NotCuttableError)) throw error;
      handlers[form.id] = error.message;
    }
  }
  return { templates, handlers };
}
