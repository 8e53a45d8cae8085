// SPDX-License-Identifier: LGPL-2.1-only
import type { ParameterText, Settings } from '../machine/site_messages.js';
import { element } from './elements.js';

/** The parameters of an extension, with an input for the value of each. */
export class ParameterInputs {
  private shown: readonly { readonly parameter: ParameterText; readonly input: HTMLInputElement }[] = [];

  /** @param body of the table that shows them @param start is called by Enter in an input */
  constructor(
    private readonly body: HTMLElement,
    private readonly start: () => void,
  ) {}

  /** Shows parameters. @param settings values that are not the initial ones */
  show(parameters: readonly ParameterText[], settings: Settings = {}): void {
    this.shown = parameters.map((parameter) => ({
      parameter,
      input: this.inputFor(parameter, settings[parameter.name] ?? parameter.initial),
    }));
    this.body.replaceChildren(...this.shown.map(({ parameter, input }) => rowOf(parameter, input)));
  }

  /** What was set to another value than the initial one. */
  get settings(): Settings {
    const changed = this.shown.filter(({ parameter, input }) => input.value.trim() !== parameter.initial);
    return Object.fromEntries(changed.map(({ parameter, input }) => [parameter.name, input.value.trim()]));
  }

  private inputFor({ name }: ParameterText, value: string): HTMLInputElement {
    const input = element('input');
    input.id = `parameter-${name}`;
    input.spellcheck = false;
    input.value = value;
    input.onkeydown = (event) => {
      if (event.key === 'Enter') this.start();
    };
    return input;
  }
}

function rowOf({ name, meaning }: ParameterText, input: HTMLInputElement): HTMLTableRowElement {
  const [row, header, cell, label] = [element('tr'), element('th'), element('td'), element('label', name)];
  label.htmlFor = input.id;
  header.scope = 'row';
  header.append(label);
  cell.append(input);
  row.append(header, cell, element('td', meaning));
  return row;
}
