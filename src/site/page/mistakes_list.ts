// SPDX-License-Identifier: LGPL-2.1-only
import { SourceMistakes, type SourceMistake } from './source_mistakes.js';

/** What is wrong with an extension, next to its source. */
export class MistakesList {
  constructor(
    private readonly place: HTMLElement,
    private readonly source: HTMLTextAreaElement,
  ) {}

  clear(): void {
    this.place.hidden = true;
    this.place.textContent = '';
  }

  /** Shows why an extension was not compiled or loaded. The first mistake with a place gets the caret. */
  show(error: Error): void {
    const mistakes = error instanceof SourceMistakes ? error.mistakes : [{ text: error.message }];
    this.place.textContent = mistakes.map(lineOf).join('\n');
    this.place.hidden = false;
    const place = mistakes.find((each) => each.place !== undefined)?.place;
    if (place !== undefined) this.goTo(place);
  }

  private goTo({ line, column }: NonNullable<SourceMistake['place']>): void {
    const before = this.source.value.split('\n').slice(0, line - 1);
    const offset = before.reduce((sum, { length }) => sum + length + 1, 0) + column - 1;
    this.source.focus();
    this.source.setSelectionRange(offset, offset);
  }
}

function lineOf({ text, place }: SourceMistake): string {
  return place === undefined ? text : `line ${place.line}, column ${place.column}: ${text}`;
}
