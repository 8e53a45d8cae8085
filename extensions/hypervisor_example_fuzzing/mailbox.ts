// SPDX-License-Identifier: LGPL-2.1-only
import { PortContribution, state, vcpuModule } from 'bareflank';
import { injectable } from 'inversify';

const DATA_PORT = 0x5f0;
const STATUS_PORT = 0x5f1;

/** What the mailbox waits for, or that it has refused a message. */
const Status = { Idle: 0, Header: 1, Operation: 2, Place: 3, Length: 4, Data: 5, Done: 6, Refused: 7 } as const;
type Status = (typeof Status)[keyof typeof Status];

/** The first two bytes of a message, and the only operation. */
const [HEADER_FIRST, HEADER_SECOND, STORE] = [0x42, 0x46, 0x57];
const BYTES = 32;
const MOST_DATA = 32;

const noMessage = () => ({ status: Status.Idle as Status, place: 0, left: 0 });

/**
 * A device that takes messages byte by byte: header, operation, place, length, data. It stores the data at the place. Its mistake is planted: `place` and
 * `length` are checked, and `place + length` is not. So the last bytes of a message may go beyond the end of the store, which throws in the handler.
 */
@injectable()
export class Mailbox implements PortContribution {
  readonly name = 'mailbox';
  readonly ports = [DATA_PORT, STATUS_PORT];
  @state() private readonly store = new Uint8Array(BYTES);
  @state() private message = noMessage();

  handlePortRead(port: number): number | undefined {
    return port === STATUS_PORT ? this.message.status : undefined;
  }

  handlePortWrite(port: number, _size: number, value: number): boolean {
    if (port !== DATA_PORT) return false;
    this.message.status = this.take(value & 0xff);
    return true;
  }

  /** Takes the next byte of a message. @returns what the mailbox waits for then */
  private take(byte: number): Status {
    const { message } = this;
    switch (message.status) {
      case Status.Header:
        return byte === HEADER_SECOND ? Status.Operation : Status.Refused;
      case Status.Operation:
        return byte === STORE ? Status.Place : Status.Refused;
      case Status.Place:
        message.place = byte;
        return byte < BYTES ? Status.Length : Status.Refused;
      case Status.Length:
        message.left = byte;
        return byte > 0 && byte <= MOST_DATA ? Status.Data : Status.Refused;
      case Status.Data:
        return this.put(byte);
      default:
        return byte === HEADER_FIRST ? Status.Header : Status.Refused;
    }
  }

  private put(byte: number): Status {
    const { message, store } = this;
    new DataView(store.buffer).setUint8(message.place++, byte);
    return --message.left > 0 ? Status.Data : Status.Done;
  }
}

export default vcpuModule(({ bind }) => bind(PortContribution).to(Mailbox));
