// SPDX-License-Identifier: LGPL-2.1-only
import type { DescriptorChain } from './descriptor_chain.js';
import { DriverFault } from './driver_fault.js';
import type { VirtioDevice } from './virtio_device.js';

/** What a console is connected to. */
export interface ConsolePort {
  /** Takes what the guest prints. */
  readonly output: (bytes: Uint8Array) => void;
  /** What is typed at the console, once the guest has printed something. */
  readonly input: Uint8Array;
}

/** The queues of port 0. The device has no other port: it does not offer VIRTIO_CONSOLE_F_MULTIPORT. */
const Queue = { Receive: 0, Transmit: 1 } as const;

/** A driver prints at most as much at a time. */
const MOST_BYTES = 0x100000;
/** Bytes that are copied at a time. */
const CHUNK = 0x10000;

interface VirtioConsoleState {
  /** Bytes of the input that the guest has read. */
  typed: number;
  /** Bytes that the guest has printed. */
  printed: number;
}

/** The console device, which Linux calls hvc0. VIRTIO 1.2 "Console Device". */
export class VirtioConsole implements VirtioDevice {
  readonly name = 'virtio_console';
  readonly type = 3;
  readonly classCode = 0x078000;
  readonly features = 0;
  readonly queueSizes = [64, 64];
  readonly latency = 20_000;
  /** Without features, no field of the configuration has a meaning: size, number of ports, emergency write. */
  readonly configuration = new Uint8Array(12);
  private state: VirtioConsoleState = { typed: 0, printed: 0 };

  constructor(private readonly port: ConsolePort) {}

  /**
   * A buffer to receive into waits until something has been typed. Nobody types at a console that is still silent: Linux would drop what came
   * before it has set up the terminal.
   */
  isReady(queue: number): boolean {
    const { typed, printed } = this.state;
    return queue !== Queue.Receive || (printed > 0 && typed < this.port.input.length);
  }

  handle(chain: DescriptorChain, queue: number): void {
    if (queue === Queue.Receive) this.receive(chain);
    else this.transmit(chain);
  }

  private receive({ writable }: DescriptorChain): void {
    const { state, port } = this;
    const bytes = port.input.subarray(state.typed, state.typed + writable.left);
    if (bytes.length === 0) throw new DriverFault('a receive buffer of the console has no room');
    writable.write(bytes);
    state.typed += bytes.length;
  }

  private transmit({ readable }: DescriptorChain): void {
    if (readable.left > MOST_BYTES)
      throw new DriverFault(`a request prints ${readable.left} bytes at once; at most ${MOST_BYTES} are possible`);
    while (readable.left > 0) {
      const bytes = readable.read(Math.min(readable.left, CHUNK));
      this.state.printed += bytes.length;
      this.port.output(bytes);
    }
  }

  save(): VirtioConsoleState {
    return { ...this.state };
  }

  restore(state: object): void {
    this.state = { ...(state as VirtioConsoleState) };
  }
}
