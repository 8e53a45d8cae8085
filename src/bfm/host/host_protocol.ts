// SPDX-License-Identifier: LGPL-2.1-only
import type { GdbAddress } from '../gdb/gdb_address.js';
import type { RunRequest } from '../worker/run_request.js';
import type { DriverState } from '../../driver/driver.js';
import type { Reloaded } from '../../driver/reloaded.js';

/** Registers of a VMCALL on their way through JSON: hexadecimal, with 0x. */
export type WireRegisters = Readonly<Record<string, string>>;

/** What a host knows about its machine at any moment. */
export interface HostStatus {
  readonly state: DriverState;
  /** How the guest ended, if it did. */
  readonly ending?: string | undefined;
  /** The request that the machine has not finished. */
  readonly busy?: string | undefined;
}

/** The JSON-RPC requests of a client: parameters and result by method. Bytes travel in base64. */
export interface HostRequests {
  status: { params: object; result: HostStatus };
  load: {
    params: { files: readonly string[]; settings?: Readonly<Record<string, string>> | undefined };
    result: null;
  };
  /** @param files the default are those that are loaded */
  reload: { params: { files?: readonly string[] | undefined }; result: Reloaded };
  unload: { params: object; result: null };
  start: { params: object; result: null };
  stop: { params: object; result: null };
  dump: { params: { vcpuid: string }; result: { text: string } };
  vmcall: { params: { cpuid: number; registers: WireRegisters }; result: { registers: WireRegisters } };
  vmcallData: { params: { cpuid: number; type: number; data: string }; result: { data: string } };
  /** Writes the machine into a snapshot; it goes on. @param path absolute */
  save: { params: { path: string }; result: { instructions: number } };
  /** Evaluates JavaScript about the machine. @param session whose variables it sees. The text is the value; undefined: there is none */
  evaluate: { params: { code: string; session?: string | undefined }; result: { text?: string | undefined } };
  /** Opens a port for GDB. @param address the default is a socket next to the machine's own. @returns what GDB's `target remote` takes */
  gdb: { params: { address?: GdbAddress | undefined }; result: { target: string } };
  /** Closes it; a client that is there hears of it, and the machine runs on. */
  closeGdb: { params: object; result: null };
  /** Of the host to its machine: it takes what comes in from GDB's port from now on. */
  debug: { params: object; result: null };
  /** SHA-256 of guest RAM, to compare two runs. */
  memoryHash: { params: object; result: { sha256: string } };
  /** The machine stops the VMM, unloads it and ends. */
  remove: { params: object; result: null };
}

/** A method of `HostRequests`. */
export type HostMethod = keyof HostRequests;

/** A method that the machine answers, between two quanta. The host's own thread answers the others. */
export type MachineMethod = Exclude<HostMethod, 'status' | 'gdb' | 'closeGdb'>;

/** Methods that only the host's own thread answers. */
export const ATTACH = 'attach';
/** Request to the host: bytes typed at the console. It is answered once they are on their way to the guest. */
export const TYPE = 'type';
/** Notification to a client: bytes of the guest's console. */
export const CONSOLE = 'console';
/** Notification to a client: bytes of the VMM's serial port. */
export const VMM = 'vmm';
/** Notification to a client: the number of output bytes that were dropped, because it did not read them in time. */
export const DROPPED = 'dropped';
/** Notification to a client: the machine has ended, with the reason. */
export const ENDED = 'ended';

/** Answer to `attach`: the kept part of the console, and how the machine ended if it did. */
export interface AttachAnswer {
  readonly backlog: string;
  readonly ending?: string | undefined;
}

/** Everything a hosted machine needs, checked, as plain data. */
export interface WorkerRequest {
  readonly id: number;
  readonly method: MachineMethod | typeof TYPE;
  readonly params: unknown;
}

/** What the machine's worker tells the host. */
export type HostedMessage =
  | { readonly kind: 'console' | 'vmm'; readonly bytes: Uint8Array }
  /** The state of the VMM and the names of its handlers; before each answer. */
  | { readonly kind: 'state'; readonly state: DriverState; readonly handlers: readonly string[] }
  /** Input has reached the guest's port: there is room for more. */
  | { readonly kind: 'typed' }
  /** Code of the VMM or of extensions is called, outside the guest's VM exits; without `what`, the call has returned. */
  | { readonly kind: 'calling'; readonly what: string | undefined }
  | { readonly kind: 'ready' }
  /** The guest has ended: a line at once, and the whole report when it is written. */
  | { readonly kind: 'ended'; readonly detail: string; readonly isWhole: boolean }
  | { readonly kind: 'answer'; readonly id: number; readonly result: unknown }
  | { readonly kind: 'error'; readonly id: number; readonly message: string }
  /** For GDB's client. */
  | { readonly kind: 'gdb'; readonly text: string }
  /** GDB's client wants the end of the machine. */
  | { readonly kind: 'killed' }
  | { readonly kind: 'failed'; readonly message: string };

/** What the host process gets from the command that started it. It waits for this. */
export interface HostStart {
  readonly request: RunRequest;
  /** Of the socket. */
  readonly path: string;
  /** Reload modules when they change. */
  readonly watches: boolean;
  /** A port for GDB, of which the command is told. */
  readonly gdb?: { readonly address?: GdbAddress | undefined } | undefined;
}

/** What the host process tells the command that started it. */
export type HostStartMessage = { readonly ready: true; readonly gdbTarget?: string } | { readonly failed: string };
