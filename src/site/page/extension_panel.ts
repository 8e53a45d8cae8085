// SPDX-License-Identifier: LGPL-2.1-only
import type { RecordedItem } from '../../session/recorded_item.js';
import type { SharedRun } from '../machine/run_link.js';
import type { MachineRequests, Settings, SiteExtension } from '../machine/site_messages.js';
import { byId } from './elements.js';
import { compileExtension } from './extension_compiler.js';
import type { MachineClient } from './machine_client.js';
import { MistakesList } from './mistakes_list.js';
import { ParameterInputs } from './parameter_inputs.js';

type LoadParameters = MachineRequests['load']['params'];

/** The chosen extension and its source, which can be edited. */
export class ExtensionPanel {
  private readonly choice = byId<HTMLSelectElement>('extension');
  private readonly source = byId<HTMLTextAreaElement>('source');
  private readonly parameters: ParameterInputs;
  private readonly mistakes: MistakesList;
  /** Sources that the present machine has got compiled, by the names of their modules. */
  private readonly compiled = new Map<string, string>();

  /** @param start is called by Ctrl-Enter in the source, and by Enter in a parameter */
  constructor(
    private readonly extensions: readonly SiteExtension[],
    start: () => void,
  ) {
    this.choice.append(...extensions.map(({ name }) => new Option(name)));
    this.parameters = new ParameterInputs(byId('parameters'), start);
    this.mistakes = new MistakesList(byId('mistakes'), this.source);
    this.choice.onchange = () => this.showChosen();
    this.source.oninput = () => {
      this.mistakes.clear();
      this.showState();
    };
    this.source.onkeydown = (event) => {
      if (event.key !== 'Enter' || !event.ctrlKey) return;
      event.preventDefault();
      start();
    };
    this.showChosen();
  }

  /** Shows the extension that the run of a link loads last, its own source and values of parameters included. */
  showRun({ items, sources }: Pick<SharedRun, 'items' | 'sources'>): void {
    const { modules = [], settings } = loadsIn(items as RecordedItem[]).at(-1) ?? {};
    const known = this.extensions.find(({ name }) => modules.includes(name));
    if (known !== undefined) this.choice.value = known.name;
    this.showChosen(settings);
    const source = modules.map((name) => sources[name]).find((each) => each !== undefined);
    if (source === undefined) return;
    this.source.value = source;
    this.showState();
  }

  /** What the machine is to load, after an edited source was compiled. @throws Error; the mistakes are listed next to the source then */
  async wanted(machine: MachineClient): Promise<Required<LoadParameters>> {
    this.mistakes.clear();
    return { modules: [await this.explaining(this.module(machine))], settings: this.parameters.settings };
  }

  /** Waits for what may show that the extension is wrong. @throws Error; its reason is shown next to the source then */
  async explaining<T>(loading: Promise<T>): Promise<T> {
    try {
      return await loading;
    } catch (error) {
      this.mistakes.show(error as Error);
      throw new Error('the extension was not loaded; the reason is below its source', { cause: error });
    }
  }

  /** The name of the module to load: that of the site's bundle, or of the edited source, which is compiled first. @throws SourceMistakes */
  private async module(machine: MachineClient): Promise<string> {
    if (!this.isEdited) return this.chosen.name;
    const source = this.source.value;
    const known = [...this.compiled].find(([, each]) => each === source)?.[0];
    return this.compile(machine, source, known ?? this.newName());
  }

  /** A link may have brought any names. */
  private newName(): string {
    let number = 1;
    while (this.compiled.has(`edited_${number}`)) number++;
    return `edited_${number}`;
  }

  /** Another machine begins, which has no compiled source. */
  forgetCompiled(): void {
    this.compiled.clear();
  }

  /** Compiles a source in the page and gives it to the machine's worker. @returns its name */
  async compile(machine: MachineClient, source: string, name: string): Promise<string> {
    await machine.request('addModule', { name, code: await compileExtension(source) });
    this.compiled.set(name, source);
    return name;
  }

  /** The sources of the modules that a run loads and that were compiled here. */
  sourcesOf(items: readonly RecordedItem[]): Record<string, string> {
    const names = loadsIn(items).flatMap(({ modules }) => modules);
    return Object.fromEntries([...this.compiled].filter(([name]) => names.includes(name)));
  }

  private showChosen(settings?: Settings): void {
    this.source.value = this.chosen.source;
    this.parameters.show(this.chosen.parameters, settings);
    this.mistakes.clear();
    this.showState();
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

/** What a run loads, in its order. */
function loadsIn(items: readonly RecordedItem[]): LoadParameters[] {
  return items.flatMap((item) =>
    item.kind === 'event' && item.event.kind === 'call' && item.event.method === 'load'
      ? [item.event.params as LoadParameters]
      : [],
  );
}
