// SPDX-License-Identifier: LGPL-2.1-only
// The few words by which the page makes its elements.

/** An element of the page's text by its id. */
export function byId<T extends HTMLElement = HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no element ${id}`);
  return found as T;
}

/** Chooses a value, which becomes a choice if it is none. */
export function choose(list: HTMLSelectElement, value: string): void {
  if (![...list.options].some((option) => option.value === value)) list.append(new Option(value));
  list.value = value;
}

/** A new element with a text. */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  text = '',
  className = '',
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  made.textContent = text;
  made.className = className;
  return made;
}

/** Rows of a table's body, one text a cell. The first cell of a row names it. */
export function rows(cells: readonly (readonly string[])[]): HTMLTableRowElement[] {
  return cells.map(([name, ...others]) => {
    const row = element('tr');
    const header = element('th', name);
    header.scope = 'row';
    row.append(header, ...others.map((text) => element('td', text)));
    return row;
  });
}
