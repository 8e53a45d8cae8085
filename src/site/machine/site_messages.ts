// SPDX-License-Identifier: LGPL-2.1-only
// What the page and the worker with its machine tell each other.
import type { DriverState } from '../../driver/driver.js';
import type { RecordedItem } from '../../session/recorded_item.js';
import type { ParameterText } from '../../vmm/container/parameter.js';
import type { ReportValue } from '../../vmm/vcpu/report_contribution.js';
import type { ProcessorView } from './machine_view.js';

/** A guest whose images the site has. */
export interface ImageGuest {
  readonly name: string;
  /** Digest of the images and the command line: a run is of the guest with this id. */
  readonly id: string;
  /** Addresses relative to the site. */
  readonly kernel: string;
  readonly initrd?: string;
  readonly append: string;
  readonly memoryBytes: number;
}

/** A guest that goes on from a snapshot. */
export interface SnapshotGuest {
  readonly name: string;
  /** Its state hash. */
  readonly id: string;
  /** Address of its folder, relative to the site. */
  readonly snapshot: string;
}

/** A guest of the site. */
export type SiteGuest = ImageGuest | SnapshotGuest;

export type { ParameterText };

/** An extension that the site has as a bundle. */
export interface SiteExtension {
  readonly name: string;
  /** What it shows, in a sentence. */
  readonly title: string;
  /** Address of the bundle, relative to the site. */
  readonly bundle: string;
  /** The source that people read and edit. */
  readonly source: string;
  readonly parameters: readonly ParameterText[];
}

/** Values of parameters, as text by name. */
export type Settings = Readonly<Record<string, string>>;

/** What a site has: site.json. */
export interface SiteCatalog {
  readonly guests: readonly SiteGuest[];
  readonly extensions: readonly SiteExtension[];
}

/** A machine to switch on. */
export interface BootParameters {
  readonly guest: SiteGuest;
  /** A snapshot has its own number. */
  readonly processors: number;
  /** Extensions of a VMM that runs from power-on; without them there is none yet. */
  readonly modules?: readonly string[];
  /** Values of their parameters. */
  readonly settings?: Settings;
  /** Tell the state hash at each 10^8 instructions, whatever time that takes. */
  readonly allStates?: boolean;
  /** A recorded run, up to whose end nothing else comes in. */
  readonly replay?: readonly RecordedItem[];
}

/** What the page asks of its machine, and what it gets. */
export interface MachineRequests {
  /** Switches a machine on. Only one lives in a worker. */
  boot: { params: BootParameters; result: null };
  /** Gives a bundle a name, by which it is loaded. Other bundles of that name are forgotten. */
  addModule: { params: { readonly name: string; readonly code: string }; result: null };
  /** Loads extensions instead of the loaded ones; a running VMM is stopped first. */
  load: { params: { readonly modules: readonly string[]; readonly settings?: Settings }; result: null };
  start: { params: Record<string, never>; result: null };
  stop: { params: Record<string, never>; result: null };
  /** What the panels show. */
  view: { params: { readonly address?: string }; result: readonly ProcessorView[] };
  /** The run from its beginning up to now. */
  recording: { params: Record<string, never>; result: readonly RecordedItem[] };
  /** The state hash of the machine as it is, and how many of its instructions compiled code has executed. */
  hash: {
    params: Record<string, never>;
    result: { readonly hash: string; readonly instructions: number; readonly compiled: number };
  };
}

/** A method of the machine. */
export type MachineMethod = keyof MachineRequests;

/** A request, with the number by which its answer names it. */
export interface MachineRequest<M extends MachineMethod = MachineMethod> {
  readonly kind: 'request';
  readonly id: number;
  readonly method: M;
  readonly params: MachineRequests[M]['params'];
}

/** What the page sends. */
export type ToMachine = MachineRequest | { readonly kind: 'typed'; readonly bytes: readonly number[] };

/** How the machine is, several times a second. */
export interface MachineStatus {
  readonly instructions: number;
  /** Nanoseconds since power-on. */
  readonly virtualTime: number;
  readonly vmm: DriverState;
  /** Names of basic exit reasons, with how often the exits came. */
  readonly exits: readonly (readonly [reason: string, count: number])[];
  /** What extensions report. */
  readonly reports: Readonly<Record<string, Readonly<Record<string, ReportValue>>>>;
}

/** What the machine sends. */
export type FromMachine =
  | { readonly kind: 'console' | 'vmm'; readonly bytes: Uint8Array }
  | { readonly kind: 'status'; readonly status: MachineStatus }
  | { readonly kind: 'ended'; readonly outcome: string; readonly detail: string }
  /** Nothing goes on: a page of memory cannot be fetched, or there is a fault of the machine. */
  | { readonly kind: 'failed'; readonly message: string }
  /** States of the run at each 10^8 instructions of all processors. */
  | { readonly kind: 'state'; readonly instructions: number; readonly hash: string }
  /** The recorded run has come to its end. @property difference why it is not the recorded one */
  | { readonly kind: 'replayed'; readonly hash: string; readonly difference?: string }
  | { readonly kind: 'answer'; readonly id: number; readonly result: unknown }
  | { readonly kind: 'error'; readonly id: number; readonly message: string };
