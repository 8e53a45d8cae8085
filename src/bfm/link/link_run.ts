// SPDX-License-Identifier: LGPL-2.1-only
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import type { RecordedItem } from '../../session/recorded_item.js';
import { groupedDigits } from '../../session/grouped_digits.js';
import { siteBundleOptions } from '../../site/machine/bundle_format.js';
import { BundledModules } from '../../site/machine/bundled_modules.js';
import { CORE_FILE, MachineService } from '../../site/machine/machine_service.js';
import type { FromMachine, MachineStatus } from '../../site/machine/site_messages.js';
import { inversifyFile, packageRoot } from '../../driver/node/package_paths.js';
import { readBootFile } from '../worker/boot_file.js';
import { StopRequest, type RunControl } from '../worker/run_control.js';
import type { RunReport, WorkerMessage } from '../worker/run_request.js';
import { timedRun } from '../worker/timed_run.js';
import { LinkError } from './link_error.js';
import type { LinkRequest } from './link_request.js';
import { SiteFolder } from './site_folder.js';

type Told<K extends FromMachine['kind']> = Extract<FromMachine, { readonly kind: K }>;

/** Numbers of the requests. */
const [BOOT, HASH] = [1, 2];

/** The run of a link of the page again, in the worker: by the service that a page has in its worker. */
export class LinkRun {
  private readonly site: SiteFolder;
  private status: MachineStatus | undefined;
  private replayed: Told<'replayed'> | undefined;
  private hash: string | undefined;
  private failure: string | undefined;

  /** @throws LinkError if there is no site */
  constructor(
    private readonly request: LinkRequest,
    private readonly control: RunControl,
    private readonly post: (message: WorkerMessage) => void,
  ) {
    this.site = new SiteFolder(request.site);
  }

  /** @throws LinkError if the run cannot be made here */
  async run(): Promise<RunReport> {
    const { run } = this.request;
    const service = await this.service();
    const params = {
      guest: this.site.guest(run.guest),
      processors: run.processors,
      replay: run.items as RecordedItem[],
    };
    service.receive({ kind: 'request', id: BOOT, method: 'boot', params });
    const { milliseconds } = await timedRun({ control: this.control, post: this.post }, () =>
      this.turns(service, () => this.replayed !== undefined),
    );
    if (this.control.stopRequest === StopRequest.None) {
      service.receive({ kind: 'request', id: HASH, method: 'hash', params: {} });
      await this.turns(service, () => this.hash !== undefined);
    }
    return this.report(milliseconds);
  }

  private async service(): Promise<MachineService> {
    const core = readBootFile(join(packageRoot, 'build', 'cpu', CORE_FILE)).bytes;
    const file = (address: string): Uint8Array => (address === CORE_FILE ? core : this.site.file(address));
    return new MachineService({
      post: (message) => this.hear(message),
      fetch: (address) => Promise.resolve(file(address)),
      fetchNow: file,
      modules: await this.modules(),
      now: () => performance.now(),
      pause: () => Promise.resolve(),
    });
  }

  /** The extensions of the site, and those of the link. */
  private async modules(): Promise<BundledModules> {
    const modules = new BundledModules({ evaluate, addressOf, digest });
    for (const { name, code } of this.site.extensions()) modules.add(name, code);
    for (const [name, contents] of Object.entries(this.request.run.sources)) {
      const stdin = { contents, loader: 'ts', sourcefile: `${name}.ts` } as const;
      const { outputFiles } = await build({ ...siteBundleOptions, stdin });
      modules.add(name, outputFiles[0]!.text);
    }
    return modules;
  }

  private async turns(service: MachineService, isDone: () => boolean): Promise<void> {
    while (!isDone() && this.control.stopRequest === StopRequest.None) {
      await service.turn();
      if (this.failure !== undefined) throw new LinkError(`the run of the link cannot be made: ${this.failure}`);
    }
  }

  private hear(message: FromMachine): void {
    switch (message.kind) {
      case 'console':
      case 'vmm':
        this.post({ kind: message.kind, bytes: message.bytes });
        return this.control.outputSent(message.bytes.length);
      case 'status':
        this.status = message.status;
        return;
      case 'replayed':
        this.replayed = message;
        return;
      case 'answer':
        if (message.id === HASH) ({ hash: this.hash } = message.result as { hash: string });
        return;
      case 'error':
        this.failure = message.message;
    }
  }

  private report(milliseconds: number): RunReport {
    const { instructions = 0, virtualTime = 0, exits = [], reports = {} } = this.status ?? {};
    const stateHash = this.hash;
    const machine = { exits: Object.fromEntries(exits), instructions, virtualTime, debugExit: null };
    const extensions = JSON.parse(JSON.stringify(reports, plain)) as NonNullable<RunReport['extensions']>;
    const common = { machine: { ...machine, ...(stateHash !== undefined && { stateHash }) }, extensions, milliseconds };
    const { stopRequest } = this.control;
    if (stopRequest !== StopRequest.None) {
      const outcome = stopRequest === StopRequest.Timeout ? 'timeout' : 'interrupted';
      return { outcome, detail: 'the run of the link is not at its end', ...common };
    }
    const { hash, difference } = this.replayed!;
    if (difference !== undefined)
      return { outcome: 'diverged', detail: `this run is not that of the link: ${difference}`, ...common };
    const detail = `the run of the link, up to its end: ${groupedDigits(instructions)} instructions, state ${hash}`;
    return { outcome: 'replayed', detail, ...common };
  }
}

const plain = (_name: string, value: unknown): unknown => (typeof value === 'bigint' ? String(value) : value);

/** Evaluates a module that has no address. */
const evaluate = (code: string): Promise<Readonly<Record<string, unknown>>> =>
  import(`data:text/javascript;base64,${Buffer.from(code).toString('base64')}`) as Promise<Record<string, unknown>>;

/** The running copy of what bundles share with the framework. */
function addressOf(name: string): string {
  if (name === 'bareflank') return new URL('../../index.js', import.meta.url).href;
  return name === 'inversify' ? pathToFileURL(inversifyFile).href : import.meta.resolve(name);
}

const digest = (text: string): Promise<string> => Promise.resolve(createHash('sha256').update(text).digest('hex'));
