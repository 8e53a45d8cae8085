// SPDX-License-Identifier: LGPL-2.1-only
// Turns the template build into templates.json: what the run-time compiler pastes, and for which forms it calls handlers.
import { NotCuttableError } from './not_cuttable_error.js';
import { flagSetterNames, helperNames, type Template } from './template.js';
import { TemplateCutter } from './template_cutter.js';
import { WasmModule } from './wasm_module.js';

/** The extractor's result: templates by form id, flag setters' templates by marker, and why the other forms have none. */
export interface Templates {
  readonly templates: Readonly<Record<number, Template>>;
  readonly flags: Readonly<Record<string, Template>>;
  /** What regions do between instructions, by HelperName. */
  readonly helpers: Readonly<Record<string, Template>>;
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
  /** It ends its block, and a region goes on behind it: RowOptions. */
  readonly resumes?: boolean;
}

/** Cuts all templates of the template build. `forms`: the list that the generator wrote. */
export function extractTemplates(bytes: Uint8Array, forms: readonly FormInformation[]): Templates {
  const module = new WasmModule(bytes);
  const templates: Record<number, Template> = {};
  const handlers: Record<number, string> = {};
  for (const form of forms) {
    try {
      const template = cut(module, `t${form.id}`, form);
      if (template !== undefined) templates[form.id] = template;
      else if (form.noTemplate !== undefined) handlers[form.id] = form.noTemplate;
    } catch (error) {
      if (!(error instanceof NotCuttableError)) throw error;
      handlers[form.id] = error.message;
    }
  }
  const flags: Record<string, Template> = {};
  for (const name of flagSetterNames) {
    const template = cut(module, name, { name, class: 'flags' });
    if (template !== undefined) flags[name] = template;
  }
  const helpers: Record<string, Template> = {};
  for (const name of helperNames) {
    const template = cut(module, name, { name, class: 'helper' });
    if (template !== undefined) helpers[name] = template;
  }
  return { templates, flags, helpers, handlers };
}

/** Cuts one exported function, undefined if there is none. Throws NotCuttableError. */
function cut(module: WasmModule, exported: string, what: Pick<Template, 'name' | 'class'>): Template | undefined {
  const index = module.exports.get(exported);
  if (index === undefined) return undefined;
  const body = module.bodies[index - module.imports.length]!;
  const type = module.types[module.functions[index - module.imports.length]!]!;
  module.position = body.start;
  const { tokens, zero, returns } = new TemplateCutter(module, body.end).cut();
  const { name, class: kind } = what;
  return { name, class: kind, locals: body.locals, zero, tokens, returns, result: type.results[0] ?? 0 };
}
