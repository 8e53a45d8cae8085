// SPDX-License-Identifier: LGPL-2.1-only
import { BareflankError } from '../../intrinsics/errors.js';
import { Constants } from '../layout/core_constants.js';
import { Layout } from '../layout/layout.js';
import { regions, Sizes } from '../layout/regions.js';
import type { Execution } from '../intrinsics/execution.js';
import { exitReasons } from '../processor/processor_counters.js';
import type { WasmCore } from '../processor/wasm_core.js';
import { VmcsField } from '../../intrinsics/vmcs/vmcs_fields.js';
import { slotOf } from '../vmx/vmcs/field_slots.js';
import type { DebuggerStop, WantedStops, WatchedAccess, Watchpoint } from './debugger_stop.js';

const pageMask = 0xfffn;
const exitReason = slotOf(VmcsField.ExitReason);
const accessBits: Readonly<Record<Watchpoint['access'], number>> = {
  read: Constants.WATCH_READ,
  write: Constants.WATCH_WRITE,
  any: Constants.WATCH_READ | Constants.WATCH_WRITE,
};
/** No processor has this number. */
const NOBODY = 0xffffffff;
const NONE: WantedStops = { breakpoints: [], watchpoints: [], exits: [] };

/** A watchpoint with its addresses as the core has them. */
interface PlacedWatchpoint {
  readonly watchpoint: Watchpoint;
  readonly first: bigint;
  readonly last: bigint;
}

/**
 * Breakpoints, watchpoints and VM exits at which a debugger stops the machine. They are the core's own: no byte of guest memory changes, no debug register
 * is used, and the run is the same with and without them. A run that meets one ends its quantum early; `take` then says why.
 *
 * A breakpoint stops before its instruction. A watchpoint stops behind the instruction that made the access. One that is physical meets devices and the VMM
 * too.
 */
export class MachineStops {
  private watched: readonly PlacedWatchpoint[] = [];
  /** Of the writes that the core has not seen. */
  private machineWrite: (WatchedAccess & { readonly trace: string }) | undefined;

  constructor(
    private readonly core: WasmCore,
    private readonly execution: Execution,
  ) {}

  /** Whether the machine has met one, and `take` was not called since. */
  get isMet(): boolean {
    return this.u32[Layout.HIT / 4] !== 0;
  }

  /**
   * Replaces what the machine stops at. Call it between two quanta.
   *
   * @throws BareflankError for too many, or for memory that does not exist; then nothing has changed
   */
  set(wanted: WantedStops): void {
    const { breakpoints, watchpoints, exits } = wanted;
    checkCount('breakpoints', breakpoints.length, Sizes.MOST_BREAKPOINTS);
    checkCount('watchpoints', watchpoints.length, Sizes.MOST_WATCHPOINTS);
    const placed = watchpoints.map((watchpoint) => this.placed(watchpoint));
    this.setBreakpoints(breakpoints);
    this.setWatchpoints(placed);
    const reasons = Uint8Array.from({ length: exitReasons }, (_, reason) => (exits.includes(reason) ? 1 : 0));
    this.u32[Layout.PASSED_PROCESSOR / 4] = NOBODY;
    for (const { processor } of this.execution.processors)
      processor.stopsAtExit = exits.length === 0 ? undefined : reasons;
  }

  /** @throws BareflankError for memory that does not exist */
  check(watchpoint: Watchpoint): void {
    this.placed(watchpoint);
  }

  /** The debugger has gone: the core looks for nothing any more. */
  clear(): void {
    const { core } = this;
    this.set(NONE);
    this.forget();
    if (!this.looksForBreakpoints) return;
    this.u32[Layout.LOOKS_AT_BRANCHES / 4]! &= ~Constants.BRANCHES_TO_BREAKPOINTS;
    this.offsets.fill(0);
    core.flushCode();
  }

  /** The processor that executes, or did last. */
  get processor(): number {
    return this.execution.processor.id;
  }

  /**
   * The machine goes on. The breakpoint at which its processor is now does not stop it again until its instruction has retired, or until the next `set`.
   */
  pass(): void {
    const { id, core } = this.execution.processor;
    const { block } = core;
    this.u32[Layout.PASSED_PROCESSOR / 4] = id;
    this.u64[Layout.PASSED_COUNT / 8] = BigInt(core.instructionCount);
    this.u64[Layout.PASSED_ADDRESS / 8] = linearRip(block.get('CS').base, block.get('RIP'), block.get('MODE'));
  }

  /** What the machine has met first since the last call. */
  take(): DebuggerStop | undefined {
    const stop = this.met();
    this.forget();
    return stop;
  }

  private get u32(): Uint32Array {
    return this.core.u32;
  }
  private get u64(): BigUint64Array {
    return this.core.u64;
  }
  private get offsets(): Uint8Array {
    return this.core.u8.subarray(Layout.BREAK_OFFSETS, Layout.BREAK_OFFSETS + Sizes.BREAK_OFFSETS);
  }
  private get looksForBreakpoints(): boolean {
    return (this.u32[Layout.LOOKS_AT_BRANCHES / 4]! & Constants.BRANCHES_TO_BREAKPOINTS) !== 0;
  }

  private forget(): void {
    this.u32[Layout.HIT / 4] = 0;
    this.machineWrite = undefined;
  }

  private setBreakpoints(addresses: readonly bigint[]): void {
    const { u32, u64, offsets } = this;
    u32[Layout.BREAKPOINT_COUNT / 4] = addresses.length;
    addresses.forEach((address, i) => (u64[Layout.BREAKPOINTS / 8 + i] = address));
    const wanted = new Uint8Array(Sizes.BREAK_OFFSETS);
    for (const address of addresses) {
      const offset = Number(address & pageMask);
      wanted[offset >> 3]! |= 1 << (offset & 7);
    }
    // Debuggers take their breakpoints away at each stop. Code that is cut for them already can stay.
    if (wanted.every((bits, i) => (bits & ~offsets[i]!) === 0)) return;
    offsets.set(wanted);
    u32[Layout.LOOKS_AT_BRANCHES / 4]! |= Constants.BRANCHES_TO_BREAKPOINTS;
    this.core.flushCode();
  }

  private setWatchpoints(placed: readonly PlacedWatchpoint[]): void {
    const { u32, u64, core } = this;
    const had = this.watched.length;
    this.watched = placed;
    placed.forEach(({ watchpoint: { space, access }, first, last }, i) => {
      const at = Layout.WATCHPOINTS + i * Constants.WATCHPOINT_BYTES;
      u64[(at + Constants.WATCHPOINT_FIRST) / 8] = first;
      u64[(at + Constants.WATCHPOINT_LAST) / 8] = last;
      u32[(at + Constants.WATCHPOINT_ACCESS) / 4] = accessBits[access];
      u32[(at + Constants.WATCHPOINT_SPACE) / 4] = space === 'linear' ? Constants.SPACE_LINEAR : Constants.SPACE_MEMORY;
    });
    u32[Layout.WATCHPOINT_COUNT / 4] = placed.length;
    const isPhysical = placed.some(({ watchpoint }) => watchpoint.space === 'physical');
    core.writeListener = isPhysical ? (offset, size) => this.written(offset, size) : undefined;
    if ((had === 0) === (placed.length === 0)) return;
    this.execution.eachLoaded(() => core.watchpointsChanged());
  }

  private placed(watchpoint: Watchpoint): PlacedWatchpoint {
    const { space, address, bytes } = watchpoint;
    const size = BigInt(bytes);
    if (bytes < 1 || BigInt.asUintN(64, address + size - 1n) < address)
      throw new BareflankError(`a watchpoint of ${bytes} bytes at 0x${address.toString(16)}: wanted at least one byte`);
    if (space === 'linear') return { watchpoint, first: address, last: address + size - 1n };
    const [first, last] = [address, address + size - 1n].map((each) => this.offsetOf(each));
    if (first === undefined || last === undefined || last - first !== size - 1n)
      throw new BareflankError(
        `physical 0x${address.toString(16)}, ${bytes} bytes: only RAM and the VMM's memory can be watched`,
      );
    return { watchpoint, first, last };
  }

  private offsetOf(physical: bigint): bigint | undefined {
    const at = this.core.physicalOffset(Number(physical));
    return at < 0 ? undefined : BigInt(at - regions.RAM);
  }

  private written(offset: number, size: number): void {
    const [from, to] = [BigInt(offset), BigInt(offset + size - 1)];
    const met = this.watched.find(
      ({ watchpoint: { space, access }, first, last }) =>
        space === 'physical' && access !== 'read' && first <= to && from <= last,
    );
    // Of several writes by which the machine handles one exit or call, the last one counts.
    if (met === undefined || (this.isMet && this.machineWrite === undefined)) return;
    const { watchpoint, first } = met;
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = TRACE_FRAMES;
    const trace = new Error().stack ?? '';
    Error.stackTraceLimit = stackTraceLimit;
    this.machineWrite = { watchpoint, address: watchpoint.address + (from - first), bytes: size, isWrite: true, trace };
    this.u32[Layout.HIT / 4] = Constants.HIT_MACHINE;
  }

  private met(): DebuggerStop | undefined {
    const { u32, u64, machineWrite } = this;
    const { id: processor, engine } = this.execution.processor;
    const rip = u64[Layout.HIT_RIP / 8]!;
    switch (u32[Layout.HIT / 4]) {
      case Constants.HIT_BREAKPOINT:
        return { kind: 'breakpoint', processor, address: u64[Layout.HIT_ADDRESS / 8]!, rip };
      case Constants.HIT_ACCESSED:
        return { kind: 'access', processor, rip, ...this.access() };
      case Constants.HIT_STRUCTURE:
        return { kind: 'structure', processor, rip, ...this.access() };
      case Constants.HIT_MACHINE:
        return { kind: 'machine', processor, ...machineWrite! };
      case Constants.HIT_EXIT: {
        const reason = engine.vmcs.low(exitReason) & (exitReasons - 1);
        return { kind: 'exit', processor, reason };
      }
      default:
        return undefined;
    }
  }

  private access(): WatchedAccess {
    const { u32, u64 } = this;
    const { watchpoint, first } = this.watched[u32[Layout.HIT_WATCHPOINT / 4]!]!;
    return {
      watchpoint,
      address: watchpoint.address + (u64[Layout.HIT_ADDRESS / 8]! - first),
      bytes: u32[Layout.HIT_BYTES / 4]!,
      isWrite: (u32[Layout.HIT_ACCESS / 4]! & Constants.WATCH_WRITE) !== 0,
    };
  }
}

/** From a store in an extension's handler down to it there are a dozen frames. */
const TRACE_FRAMES = 40;

function checkCount(what: string, count: number, most: number): void {
  if (count > most) throw new BareflankError(`${count} ${what}: the machine has room for ${most}`);
}

/** As the core has it: outside 64-bit mode RIP is an offset in CS. */
function linearRip(base: bigint, rip: bigint, mode: number): bigint {
  return (mode & Constants.MODE_64) !== 0 ? rip : BigInt.asUintN(32, base + rip);
}
