// SPDX-License-Identifier: LGPL-2.1-only
import { element } from './elements.js';

/** A row of names and values. */
export interface NamedValue {
  readonly name: string;
  readonly value: string;
  /** A heading above the first row that has it. */
  readonly group?: string;
}

/** A table of values by name. Values that differ from those that it showed before are marked. */
export class ChangedTable {
  private shown = new Map<string, string>();

  constructor(private readonly body: HTMLElement) {}

  show(values: readonly NamedValue[], matches: (name: string) => boolean = () => true): void {
    const before = this.shown;
    let group: string | undefined;
    const rows: HTMLElement[] = [];
    for (const { name, value, group: own } of values.filter((each) => matches(each.name))) {
      if (own !== undefined && own !== group) rows.push(this.heading((group = own)));
      rows.push(this.row(name, value, before.has(name) && before.get(name) !== value));
    }
    this.body.replaceChildren(...rows);
    this.shown = new Map(values.map(({ name, value }) => [name, value]));
  }

  private heading(text: string): HTMLElement {
    const row = element('tr', '', 'group');
    const cell = element('th', text);
    cell.colSpan = 2;
    row.append(cell);
    return row;
  }

  /** The mark is a word too: colour alone would not reach everybody. */
  private row(name: string, value: string, isChanged: boolean): HTMLElement {
    const row = element('tr', '', isChanged ? 'changed' : '');
    const header = element('th', name);
    header.scope = 'row';
    const cell = element('td', value);
    if (isChanged) cell.title = 'changed';
    row.append(header, cell);
    return row;
  }
}
