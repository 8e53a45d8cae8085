// SPDX-License-Identifier: LGPL-2.1-only

/** Bytes to watch. */
export interface Watchpoint {
  /** Linear addresses, in whatever address space they are used, or physical ones of RAM and the VMM's memory. */
  readonly space: 'linear' | 'physical';
  readonly address: bigint;
  readonly bytes: number;
  /** The accesses at which the machine stops. */
  readonly access: 'write' | 'read' | 'any';
}

/** What a debugger wants to stop at. */
export interface WantedStops {
  /** Linear addresses of instructions, in whatever address space they are executed. */
  readonly breakpoints: readonly bigint[];
  readonly watchpoints: readonly Watchpoint[];
  /** Basic reasons of VM exits. */
  readonly exits: readonly number[];
}

/** An access that met a watchpoint. */
export interface WatchedAccess {
  readonly watchpoint: Watchpoint;
  /** In the space of the watchpoint. */
  readonly address: bigint;
  readonly bytes: number;
  readonly isWrite: boolean;
}

/** Why the machine stopped for its debugger. */
export type DebuggerStop =
  /** Before the instruction at a linear address. */
  | { readonly kind: 'breakpoint'; readonly processor: number; readonly address: bigint; readonly rip: bigint }
  /** Behind an instruction or the delivery of an event, which made an access; RIP is that of its beginning. */
  | ({ readonly kind: 'access'; readonly processor: number; readonly rip: bigint } & WatchedAccess)
  /** Behind a write that the processor made besides the instruction at RIP, as an accessed flag of a page walk. */
  | ({ readonly kind: 'structure'; readonly processor: number; readonly rip: bigint } & WatchedAccess)
  /** Behind a write of the machine itself: of a device, the VMX engine, or the VMM. */
  | ({ readonly kind: 'machine'; readonly processor: number; readonly trace: string } & WatchedAccess)
  /** Behind a VM exit and its handling. */
  | { readonly kind: 'exit'; readonly processor: number; readonly reason: number };
