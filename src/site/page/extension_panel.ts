// SPDX-License-Identifier: LGPL-2.1-only
import type { RecordedItem } from '../../session/recorded_item.js';
import type { SiteExtension } from '../machine/site_messages.js';
import { byId } from './elements.js';
import { compileExtension } from './extension_compiler.js';
import type { MachineClient } from './machine_client.js';

/** The chosen extension and its source, which can be edited. */
export class ExtensionPanel {
  private readonly choice = byId<HTMLSelectElement>('extension');
  private readonly source = byId<HTMLTextAreaElement>('source');
  /** Sources that were compiled here, by the names of their modules. */
  private readonly compiled = new Map<string, string>();

  /** @param start is called by Ctrl-Enter in the source */
  constructor(
    private readonly extensions: readonly SiteExtension[],
    start: () => void,
  ) {
    this.choice.append(...extensions.map(({ name }) => new Option(name)));
    this.choice.onchange = () => this.show(this.chosen.source);
    this.source.oninput = () => this.showState();
    this.source.onkeydown = (event) => {
      if (event.key !== 'Enter' || !event.ctrlKey) return;
      event.preventDefault();
      start();
    };
    this.show(this.chosen.source);
  }

  /** Shows a source. */
  show(source: string): void {
    this.source.value = source;
    this.showState();
  }

  /** The name of the module to load: that of the site's bundle, or of the edited source, which is compiled first. @throws Error with its mistakes */
  async module(machine: MachineClient): Promise<string> {
    if (!this.isEdited) return this.chosen.name;
    const source = this.source.value;
    const known = [...this.compiled].find(([, each]) => each === source)?.[0];
    return this.compile(machine, source, known ?? `edited_${this.compiled.size + 1}`);
  }

  /** Compiles a source in the page and gives it to the machine's worker. @returns its name */
  async compile(machine: MachineClient, source: string, name: string): Promise<string> {
    await machine.request('addModule', { name, code: await compileExtension(source) });
    this.compiled.set(name, source);
    return name;
  }

  /** The sources of the modules that a run loads and that were compiled here. */
  sourcesOf(items: readonly RecordedItem[]): Record<string, string> {
    const names = items.flatMap((item) =>
      item.kind === 'event' && item.event.kind === 'call' && item.event.method === 'load'
        ? (item.event.params as { modules: readonly string[] }).modules
        : [],
    );
    return Object.fromEntries([...this.compiled].filter(([name]) => names.includes(name)));
  }

  private get chosen(): SiteExtension {
    return this.extensions.find(({ name }) => name === this.choice.value)!;
  }

  private get isEdited(): boolean {
    return this.source.value !== this.chosen.source;
  }

  private showState(): void {
    byId('extension-title').textContent = this.isEdited
      ? 'Edited: the page compiles it when the VMM starts.'
      : this.chosen.title;
  }
}
