// SPDX-License-Identifier: LGPL-2.1-only
import type { FormInformation, Templates } from '../generator/extract.js';
import type { HelperName } from '../generator/template.js';
import { Layout } from '../layout/layout.js';
import { RecordFlag } from '../layout/record_format.js';
import type { DecodedInstruction } from './decoded_code.js';
import { readyTemplate, type ReadyTemplate } from './ready_template.js';

/**
 * The kinds of instructions of a region, by how they end a block. The region calls the handlers of two: `handled` is as `plain`; `resumed` ends its block
 * in the interpreter.
 */
export type FormKind = 'plain' | 'handled' | 'resumed' | 'jcc' | 'jmp' | 'call' | 'ret';

const compiledKinds: ReadonlySet<string> = new Set<FormKind>(['plain', 'jcc', 'jmp', 'call', 'ret']);

/** What can be compiled: the templates by form, and the numbers of the forms that end blocks for the decoder's sake. */
export class CompiledForms {
  /** Numbers of the forms NEXT and REGION. */
  readonly next: number;
  readonly region: number;
  private readonly templates: (ReadyTemplate | undefined)[] = [];
  private readonly kinds: (FormKind | undefined)[] = [];
  private readonly goesOn: boolean[] = [];
  /** Of forms that have no kind of their own. */
  private readonly calledKinds: ('handled' | 'resumed' | undefined)[] = [];
  private readonly names: string[] = [];
  private readonly flags = new Map<string, ReadyTemplate>();
  private readonly helpers = new Map<string, ReadyTemplate>();

  constructor(
    forms: readonly FormInformation[],
    private readonly source: Templates,
  ) {
    const numberOf = (name: string): number =>
      forms.findIndex((form) => form.class === 'reserved' && form.name === name);
    this.next = numberOf('NEXT');
    this.region = numberOf('REGION');
    for (const form of forms) {
      this.goesOn[form.id] = form.class === 'plain' || form.class === 'jcc';
      this.names[form.id] = form.name;
      if (form.class === 'plain') this.calledKinds[form.id] = 'handled';
      else if (form.resumes === true) this.calledKinds[form.id] = 'resumed';
      // forms without a template and without a reason for that only say where to go on, or do nothing
      const isKnown = form.noTemplate === undefined && source.handlers[form.id] === undefined;
      if (isKnown && compiledKinds.has(form.class)) this.kinds[form.id] = form.class as FormKind;
    }
    for (const [name, template] of Object.entries(source.flags)) this.flags.set(name, readyTemplate(template, 'flags'));
    for (const [name, template] of Object.entries(source.helpers))
      this.helpers.set(name, readyTemplate(template, 'instruction'));
  }

  /** How an instruction ends its block; undefined if only the interpreter executes it. */
  kindOf(instruction: DecodedInstruction): FormKind | undefined {
    const { form } = instruction;
    if ((instruction.flags & RecordFlag.Segmented) !== 0) return undefined;
    const kind = this.kinds[form];
    const template = this.template(form);
    if (kind !== undefined && (template === undefined || !usesGeneralSlots(template, instruction))) return kind;
    return this.calledKinds[form];
  }

  /** True for the forms that the decoder and this tier put in a block by themselves. */
  isReserved(form: number): boolean {
    return form <= this.region;
  }

  /** True for a form behind which a block has no more records. */
  endsRecords(form: number): boolean {
    return this.goesOn[form] !== true;
  }

  /** As the table of forms calls it. */
  nameOf(form: number): string {
    return known(this.names[form], `form ${form}`);
  }

  /** The template of a form; undefined for those that only say where to go on. */
  template(form: number): ReadyTemplate | undefined {
    const known = this.templates[form];
    if (known !== undefined) return known;
    const source = this.source.templates[form];
    if (source === undefined) return undefined;
    return (this.templates[form] = readyTemplate(source, 'instruction'));
  }

  /** How the words of the flags come from the operands of a setter. */
  flagSetter(name: string): ReadyTemplate {
    return known(this.flags.get(name), name);
  }

  helper(name: HelperName): ReadyTemplate {
    return known(this.helpers.get(name), name);
  }
}

function known<T>(value: T | undefined, name: string): T {
  if (value === undefined) throw new TypeError(`the template build has no '${name}'`);
  return value;
}

/** True if a template reaches a general register in its slot: in a region it is in a local. */
function usesGeneralSlots({ slots }: ReadyTemplate, instruction: DecodedInstruction): boolean {
  return slots.some(({ place }) => {
    const slot = typeof place === 'number' ? place : instruction[place];
    return slot >= Layout.RAX && slot < Layout.ZERO;
  });
}
