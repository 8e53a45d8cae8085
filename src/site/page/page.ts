// SPDX-License-Identifier: LGPL-2.1-only
import type { MachineStatus, SiteCatalog } from '../machine/site_messages.js';
import { ConsoleTerminal } from './console_terminal.js';
import { byId, element, rows } from './elements.js';
import { MachineClient, type MachineNews } from './machine_client.js';

const grouped = (count: number): string => count.toLocaleString('en-US');

/** The page: one machine, its console, its VMM. */
export class Page {
  private readonly console: ConsoleTerminal;
  private client: MachineClient | undefined;
  private readonly boot = byId<HTMLButtonElement>('boot');
  private readonly start = byId<HTMLButtonElement>('start');
  private readonly stop = byId<HTMLButtonElement>('stop');
  private readonly guests = byId<HTMLSelectElement>('guest');
  private readonly extensions = byId<HTMLSelectElement>('extension');
  private readonly decoder = new TextDecoder();
  /** States of the run, by which it is compared with another one. */
  readonly states: { readonly instructions: number; readonly hash: string }[] = [];

  constructor(private readonly catalog: SiteCatalog) {
    this.console = new ConsoleTerminal(
      byId('console'),
      (bytes) => this.client?.type(bytes),
      () => this.boot.focus(),
    );
    this.guests.append(...catalog.guests.map(({ name }) => new Option(name)));
    this.extensions.append(...catalog.extensions.map(({ name, title }) => new Option(`${name}: ${title}`, name)));
    this.extensions.onchange = () => this.showSource();
    this.boot.onclick = () => void this.doing('boot', () => this.bootGuest());
    this.start.onclick = () => void this.doing('start', () => this.startVmm());
    this.stop.onclick = () => void this.doing('stop', () => this.stopVmm());
    this.showSource();
    this.showVmm(undefined);
  }

  /** The machine's answer to a request: for tests and for the browser's own console. */
  get machine(): MachineClient {
    if (this.client === undefined) throw new Error('there is no machine yet: boot one first');
    return this.client;
  }

  /** All that the guest has printed. */
  get consoleText(): string {
    return this.console.text;
  }

  private async bootGuest(): Promise<void> {
    this.client?.end();
    this.console.clear();
    byId('vmm-log').textContent = '';
    this.states.length = 0;
    const guest = this.catalog.guests.find(({ name }) => name === this.guests.value)!;
    const processors = Number(byId<HTMLSelectElement>('processors').value);
    this.client = new MachineClient((news) => this.hear(news));
    const modules = byId<HTMLInputElement>('at-boot').checked ? { modules: [this.extensions.value] } : {};
    await this.client.request('boot', { guest, processors, ...modules });
    this.console.focus();
  }

  private async startVmm(): Promise<void> {
    await this.machine.request('load', { modules: [this.extensions.value] });
    await this.machine.request('start', {});
  }

  private async stopVmm(): Promise<void> {
    await this.machine.request('stop', {});
  }

  /** Does something, and says how it ended. */
  private async doing(what: string, act: () => Promise<void>): Promise<void> {
    this.say(`${what} …`);
    try {
      await act();
      this.say('');
    } catch (error) {
      this.say(`${what}: ${(error as Error).message}`);
    }
  }

  private say(text: string): void {
    byId('message').textContent = text;
  }

  private hear(news: MachineNews): void {
    switch (news.kind) {
      case 'console':
        return this.console.write(news.bytes);
      case 'vmm':
        byId('vmm-log').append(this.decoder.decode(news.bytes, { stream: true }));
        return;
      case 'status':
        return this.showStatus(news.status);
      case 'state':
        this.states.push({ instructions: news.instructions, hash: news.hash });
        return;
      case 'ended':
        this.showVmm(undefined);
        return this.say(`the guest has ended: ${news.outcome}. ${news.detail}`);
    }
  }

  private showStatus({ instructions, virtualTime, vmm, exits, reports }: MachineStatus): void {
    byId('instructions').textContent = grouped(instructions);
    byId('time').textContent = `${(virtualTime / 1e9).toFixed(3)} s`;
    this.showVmm(vmm);
    byId('exits').replaceChildren(...rows(exits.map(([reason, count]) => [reason, grouped(count)])));
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
  }

  private showSource(): void {
    const extension = this.catalog.extensions.find(({ name }) => name === this.extensions.value);
    byId('source').replaceChildren(element('code', extension?.source ?? ''));
  }
}
