// SPDX-License-Identifier: LGPL-2.1-only
// Words of the processor that a guest seldom changes: a VM exit compares them with what they were at the exit before, so that the engine
// saves them field by field only then. SDM 3C "Saving Guest State".
import { CR0, DEBUGCTL, DR7, EFER, ES_BASE, EXIT_COLD_CHANGED, EXIT_COLD_COPY, PAT, SYSENTER_CS, SYSENTER_EIP, SYSENTER_ESP } from "./layout";

/** Compares 8 bytes with their copy and renews it. @returns the bits that differ. */
@inline function renew(word: usize, copy: usize): u64 {
  const now = load<u64>(word), before = load<u64>(copy);
  store<u64>(copy, now);
  return now ^ before;
}

/** Sets EXIT_COLD_CHANGED. Segment and table registers stand in one run of words, from ES_BASE up to CR0. */
export function compareColdState(): void {
  const bytes = CR0 - ES_BASE;
  let difference: u64 = 0;
  for (let at: usize = 0; at < bytes; at += 8) difference |= renew(ES_BASE + at, EXIT_COLD_COPY + at);
  const rest = EXIT_COLD_COPY + bytes;
  difference |= renew(DR7, rest) | renew(EFER, rest + 8) | renew(PAT, rest + 16) | renew(DEBUGCTL, rest + 24);
  difference |= renew(SYSENTER_CS, rest + 32) | renew(SYSENTER_ESP, rest + 40) | renew(SYSENTER_EIP, rest + 48);
  store<u32>(EXIT_COLD_CHANGED, u32(difference != 0));
}
