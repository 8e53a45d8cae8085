// SPDX-License-Identifier: LGPL-2.1-only
// The frames of GDB's remote serial protocol: $data#checksum. GDB manual "Packets", "Binary Data".

/** Bytes of the longest packet that either side sends, as the stub tells the client. */
export const LONGEST_PACKET = 0x4000;

/** What a client sent. Bytes are characters 0 to FFH of a text. */
export type Received =
  | { readonly kind: 'packet'; readonly data: string }
  /** Ctrl-C. */
  | { readonly kind: 'interrupt' }
  | { readonly kind: 'acknowledged' }
  /** It did not understand the last packet. */
  | { readonly kind: 'again' }
  /** A packet that is damaged or too long. */
  | { readonly kind: 'damaged' };

const [DOLLAR, HASH, ESCAPE, PLUS, MINUS, CTRL_C] = [0x24, 0x23, 0x7d, 0x2b, 0x2d, 0x03];
const ESCAPED = 0x20;
const hexDigits = /^[0-9a-fA-F]{2}$/;

const checksum = (data: string): number => {
  let sum = 0;
  for (let i = 0; i < data.length; i++) sum += data.charCodeAt(i);
  return sum & 0xff;
};

/** A packet as it is sent. */
export function framed(data: string): string {
  const escaped = data.replace(/[#$}*]/g, (character) => `}${String.fromCharCode(character.charCodeAt(0) ^ ESCAPED)}`);
  return `$${escaped}#${checksum(escaped).toString(16).padStart(2, '0')}`;
}

function unescaped(raw: string): string {
  let data = '';
  for (let i = 0; i < raw.length; i++) {
    const code = raw.charCodeAt(i);
    data += code === ESCAPE ? String.fromCharCode(raw.charCodeAt(++i) ^ ESCAPED) : raw[i]!;
  }
  return data;
}

/** Takes bytes of a client, in any pieces, and finds what they say. What is no packet is skipped. */
export class PacketReader {
  /** Data of the packet that is coming in; undefined between packets. */
  private data: string | undefined;
  /** Digits of the checksum behind it, undefined before the hash. */
  private digits: string | undefined;
  private isTooLong = false;

  push(bytes: Uint8Array): Received[] {
    return [...bytes].flatMap((byte) => this.take(byte) ?? []);
  }

  private take(byte: number): Received | undefined {
    if (byte === DOLLAR) return this.begin();
    if (this.data === undefined) return between(byte);
    if (this.digits !== undefined) return this.takeDigit(byte);
    if (byte === HASH) this.digits = '';
    else if (this.data.length < LONGEST_PACKET) this.data += String.fromCharCode(byte);
    else this.isTooLong = true;
    return undefined;
  }

  /** A dollar within a packet begins another one: the first was cut. */
  private begin(): Received | undefined {
    const wasOpen = this.data !== undefined;
    this.data = '';
    this.digits = undefined;
    this.isTooLong = false;
    return wasOpen ? { kind: 'damaged' } : undefined;
  }

  private takeDigit(byte: number): Received | undefined {
    this.digits += String.fromCharCode(byte);
    if (this.digits!.length < 2) return undefined;
    const { data, digits, isTooLong } = this;
    this.data = undefined;
    this.digits = undefined;
    const isWhole = !isTooLong && hexDigits.test(digits!) && parseInt(digits!, 16) === checksum(data!);
    return isWhole ? { kind: 'packet', data: unescaped(data!) } : { kind: 'damaged' };
  }
}

function between(byte: number): Received | undefined {
  switch (byte) {
    case PLUS:
      return { kind: 'acknowledged' };
    case MINUS:
      return { kind: 'again' };
    case CTRL_C:
      return { kind: 'interrupt' };
    default:
      return undefined;
  }
}
