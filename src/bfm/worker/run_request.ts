// SPDX-License-Identifier: LGPL-2.1-only
import type { TierRequest } from '../options/tier_option.js';
import type { ExecutedRegions } from '../../machine/compiled/compiled_tier.js';
import type { CheckpointFacts } from '../../session/replay/replay_session.js';
import type { DeathPlaces } from '../death/death_report.js';
import type { ReportedExit } from '../../session/reported_exit.js';
import type { TraceFilter } from '../../session/trace/trace_filter.js';
import type { ConsoleRequest } from './console_file.js';
import type { StuckProcessor } from './stuck_report.js';
import type { Problem } from '../failures/problem.js';
import type { InspectAddress } from '../options/inspect_address.js';

/** When the VMM takes the processor: at its first instruction, under the running guest, or not at all. */
export type StartMode = 'boot' | 'late' | 'off';

/** What `--initrd` named. */
export interface InitrdRequest {
  /** Absolute path. */
  readonly file: string;
  /** The module's arguments, without its name; empty for most. */
  readonly arguments: string;
}

/** What `--disk` named. */
export interface DiskRequest {
  /** Absolute path. */
  readonly path: string;
  /** Writes of the guest change the file. */
  readonly isWritable: boolean;
}

/** What `--symbols` named. */
export interface SymbolsRequest {
  /** Absolute path. */
  readonly file: string;
  /** What is added to its addresses, as a decimal number. */
  readonly offset?: string;
}

/** The run ends when the machine is saved. */
export interface SaveRequest {
  /** Absolute path. */
  readonly path: string;
  /** Once this text appears on the guest's console, or after so many instructions of all processors together. */
  readonly at: string | number;
  /** Restore the state into a second machine first, and compare the next VM exits. */
  readonly verifies?: true;
}

/** What `--record` named. */
export interface RecordRequest {
  /** Absolute path. */
  readonly file: string;
  /** The recording has the code of the VMM's modules too. */
  readonly withCode: boolean;
}

/** A port for GDB. */
export interface GdbRequest {
  /** The machine waits for a client before its first instruction. */
  readonly waits: boolean;
}

/** What `--trace` named. */
export interface TraceRequest {
  /** Absolute path. */
  readonly file: string;
  /** Events of each kind that are kept, the newest. */
  readonly limit: number;
  readonly filter?: TraceFilter;
}

/** What `--profile` named. */
export interface ProfileRequest {
  /** Absolute path. */
  readonly file: string;
  /** Virtual nanoseconds between two samples of a processor. */
  readonly interval: number;
}

/** Everything a run needs, checked, as plain data: it travels into the worker. */
export interface RunRequest {
  /** What to boot, or the snapshot to go on from. */
  readonly kernel: string;
  /** `kernel` is a snapshot: it says which machine to make. */
  readonly isRestored?: true;
  readonly save?: SaveRequest;
  /** The RAM disk of a Linux kernel, or the modules of a multiboot or PVH kernel. */
  readonly initrd?: readonly InitrdRequest[];
  readonly disks?: readonly DiskRequest[];
  readonly virtioConsole?: ConsoleRequest;
  /** Files of names. The VMM knows them too, so they are a part of the run. */
  readonly symbols?: readonly SymbolsRequest[];
  readonly append: string;
  readonly memoryBytes: number;
  readonly processors: number;
  /** The name of the processor model. */
  readonly cpu: string;
  /** Absolute paths of module files. */
  readonly modules: readonly string[];
  /** Values of the modules' parameters, as text by name. */
  readonly settings: Readonly<Record<string, string>>;
  readonly start: StartMode;
  /** Of a run from a snapshot: `start` or `startAt` is what the command line says, not the default. */
  readonly isStartGiven?: true;
  /** Late start: once this text appears on the console; without it, the first time that every processor is idle. */
  readonly startAt?: string;
  /** The run ends once this text appears on the guest's console. */
  readonly until?: string;
  /** Idle time passes as fast as possible, or in real time. */
  readonly pace: 'real' | 'fast';
  /** Seconds since 1970 at power-on. */
  readonly rtcStart?: number;
  /** Modules see the host's clock and random numbers, so no recording is possible. */
  readonly realClock?: boolean;
  /** Remember where each VMCS field was written. */
  readonly traceVmcs?: boolean;
  /** Virtual nanoseconds that each VM exit takes; 0 if it is not there. */
  readonly exitCost?: number;
  /** With QEMU's pc-testdev. */
  readonly testDevice: boolean;
  /** Hot code of the guest is compiled unless this says otherwise. It changes speed only, so no recording and no snapshot has it. */
  readonly tier?: TierRequest;
  /** Show the compiled region that holds this linear address, as in "0x1000", or what has this name. */
  readonly dumpCompiled?: string;
  /** Write down the run. */
  readonly record?: RecordRequest;
  readonly gdb?: GdbRequest;
  /** Write a trace of it. */
  readonly trace?: TraceRequest;
  /** Write a profile of it. */
  readonly profile?: ProfileRequest;
}

/** The start data of a worker with a machine. */
export interface RunWorkerData<R = RunRequest> {
  readonly request: R;
  /** Of a `RunControl`. */
  readonly control: SharedArrayBuffer;
  /** Its code may be debugged. */
  readonly inspect?: InspectAddress | undefined;
  /** Marks the worker's messages; see `Seal`. */
  readonly seal: string;
}

/** How a run ended. */
export type Outcome =
  | 'reached'
  | 'saved'
  | 'powered-off'
  | 'halted'
  | 'debug-exit'
  | 'reset'
  | 'dead'
  | 'timeout'
  | 'interrupted'
  | 'error'
  /** A recorded run ran again to its end, or it differed. */
  | 'replayed'
  | 'diverged'
  /** It ran again as far as the recording goes, which has no end. */
  | 'incomplete';

/** A point of a replay at which it stopped. */
export interface PointReport {
  /** Which one, in words. */
  readonly point: string;
  readonly instructions: number;
  readonly virtualTime: number;
  /** VM exits. */
  readonly exits: number;
  readonly stateHash: string;
  /** Real time that it took to come there. */
  readonly milliseconds: number;
  /** The state of the processors, for people; and as data. */
  readonly detail: string;
  readonly places?: DeathPlaces;
}

/** A VM exit of one of two runs, with the lines of registers that the other run does not have after it; or why there is none. */
export type ComparedCell =
  (ReportedExit & { readonly processor: number; readonly registers: readonly string[] }) | string;

/** How a recorded run and the same run under other modules compare. */
export interface ComparisonReport {
  /** VM exits that were alike. */
  readonly exits: number;
  /** What differs first. */
  readonly difference: string | null;
  /** The exits around the difference. */
  readonly rows: readonly (readonly [recorded: ComparedCell, changed: ComparedCell])[];
}

/** What is known about a run when it has ended. */
export interface RunReport {
  readonly outcome: Outcome;
  /** One sentence or a report of several lines: why it ended like that. */
  readonly detail: string;
  readonly machine: {
    /** The machine's own counter of VM exits, by the reason's name in snake case. */
    readonly exits: Readonly<Record<string, number>>;
    readonly instructions: number;
    /** Of a run from a snapshot: the instructions that the snapshot had. */
    readonly restoredAt?: number;
    /** Nanoseconds of virtual time: instructions, and jumps over idle time. */
    readonly virtualTime: number;
    /** The value that the guest wrote to port F4h. */
    readonly debugExit: number | null;
    /** Digest of registers, memory and devices: equal runs give equal digests. */
    readonly stateHash?: string;
    /** What was compiled, if anything could be: regions, bytes of WebAssembly and milliseconds that took, and the instructions that they executed. */
    readonly compiled?: CompiledFigures;
    /** Of a run that was killed in a handler. */
    readonly stuck?: StuckProcessor;
  } & DeathPlaces;
  /** Named values that extensions report; null if the worker was killed. */
  readonly extensions: Readonly<Record<string, Readonly<Record<string, number | string>>>> | null;
  /** Wall-clock milliseconds from the guest's first instruction to the end. */
  readonly milliseconds: number;
  /** Of a late start: when the VMM took over, or that it never did. */
  readonly lateStart?: string;
  /** Of a trace: its file, and what is missing in it. */
  readonly trace?: string;
  /** Of `--dump-compiled`, for people: the region, or why there is none. */
  readonly compiledRegion?: string;
  /** Of a profile, for people: where the guest was most. */
  readonly profile?: string;
  /** The trace or the profile could not be written; they say why. */
  readonly unwritten?: true;
  /** Of a replay: the points of `--until` that it came to. */
  readonly points?: readonly PointReport[];
  /** Of a replay that looked for the last writer of memory: the answer, and the instructions before it; null: nothing has written there. */
  readonly lastWrite?: { readonly text: string; readonly instructions: number | null };
  /** Of a replay that was compared with one under other modules. */
  readonly comparison?: ComparisonReport;
  /** Of a replay that took checkpoints. */
  readonly checkpoints?: CheckpointFacts;
  /** The worker was killed. Exits are exact; instructions and time are those of the last VM exit or of the end of the last quantum. */
  readonly forced?: true;
}

/** What the compiled tier did in a run. */
export interface CompiledFigures extends ExecutedRegions {
  readonly regions: number;
  readonly modules: number;
  readonly bytes: number;
  readonly milliseconds: number;
  /** The longest time that the guest waited for it. */
  readonly longestMilliseconds: number;
  /** Why nothing more was compiled, if the host had no room for it. */
  readonly failure?: string;
}

/** The end of a guest's console. */
export interface ShownConsole {
  /** The last lines, without control characters. */
  readonly lines: readonly string[];
  /** The last line is not complete: it may be a prompt. */
  readonly isOpen: boolean;
}

/** What the worker tells the main thread. */
export type WorkerMessage =
  | { readonly kind: 'console'; readonly bytes: Uint8Array }
  | { readonly kind: 'vmm'; readonly bytes: Uint8Array }
  | { readonly kind: 'handlers'; readonly names: readonly string[] }
  /** Input has reached the guest's port: there is room for more. */
  | { readonly kind: 'typed' }
  /** Code of the VMM or of extensions is called, outside VM exits and quanta; `what` names it for the watchdog. undefined: the call has returned. */
  | { readonly kind: 'calling'; readonly what: string | undefined }
  /** The modules were reloaded, or the reload was refused: a text for people. */
  | { readonly kind: 'reloaded'; readonly text: string }
  | { readonly kind: 'running' }
  /** The machine goes on from a snapshot: where it is, and the end of what its guest's console showed. */
  | { readonly kind: 'restored'; readonly instructions: number; readonly console: ShownConsole }
  /** The guest has stopped. Only the VMM's last output comes now. */
  | { readonly kind: 'stopped' }
  /** A debugger holds the machine, or lets it go on. */
  | { readonly kind: 'held'; readonly isHeld: boolean }
  /** For the client at GDB's port. */
  | { readonly kind: 'gdb'; readonly text: string }
  | { readonly kind: 'ended'; readonly report: RunReport }
  | { readonly kind: 'failed'; readonly problem: Problem };
