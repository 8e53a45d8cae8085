// SPDX-License-Identifier: LGPL-2.1-only
import { printable } from '../../session/printable.js';
import type { SharedRun } from '../machine/run_link.js';
import { byId } from './elements.js';

/** What a link brings. It runs only after somebody has pressed the button. */
export class LinkReview {
  private readonly button = byId<HTMLButtonElement>('run-link');
  private readonly panel = byId('link-panel');
  private readonly code = byId('link-code');

  /** Shows all code of a link, whether its run uses it or not. @param go runs the link */
  ask({ sources }: Pick<SharedRun, 'sources'>, go: () => void): void {
    const texts = Object.entries(sources).map(([name, source]) => `// ${name}\n${source}`);
    this.code.textContent = printable(texts.join('\n\n').replaceAll('\r\n', '\n'));
    byId('link-size').textContent = `${this.code.textContent.split('\n').length} lines: scroll to the end`;
    this.panel.hidden = texts.length === 0;
    this.button.hidden = false;
    this.button.onclick = go;
  }

  /** The link was run, or something else was begun. */
  close(): void {
    this.button.hidden = true;
    this.panel.hidden = true;
  }
}
