// SPDX-License-Identifier: LGPL-2.1-only
// Physical addresses: RAM, the VMM's memory at 4 GiB, and devices. An operand that is not in one piece of RAM goes by way of a bounce slot.
import {
  BOUNCE, BOUNCE_WORDS, CURRENT_RECORD, DIRTY, PAGE_MAP, RAM, RAM_BYTES, VMX_EPTP, VMX_MODE, CARVE_OUT_GIB,
  CARVE_OUT_BYTES, CARVE_OUT_VMM_BYTES, CARVE_OUT_VMM, CARVE_OUT_DRIVER, CARVE_OUT_ACCESS, CARVE_OUT_STRUCTURES,
} from "../generated/layout";
import { WRITE } from "../state/access_kind";
import { codeWritten } from "../decode/code";
import { restartStepping } from "../events/interrupt";

@external("env", "mmioRead") declare function mmioRead(address: f64, size: u32): u32;
@external("env", "mmioWrite") declare function mmioWrite(address: f64, size: u32, value: u32): void;

/** True while the processor executes exactly one instruction at a time: device accesses need not restart it. */
export let stepping: bool = false;
export function setStepping(on: bool): void { stepping = on; }
/** True in a guest with EPT. */
@inline export function usesEpt(): bool { return load<u32>(VMX_MODE) == 2 && load<u64>(VMX_EPTP) != 0; }

/** Address in the machine's memory of a physical address in RAM or in one of `parts` of the carve-out, 0 if there is no memory. */
@inline function hostIn(pa: u64, parts: u32): usize {
  const ram = <u64>load<u32>(RAM_BYTES);
  if (pa < ram) return RAM + <usize>pa;
  const beyond = pa - (<u64>CARVE_OUT_GIB << 30);
  if (beyond >= CARVE_OUT_BYTES) return 0;
  return (parts & (beyond < CARVE_OUT_VMM_BYTES ? CARVE_OUT_VMM : CARVE_OUT_DRIVER)) != 0 ? RAM + <usize>ram + <usize>beyond : 0;
}
/**
 * The same for an access of software, after all translation: 0 is where a device answers or nobody. Without EPT no guest and no system reaches the
 * VMM's memory; with EPT its owner decides. The driver's pages are there for the driver's context only.
 */
export function accessedHost(pa: u64): usize {
  return hostIn(pa, load<u32>(CARVE_OUT_ACCESS) | (usesEpt() ? load<u32>(CARVE_OUT_STRUCTURES) : 0));
}
/** The same for a structure that a VMCS names: EPT tables, bitmaps. */
export function structureHost(pa: u64): usize { return hostIn(pa, load<u32>(CARVE_OUT_STRUCTURES)); }
/** Notes that a page of RAM changes: for the state hash. */
@inline export function markDirty(host: usize): void { store<u8>(DIRTY + ((host - RAM) >> 12), 1); }
/** True after an access to a device, until the next watchDevices(): a repeated string instruction goes on with the next element later. */
export let deviceTouched: bool = false;
export function watchDevices(): void { deviceTouched = false; }
let nextBounce: u32 = 0;
/** A bounce slot for an operand in one or two pieces; its old value is read in if wanted. */
export function bounce(first: u64, second: u64, inFirst: u32, size: u32, kind: u32): usize {
  if (!accessedHost(first) || (inFirst < size && !accessedHost(second))) {
    if (!stepping && load<u32>(CURRENT_RECORD) != 0) restartStepping();
    deviceTouched = true;
  }
  const i = nextBounce++ & 3, at = BOUNCE + i * 16, words = BOUNCE_WORDS + i * 32;
  store<u64>(words, first, 0);
  store<u64>(words, second, 8);
  store<u32>(words, size, 16);
  store<u32>(words, inFirst, 20);
  if (kind != WRITE) {
    readPhysical(first, at, inFirst);
    if (inFirst < size) readPhysical(second, at + inFirst, size - inFirst);
  }
  return at;
}
/** Writes a bounce slot to where it belongs. */
export function flushBounce(p: usize): void {
  const at = BOUNCE + ((p - BOUNCE) & ~15), words = BOUNCE_WORDS + ((p - BOUNCE) >> 4) * 32;
  const size = load<u32>(words, 16), inFirst = load<u32>(words, 20);
  writePhysical(load<u64>(words, 0), at, inFirst);
  if (inFirst < size) writePhysical(load<u64>(words, 8), at + inFirst, size - inFirst);
}
/** Largest naturally aligned piece, at most 4 bytes. */
function piece(pa: u64, n: u32): u32 {
  if (!(pa & 3) && n >= 4) return 4;
  return !(pa & 1) && n >= 2 ? 2 : 1;
}
/** Copies physical memory or device registers into the machine's memory. */
export function readPhysical(pa: u64, to: usize, n: u32): void {
  const host = accessedHost(pa);
  if (host) { memory.copy(to, host, n); return; }
  for (let done: u32 = 0; done < n;) {
    const size = piece(pa + done, n - done), v = mmioRead(<f64>(pa + done), size);
    if (size == 4) store<u32>(to + done, v); else if (size == 2) store<u16>(to + done, <u16>v); else store<u8>(to + done, <u8>v);
    done += size;
  }
}
/** The inverse; decoded code and the dirty map are told. */
export function writePhysical(pa: u64, from: usize, n: u32): void {
  const host = accessedHost(pa);
  if (host) {
    memory.copy(host, from, n);
    markDirty(host);
    if (load<u32>(PAGE_MAP + ((host - RAM) >> 12) * 4)) codeWritten(<u32>(host - RAM), n);
    return;
  }
  for (let done: u32 = 0; done < n;) {
    const size = piece(pa + done, n - done);
    mmioWrite(<f64>(pa + done), size, size == 4 ? load<u32>(from + done) : size == 2 ? load<u16>(from + done) : load<u8>(from + done));
    done += size;
  }
}
