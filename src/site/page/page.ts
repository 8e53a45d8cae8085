// SPDX-License-Identifier: LGPL-2.1-only
import type { RecordedItem } from '../../session/recorded_item.js';
import type { MachineStatus, SiteCatalog, SiteGuest } from '../machine/site_messages.js';
import { linkOfRun, runOfLink, type SharedRun } from '../machine/run_link.js';
import { ConsoleTerminal } from './console_terminal.js';
import { CappedLog } from './capped_log.js';
import { byId, choose, rows } from './elements.js';
import { ExitsPanel } from './exits_panel.js';
import { ExtensionPanel } from './extension_panel.js';
import { LinkReview } from './link_review.js';
import { MachineClient, type MachineNews } from './machine_client.js';
import { ProcessorsPanel } from './processors_panel.js';
import { withoutColours } from './without_colours.js';

/** Milliseconds between two looks of the panels at the machine. */
const LOOK = 500;

const grouped = (count: number): string => count.toLocaleString('en-US');

/** What begins a link's part of the page's address. */
const LINK = '#run=';

/** What the present machine was made from. */
interface Booted {
  readonly guest: SiteGuest;
  readonly processors: number;
}

/** The page: one machine, its console, its VMM, and the panels that look at it. */
export class Page {
  private readonly console: ConsoleTerminal;
  private client: MachineClient | undefined;
  private booted: Booted | undefined;
  private readonly boot = byId<HTMLButtonElement>('boot');
  private readonly start = byId<HTMLButtonElement>('start');
  private readonly stop = byId<HTMLButtonElement>('stop');
  private readonly link = byId<HTMLButtonElement>('link');
  private readonly guests = byId<HTMLSelectElement>('guest');
  private readonly exits = new ExitsPanel(byId('exits'));
  private readonly processors = new ProcessorsPanel();
  private readonly extension: ExtensionPanel;
  private readonly review = new LinkReview();
  private readonly vmmLog = new CappedLog(byId('vmm-log'));
  private readonly decoder = new TextDecoder();
  /** For comparisons with another run: tell the state at each 10^8 instructions, though that takes time. */
  allStates = false;
  /** States of the run, by which it is compared with another one. */
  readonly states: { readonly instructions: number; readonly hash: string }[] = [];

  constructor(private readonly catalog: SiteCatalog) {
    this.console = new ConsoleTerminal(byId('console'), (bytes) => this.client?.type(bytes), this.boot);
    this.guests.append(...catalog.guests.map(({ name }) => new Option(name)));
    this.extension = new ExtensionPanel(catalog.extensions, () => void this.doing('start', () => this.startVmm()));
    this.boot.onclick = () => void this.doing('boot', () => this.bootGuest());
    this.start.onclick = () => void this.doing('start', () => this.startVmm());
    this.stop.onclick = () => void this.doing('stop', () => this.stopVmm());
    this.link.onclick = () => void this.doing('link', () => this.makeLink());
    this.showVmm(undefined);
    setInterval(() => void this.look(), LOOK);
  }

  /** The machine, for tests and for the browser's own console. */
  get machine(): MachineClient {
    if (this.client === undefined) throw new Error('there is no machine yet: boot one first');
    return this.client;
  }

  /** What the guest has printed, or the last of it. */
  get consoleText(): string {
    return this.console.text;
  }

  /** Opens the run of the page's address, if there is one. */
  openAddress(): void {
    if (!location.hash.startsWith(LINK)) return;
    try {
      this.openRun(runOfLink(location.hash.slice(LINK.length)));
    } catch (error) {
      this.say(`The address is no link to a run: ${(error as Error).message}`);
    }
  }

  /** Opens the run of a link. Code that a link brings runs only after somebody has pressed the button, and so does what ends a machine. */
  private openRun(run: SharedRun): void {
    const guest = this.catalog.guests.find(({ id }) => id === run.guest);
    if (guest === undefined) return this.say(`The link is to a guest that this site does not have: ${run.guest}`);
    const go = (): void => void this.doing('run', () => this.replay(guest, run));
    const hasCode = Object.keys(run.sources).length > 0;
    if (!hasCode && this.client === undefined) return go();
    this.review.ask(run, go);
    const what = hasCode ? 'The link brings code, shown below: read it first. ' : '';
    const ends = this.client === undefined ? 'runs it.' : 'ends this machine, and runs the one of the link.';
    this.say(`${what}"Run the link" ${ends}`);
  }

  private async replay(guest: SiteGuest, run: SharedRun): Promise<void> {
    await this.newMachine({ guest, processors: run.processors });
    this.guests.value = guest.name;
    choose(byId<HTMLSelectElement>('processors'), String(run.processors));
    this.extension.showRun(run);
    for (const [name, source] of Object.entries(run.sources)) await this.extension.compile(this.machine, source, name);
    await this.machine.request('boot', { guest, processors: run.processors, replay: run.items as RecordedItem[] });
    this.console.focus();
  }

  private async bootGuest(): Promise<void> {
    const guest = this.chosenGuest;
    const processors = Number(byId<HTMLSelectElement>('processors').value);
    await this.newMachine({ guest, processors });
    const isWanted = byId<HTMLInputElement>('at-boot').checked;
    await this.machine.request('boot', {
      guest,
      processors,
      allStates: this.allStates,
      ...(isWanted && (await this.extension.wanted(this.machine))),
    });
    if ('snapshot' in guest) this.console.note(`${guest.name} goes on from its snapshot: press Enter for a prompt`);
    this.console.focus();
  }

  private get chosenGuest(): SiteGuest {
    return this.catalog.guests.find(({ name }) => name === this.guests.value)!;
  }

  private async newMachine(booted: Booted): Promise<void> {
    this.client?.end();
    this.booted = booted;
    this.review.close();
    this.extension.forgetCompiled();
    this.console.clear();
    this.exits.clear();
    this.vmmLog.clear();
    this.states.length = 0;
    this.client = new MachineClient((news) => this.hear(news));
  }

  private async startVmm(): Promise<void> {
    const wanted = await this.extension.wanted(this.machine);
    await this.extension.explaining(this.machine.request('load', wanted));
    await this.machine.request('start', {});
  }

  private async stopVmm(): Promise<void> {
    await this.machine.request('stop', {});
  }

  private async makeLink(): Promise<void> {
    const items = await this.machine.request('recording', {});
    const { guest, processors } = this.booted!;
    const sources = this.extension.sourcesOf(items);
    const run = { guest: guest.id, processors, items: [...items], sources } as SharedRun;
    // Unlike a change of `location.hash`, this opens nothing.
    history.pushState(null, '', `${LINK}${linkOfRun(run)}`);
    this.say('The address of this page is now a link to the run.');
  }

  /** Does something, and says if it failed. */
  private async doing(what: string, act: () => Promise<void>): Promise<void> {
    this.say(`${what} …`);
    try {
      await act();
      if (byId('message').textContent === `${what} …`) this.say('');
    } catch (error) {
      this.say(`${what}: ${(error as Error).message}`);
    }
  }

  say(text: string): void {
    byId('message').textContent = text;
  }

  /** The panels look at the machine, unless nobody looks at them. */
  private async look(): Promise<void> {
    if (this.client === undefined || document.hidden) return;
    try {
      this.processors.show(await this.client.request('view', this.processors.wanted));
    } catch (error) {
      this.processors.fail((error as Error).message);
    }
  }

  private hear(news: MachineNews): void {
    switch (news.kind) {
      case 'console':
        return this.console.write(news.bytes);
      case 'vmm':
        this.vmmLog.append(withoutColours(this.decoder.decode(news.bytes, { stream: true })));
        return;
      case 'status':
        return this.showStatus(news.status);
      case 'state':
        this.states.push({ instructions: news.instructions, hash: news.hash });
        return;
      case 'replayed':
        return this.say(
          news.difference === undefined
            ? `The run of the link, up to state ${news.hash}. Go on from here.`
            : `This run is not that of the link: ${news.difference}`,
        );
      case 'failed':
        this.showVmm(undefined);
        return this.say(`The machine has stopped: ${news.message}. Boot begins another one.`);
      case 'ended':
        this.showVmm(undefined);
        return this.say(`The guest has ended: ${news.outcome}. ${news.detail}`);
    }
  }

  private showStatus({ instructions, virtualTime, vmm, exits, reports }: MachineStatus): void {
    byId('instructions').textContent = grouped(instructions);
    byId('time').textContent = `${(virtualTime / 1e9).toFixed(3)} s`;
    this.showVmm(vmm);
    this.exits.show(exits);
    const values = Object.entries(reports).flatMap(([extension, report]) =>
      Object.entries(report).map(([name, value]) => [`${extension} ${name}`, String(value)]),
    );
    byId('reports').replaceChildren(...rows(values));
  }

  private showVmm(state: MachineStatus['vmm'] | undefined): void {
    byId('vmm-state').textContent = state ?? 'no machine';
    this.start.disabled = state === undefined || state === 'VMM_CORRUPT';
    this.start.textContent = state === 'VMM_RUNNING' ? 'Restart VMM' : 'Start VMM';
    this.stop.disabled = state !== 'VMM_RUNNING';
    this.link.disabled = this.client === undefined;
  }
}
