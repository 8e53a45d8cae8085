// SPDX-License-Identifier: LGPL-2.1-only
// Which local APICs a destination names. SDM 3A "Determining IPI Destination".

/** The physical destination of all processors. Senders with a destination of 8 bits write FFH. */
export const BROADCAST = 0xffffffff;

/** A destination of 8 bits in the form that all senders share. */
export function wideDestination(destination: number, logical: boolean): number {
  return destination === 0xff && !logical ? BROADCAST : destination;
}

/** What decides whether a destination names an APIC. */
export interface DestinationState {
  readonly isX2apic: boolean;
  readonly id: number;
  /** Logical destination register. */
  readonly ldr: number;
  /** Destination format register, of the xAPIC mode. */
  readonly dfr: number;
}

/** The logical destination register in x2APIC mode: the cluster of 16 processors, and a bit for the processor in it. */
export function logicalId(id: number): number {
  return ((id >>> 4) << 16) | (1 << (id & 15));
}

/** Whether a destination names an APIC. @param destination as `wideDestination` gives it. */
export function isDestination(apic: DestinationState, destination: number, logical: boolean): boolean {
  if (!logical) return destination === BROADCAST || destination === apic.id;
  if (apic.isX2apic) {
    const ldr = logicalId(apic.id);
    return destination === BROADCAST || (destination >>> 16 === ldr >>> 16 && (destination & ldr & 0xffff) !== 0);
  }
  const ldr = apic.ldr >>> 24;
  if (apic.dfr >>> 28 === 0xf) return (ldr & destination) !== 0;
  // Cluster model: the high nibble names the cluster, the low one members of it.
  return (destination >> 4 === 15 || destination >> 4 === ldr >> 4) && (destination & ldr & 15) !== 0;
}
