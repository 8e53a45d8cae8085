// SPDX-License-Identifier: LGPL-2.1-only
import { wideDestination } from './interrupt_destination.js';
import { isReservedForDevices, type DeliveryMode, type InterruptMessages } from './interrupt_messages.js';

/** Where a write becomes an interrupt message: FEEx_xxxxh. */
const MESSAGE_ADDRESS = 0xfee;
const LOGICAL_DESTINATION = 0x4;

/**
 * Sends the interrupt that a function asks for by writing `data` to `address`. Other addresses reach no local APIC, and nothing happens.
 * SDM 3A "Message Signalled Interrupts".
 */
export function sendMessageSignalled(messages: InterruptMessages, address: number, data: number): void {
  if (address >>> 20 !== MESSAGE_ADDRESS) return;
  const mode = ((data >>> 8) & 7) as DeliveryMode;
  if (isReservedForDevices(mode)) return;
  const message = { vector: data & 0xff, mode, level: false, asserted: true };
  const isLogical = (address & LOGICAL_DESTINATION) !== 0;
  messages.send(message, wideDestination((address >>> 12) & 0xff, isLogical), isLogical);
}
