// SPDX-License-Identifier: LGPL-2.1-only
// Random x87, MMX and SSE state for the differential test: numbers of every class and size, rounding modes, masks and sticky flags.
import type { SeededRandom } from './seeded_random.js';

const bits64 = (random: SeededRandom): bigint => (BigInt(random.next()) << 32n) | BigInt(random.next());

/** A single-precision number as bits: zeros, denormals, NaNs, borders of ranges and formats more often than they come by chance. */
export function randomSingle(random: SeededRandom): number {
  const sign = random.below(2) * 2 ** 31;
  const fraction = random.below(0x800000);
  switch (random.below(10)) {
    case 0:
      return sign;
    case 1:
      return sign + 0x7f800000;
    case 2:
      return sign + 0x7fc00000 + (fraction >> 1);
    case 3:
      return sign + 0x7f800001 + (fraction >> 2);
    case 4:
      return sign + 1 + (random.chance(0.5) ? random.below(3) : fraction >> 1);
    case 5:
      return (
        new Uint32Array(
          new Float32Array([random.below(random.pick([4, 100, 70000])) / random.pick([1, 2, 3, 8])]).buffer,
        )[0]! + sign
      );
    case 6:
      return (
        sign +
        random.pick([1, 2, 0x3e, 0x3f, 0x40, 0xfe, 0xfd, 0x7e, 0x7f, 0x80, 0x9d, 0x9e, 0xbd, 0xbe]) * 0x800000 +
        random.pick([0, 0x7fffff, 1, 0x400000, fraction])
      );
    case 7:
      return random.next();
    default:
      return sign + (100 + random.below(60)) * 0x800000 + (random.chance(0.5) ? fraction : fraction & 0x7f8000);
  }
}

/** A double-precision number as bits. */
export function randomDouble(random: SeededRandom): bigint {
  const sign = BigInt(random.below(2)) << 63n;
  const fraction = bits64(random) & 0xfffffffffffffn;
  const exponent = (value: number): bigint => BigInt(value) << 52n;
  switch (random.below(10)) {
    case 0:
      return sign;
    case 1:
      return sign | 0x7ff0000000000000n;
    case 2:
      return sign | 0x7ff8000000000000n | (fraction >> 1n);
    case 3:
      return sign | 0x7ff0000000000001n | (fraction >> 2n);
    case 4:
      return sign | random.pick([1n, 2n, fraction | 1n]);
    case 5:
      return (
        sign |
        new BigUint64Array(
          new Float64Array([random.below(random.pick([4, 100, 70000, 0x7fffffff])) / random.pick([1, 2, 3, 8])]).buffer,
        )[0]!
      );
    case 6:
      return (
        sign |
        exponent(
          random.pick([
            1, 2, 0x1ff, 0x200, 0x7fe, 0x7fd, 0x3fe, 0x3ff, 0x400, 0x41d, 0x41e, 0x43d, 0x43e, 0x36a, 0x37f, 0x380,
            0x381, 0x47e, 0x47f,
          ]),
        ) |
        random.pick([0n, 1n, fraction, 0xfffffffffffffn, 0xfffffe0000000n, 0xffffff0000000n, 0x10000000n])
      );
    case 7:
      return bits64(random);
    default:
      return sign | exponent(990 + random.below(70)) | (random.chance(0.5) ? fraction : (fraction >> 30n) << 30n);
  }
}

/** A double extended number: sign and exponent, significand; also encodings that processors refuse (unnormals, pseudo-NaNs). */
export function randomExtended(random: SeededRandom): readonly [number, bigint] {
  const sign = random.below(2) << 15;
  const fraction = bits64(random) >> 1n;
  const one = 1n << 63n;
  switch (random.below(12)) {
    case 0:
      return [sign, 0n];
    case 1:
      return [sign | 0x7fff, one];
    case 2:
      return [sign | 0x7fff, one | (1n << 62n) | (fraction >> 1n)];
    case 3:
      return [sign | 0x7fff, one | (fraction >> 1n) | 1n];
    case 4:
      return [sign, random.pick([1n, 2n, fraction | 1n, one | fraction])];
    case 5:
      return [sign | (1 + random.below(0x7ffe)), fraction];
    case 6:
      return [
        sign |
          random.pick([
            1, 2, 0x7ffe, 0x3ffe, 0x3fff, 0x4000, 0x400d, 0x400e, 0x401d, 0x401e, 0x403d, 0x403e, 0x3bcd, 0x3c00,
            0x43fe, 0x43ff, 0x3f81, 0x407e,
          ]),
        one | random.pick([0n, 1n, fraction, one - 1n, 0x7ffffffffffffc00n, 0x7fffff8000000000n]),
      ];
    case 7: {
      const value = BigInt(1 + random.below(random.pick([4, 100, 70000, 0x7fffffff])));
      const length = value.toString(2).length;
      return [sign | (16383 + length - 1), value << BigInt(64 - length)];
    }
    case 8:
      return [sign | random.below(0x8000), bits64(random)];
    default:
      return [sign | (16350 + random.below(70)), one | (random.chance(0.5) ? fraction : (fraction >> 40n) << 40n)];
  }
}

const integers = [
  0n,
  1n,
  0x8000000000000000n,
  0x7fffffffffffffffn,
  0x80000000n,
  0x8000800080008000n,
  0x7fff7fff7fff7fffn,
  0x8080808080808080n,
  0x0102030405060708n,
  0xffffffffffffffffn,
];

/** Fills 16 bytes with numbers of one kind. */
export function fillVector(random: SeededRandom, view: DataView, at: number): void {
  const kind = random.below(4);
  for (let i = 0; i < 16; i += 8) {
    if (kind === 0) {
      view.setUint32(at + i, randomSingle(random), true);
      view.setUint32(at + i + 4, randomSingle(random), true);
    } else if (kind === 1) view.setBigUint64(at + i, randomDouble(random), true);
    else if (kind === 2) view.setBigUint64(at + i, random.pick(integers), true);
    else view.setBigUint64(at + i, bits64(random), true);
  }
}

/**
 * An FXSAVE image. Exceptions are masked most of the time; an exception that waits (status flag set and unmasked) is rare. `freeTop`: the
 * register that a push would fill is empty most of the time.
 */
export function randomVectorState(random: SeededRandom): Uint8Array {
  const image = new Uint8Array(512);
  const view = new DataView(image.buffer);
  const control = random.chance(0.6)
    ? 0x37f
    : 0x40 | (random.below(16) << 8) | (random.chance(0.5) ? 0x3f : random.below(64));
  let status = (random.below(8) << 11) | (random.next() & 0x4700) | (random.chance(0.3) ? random.below(64) : 0);
  if (random.chance(0.97)) status &= ~(0x3f & ~control);
  if (status & ~control & 0x3f) status |= 0x8080;
  view.setUint16(0, control, true);
  view.setUint16(2, status, true);
  image[4] = random.chance(0.5) ? 255 : random.next() & 255;
  if (random.chance(0.3)) image[4] &= ~(1 << (((status >> 11) - 1) & 7));
  let mxcsr = random.chance(0.5)
    ? 0x1f80
    : (random.chance(0.5) ? 0x1f80 : random.below(64) << 7) | (random.below(4) << 13);
  if (mxcsr !== 0x1f80) mxcsr |= (random.chance(0.3) ? 0x8000 : 0) | (random.chance(0.3) ? 0x40 : 0);
  if (random.chance(0.5)) mxcsr |= random.chance(0.5) ? 0x20 : random.below(64);
  view.setUint32(24, mxcsr, true);
  for (let i = 0; i < 8; i++) {
    const [exponent, significand] = random.chance(0.8) ? randomExtended(random) : [0xffff, random.pick(integers)];
    view.setBigUint64(32 + 16 * i, significand, true);
    view.setUint16(40 + 16 * i, exponent, true);
  }
  for (let at = 160; at < 416; at += 16) fillVector(random, view, at);
  return image;
}

/** Forms whose results may differ between processors according to the manual; sequences leave them out, comparison allows what is stated. */
export const approximations = /^(RCP|RSQRT)[PS]S$/;
const transcendental = /^(F2XM1|FYL2X|FYL2XP1|FPTAN|FPATAN|FSIN|FCOS|FSINCOS)$/;

/** True for instructions whose results may differ in documented ways; MXCSR's bit 17, reserved on Intel processors, exists on AMD ones. */
export function isLoose(semantics: string): boolean {
  return (
    approximations.test(semantics) ||
    transcendental.test(semantics) ||
    isCompareToFlags(semantics) ||
    environmentBytes(semantics, '') > 0 ||
    semantics === 'LDMXCSR'
  );
}

/** x87 comparisons that set RFLAGS. */
export function isCompareToFlags(semantics: string): boolean {
  return /^FU?COMIP?$/.test(semantics);
}

/** Size of the memory operand of an instruction that reads many bytes in parts, or 0. SDM 2A "FLDENV", "FRSTOR", "FXRSTOR". */
export function environmentBytes(semantics: string, form: string): number {
  const isNarrow = form.includes('<u16>');
  if (semantics === 'FLDENV') return isNarrow ? 14 : 28;
  if (semantics === 'FRSTOR') return isNarrow ? 94 : 108;
  return semantics === 'FXRSTOR' ? 512 : 0;
}

/** The core's FXSAVE image with everything taken from the processor's that may differ by the manual's leave. */
export function reconciled(semantics: string, native: Uint8Array, core: Uint8Array): Uint8Array {
  const result = core.slice();
  // C1 says how an approximation was rounded
  if (transcendental.test(semantics)) result[3] = (result[3]! & ~2) | (native[3]! & 2);
  if (transcendental.test(semantics))
    for (let at = 32; at < 160; at += 16) if (isNear80(native, core, at)) result.set(native.subarray(at, at + 10), at);
  if (approximations.test(semantics))
    for (let at = 160; at < 416; at += 4) if (isNear32(native, core, at)) result.set(native.subarray(at, at + 4), at);
  return result;
}

/** Within one unit in the last place: the manual promises an error below one. */
function isNear80(native: Uint8Array, core: Uint8Array, at: number): boolean {
  const value = (image: Uint8Array): bigint => {
    const view = new DataView(image.buffer, image.byteOffset + at, 10);
    return (BigInt(view.getUint16(8, true)) << 63n) + (view.getBigUint64(0, true) & 0x7fffffffffffffffn);
  };
  const distance = value(native) - value(core);
  return distance >= -1n && distance <= 1n;
}

/**
 * Within the sum of two relative errors of 1.5 × 2^-12. A result that could be the smallest normal number may also be zero of the same sign:
 * the manual leaves operands between 2^126 − 3 × 2^114 and 2^126 + 3 × 2^114 or so free to give tiny results, which are 0. SDM 2B "RCPPS".
 */
export function isNearApproximation(native: number, core: number): boolean {
  const near = 3 * 2 ** -12;
  const isTiny = (value: number): boolean => Math.abs(value) <= 2 ** -126 * (1 + near);
  if (isTiny(native) && isTiny(core)) return 1 / native < 0 === 1 / core < 0;
  return Math.abs(native - core) <= near * Math.abs(native);
}

function isNear32(native: Uint8Array, core: Uint8Array, at: number): boolean {
  const value = (image: Uint8Array): number => new DataView(image.buffer, image.byteOffset + at, 4).getFloat32(0, true);
  return isNearApproximation(value(native), value(core));
}
