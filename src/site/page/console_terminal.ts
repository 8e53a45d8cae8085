// SPDX-License-Identifier: LGPL-2.1-only
import { FitAddon } from '@xterm/addon-fit';
import { Terminal } from '@xterm/xterm';

const dark = { background: '#0c0f12', foreground: '#d6dbe0', cursor: '#d6dbe0', selectionBackground: '#35506e' };
const light = { background: '#ffffff', foreground: '#1a1d21', cursor: '#1a1d21', selectionBackground: '#b9d4f1' };

/** Characters of the console that are kept, at least. */
const MOST_TEXT = 1 << 20;

/** Goes into the console and leaves it: Tab belongs to the guest. */
const LEAVE = 'F6';

/** The guest's console. What is typed there goes to the guest, except `LEAVE`. */
export class ConsoleTerminal {
  private readonly terminal = new Terminal({
    convertEol: true,
    fontFamily: 'ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace',
    fontSize: 13,
    scrollback: 5000,
  });
  private readonly fit = new FitAddon();
  private readonly decoder = new TextDecoder('utf-8');
  private shown = '';

  /**
   * @param type takes the bytes that are typed
   * @param outside gets the focus when somebody leaves the terminal who did not come by F6
   */
  constructor(
    host: HTMLElement,
    type: (bytes: readonly number[]) => void,
    private outside: HTMLElement,
  ) {
    const encoder = new TextEncoder();
    this.terminal.loadAddon(this.fit);
    this.terminal.open(host);
    this.terminal.onData((text) => type([...encoder.encode(text)]));
    this.terminal.attachCustomKeyEventHandler((event) => event.key !== LEAVE);
    // Who goes through the page by Tab passes the terminal by: it keeps Tab for the guest.
    if (this.terminal.textarea !== undefined) this.terminal.textarea.tabIndex = -1;
    addEventListener('keydown', (event) => {
      if (event.key !== LEAVE) return;
      event.preventDefault();
      this.comeOrGo();
    });
    this.followTheme();
    new ResizeObserver(() => this.fit.fit()).observe(host);
  }

  private comeOrGo(): void {
    const { activeElement: present } = document;
    if (present === this.terminal.textarea) return this.outside.focus();
    if (present instanceof HTMLElement && present !== document.body) this.outside = present;
    this.focus();
  }

  /** Bytes of the guest. */
  write(bytes: Uint8Array): void {
    this.shown += this.decoder.decode(bytes, { stream: true });
    if (this.shown.length > 2 * MOST_TEXT) this.shown = this.shown.slice(-MOST_TEXT);
    this.terminal.write(bytes);
  }

  /** A line of the page's own. */
  note(text: string): void {
    this.terminal.write(`\u001b[2m${text}\u001b[0m\r\n`);
  }

  /** What the guest has printed, or the last of it. */
  get text(): string {
    return this.shown;
  }

  focus(): void {
    this.terminal.focus();
  }

  /** For another machine. */
  clear(): void {
    this.shown = '';
    this.terminal.reset();
  }

  private followTheme(): void {
    const isDark = matchMedia('(prefers-color-scheme: dark)');
    const follow = (): void => void (this.terminal.options.theme = isDark.matches ? dark : light);
    isDark.addEventListener('change', follow);
    follow();
  }
}
