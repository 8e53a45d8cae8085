// SPDX-License-Identifier: LGPL-2.1-only
// Random x87, MMX and SSE state for the differential test: numbers of every class and size, rounding modes, masks and sticky flags.
import type { ByteArena } from './byte_arena.js';
import type { SeededRandom } from './seeded_random.js';

const FXSAVE_BYTES = 512;

/** Offsets in an FXSAVE image. SDM 2A "FXSAVE—Save x87 FPU, MMX Technology, and SSE State". */
export const FxImage = { controlWord: 0, statusWord: 2, x87: 32, xmm: 160, registerBytes: 16 } as const;

const SIGN = 0x80000000;
const singleExponents = [1, 2, 0x3e, 0x3f, 0x40, 0xfe, 0xfd, 0x7e, 0x7f, 0x80, 0x9d, 0x9e, 0xbd, 0xbe];
const doubleExponents = [
  1, 2, 0x1ff, 0x200, 0x7fe, 0x7fd, 0x3fe, 0x3ff, 0x400, 0x41d, 0x41e, 0x43d, 0x43e, 0x36a, 0x37f, 0x380, 0x381, 0x47e,
  0x47f,
];
const extendedExponents = [
  1, 2, 0x7ffe, 0x3ffe, 0x3fff, 0x4000, 0x400d, 0x400e, 0x401d, 0x401e, 0x403d, 0x403e, 0x3bcd, 0x3c00, 0x43fe, 0x43ff,
  0x3f81, 0x407e,
];
const singleLimits = [4, 100, 70000];
const limits = [4, 100, 70000, 0x7fffffff];
const divisors = [1, 2, 3, 8];
const oneSingle = new Float32Array(1);
const oneSingleBits = new Uint32Array(oneSingle.buffer);
const oneDouble = new Float64Array(1);
const oneDoubleBits = new Uint32Array(oneDouble.buffer);

/** A single-precision number as bits: zeros, denormals, NaNs, borders of ranges and formats more often than they come by chance. */
function randomSingle(random: SeededRandom): number {
  const sign = random.below(2) * SIGN;
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
      oneSingle[0] = random.below(random.pick(singleLimits)) / random.pick(divisors);
      return oneSingleBits[0]! + sign;
    case 6:
      return sign + random.pick(singleExponents) * 0x800000 + random.pick([0, 0x7fffff, 1, 0x400000, fraction]);
    case 7:
      return random.next();
    default:
      return sign + (100 + random.below(60)) * 0x800000 + (random.chance(0.5) ? fraction : fraction & 0x7f8000);
  }
}

/** Sets two words, the low one first. Numbers are made of words: BigInts would take most of the time of a comparison. */
function setPair(words: Uint32Array, at: number, high: number, low: number): void {
  words[at] = low;
  words[at + 1] = high;
}

function randomPair(random: SeededRandom, words: Uint32Array, at: number): void {
  words[at + 1] = random.next();
  words[at] = random.next();
}

/** Fractions of double-precision numbers that lie at the borders of formats, high and low word. `undefined`: a random one. */
const doubleFractions: readonly (readonly [number, number] | undefined)[] = [
  [0, 0],
  [0, 1],
  undefined,
  [0xfffff, 0xffffffff],
  [0xfffff, 0xe0000000],
  [0xfffff, 0xf0000000],
  [0, 0x10000000],
];

/** A double-precision number. */
function randomDouble(random: SeededRandom, words: Uint32Array, at: number): void {
  const sign = random.below(2) * SIGN;
  const high = random.next() & 0xfffff;
  const low = random.next();
  switch (random.below(10)) {
    case 0:
      return setPair(words, at, sign, 0);
    case 1:
      return setPair(words, at, sign | 0x7ff00000, 0);
    case 2:
      return setPair(words, at, sign | 0x7ff80000 | (high >>> 1), (high << 31) | (low >>> 1));
    case 3:
      return setPair(words, at, sign | 0x7ff00000 | (high >>> 2), (high << 30) | (low >>> 2) | 1);
    case 4: {
      const kind = random.below(3);
      return setPair(words, at, sign | (kind === 2 ? high : 0), kind === 2 ? low | 1 : kind + 1);
    }
    case 5:
      oneDouble[0] = random.below(random.pick(limits)) / random.pick(divisors);
      return setPair(words, at, sign | oneDoubleBits[1]!, oneDoubleBits[0]!);
    case 6: {
      const exponent = random.pick(doubleExponents) << 20;
      const fraction = random.pick(doubleFractions);
      return setPair(words, at, sign | exponent | (fraction?.[0] ?? high), fraction?.[1] ?? low);
    }
    case 7:
      return randomPair(random, words, at);
    default: {
      const exponent = (990 + random.below(70)) << 20;
      return setPair(words, at, sign | exponent | high, random.chance(0.5) ? low : low & 0xc0000000);
    }
  }
}

/** Significands of double extended numbers that lie at the borders of formats, without the integer bit. `undefined`: a random one. */
const extendedFractions: readonly (readonly [number, number] | undefined)[] = [
  [0, 0],
  [0, 1],
  undefined,
  [0x7fffffff, 0xffffffff],
  [0x7fffffff, 0xfffffc00],
  [0x7fffff80, 0],
];

/**
 * A double extended number in three words: significand, and sign and exponent. Also encodings that processors refuse (unnormals, pseudo-NaNs).
 */
function randomExtended(random: SeededRandom, words: Uint32Array, at: number): void {
  const sign = random.below(2) << 15;
  const first = random.next();
  const high = first >>> 1;
  const low = (first << 31) | (random.next() >>> 1);
  const set = (exponent: number, highWord: number, lowWord: number): void => {
    words[at + 2] = sign | exponent;
    setPair(words, at, highWord, lowWord);
  };
  switch (random.below(12)) {
    case 0:
      return set(0, 0, 0);
    case 1:
      return set(0x7fff, SIGN, 0);
    case 2:
      return set(0x7fff, 0xc0000000 | (high >>> 1), (high << 31) | (low >>> 1));
    case 3:
      return set(0x7fff, SIGN | (high >>> 1), (high << 31) | (low >>> 1) | 1);
    case 4: {
      const kind = random.below(4);
      if (kind < 2) return set(0, 0, kind + 1);
      return set(0, kind === 3 ? SIGN | high : high, kind === 3 ? low : low | 1);
    }
    case 5:
      return set(1 + random.below(0x7ffe), high, low);
    case 6: {
      const exponent = random.pick(extendedExponents);
      const fraction = random.pick(extendedFractions);
      return set(exponent, SIGN | (fraction?.[0] ?? high), fraction?.[1] ?? low);
    }
    case 7: {
      const value = 1 + random.below(random.pick(limits));
      const length = 32 - Math.clz32(value);
      return set(16383 + length - 1, value << (32 - length), 0);
    }
    case 8:
      words[at + 2] = sign | random.below(0x8000);
      return randomPair(random, words, at);
    default: {
      const exponent = 16350 + random.below(70);
      const isWhole = random.chance(0.5);
      return set(exponent, SIGN | (isWhole ? high : high & 0xffffff00), isWhole ? low : 0);
    }
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
].map((value) => [Number(value >> 32n), Number(value & 0xffffffffn)] as const);

function randomInteger(random: SeededRandom, words: Uint32Array, at: number): void {
  const [high, low] = random.pick(integers);
  setPair(words, at, high, low);
}

/** Fills four words with numbers of one kind. */
export function fillVector(random: SeededRandom, words: Uint32Array, at: number): void {
  const kind = random.below(4);
  for (let i = at; i < at + 4; i += 2) {
    if (kind === 0) {
      words[i] = randomSingle(random);
      words[i + 1] = randomSingle(random);
    } else if (kind === 1) randomDouble(random, words, i);
    else if (kind === 2) randomInteger(random, words, i);
    else randomPair(random, words, i);
  }
}

/**
 * An FXSAVE image. Exceptions are masked most of the time; an exception that waits (status flag set and unmasked) is rare. `freeTop`: the
 * register that a push would fill is empty most of the time.
 */
export function randomVectorState(random: SeededRandom, arena: ByteArena): Uint8Array {
  const words = arena.words(FXSAVE_BYTES / 4);
  const control = random.chance(0.6)
    ? 0x37f
    : 0x40 | (random.below(16) << 8) | (random.chance(0.5) ? 0x3f : random.below(64));
  let status = (random.below(8) << 11) | (random.next() & 0x4700) | (random.chance(0.3) ? random.below(64) : 0);
  if (random.chance(0.97)) status &= ~(0x3f & ~control);
  if (status & ~control & 0x3f) status |= 0x8080;
  words[0] = control | (status << 16);
  let tags = random.chance(0.5) ? 255 : random.next() & 255;
  if (random.chance(0.3)) tags &= ~(1 << (((status >> 11) - 1) & 7));
  words[1] = tags;
  let mxcsr = random.chance(0.5)
    ? 0x1f80
    : (random.chance(0.5) ? 0x1f80 : random.below(64) << 7) | (random.below(4) << 13);
  if (mxcsr !== 0x1f80) mxcsr |= (random.chance(0.3) ? 0x8000 : 0) | (random.chance(0.3) ? 0x40 : 0);
  if (random.chance(0.5)) mxcsr |= random.chance(0.5) ? 0x20 : random.below(64);
  words[6] = mxcsr;
  for (let at = 8; at < 40; at += 4) {
    if (random.chance(0.8)) randomExtended(random, words, at);
    else {
      randomInteger(random, words, at);
      words[at + 2] = 0xffff;
    }
  }
  for (let at = 40; at < 104; at += 4) fillVector(random, words, at);
  return new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
}

/** Forms whose results may differ between processors according to the manual; sequences leave them out, comparison allows what is stated. */
export const approximations = /^(RCP|RSQRT)[PS]S$/;
const UNDERFLOW = 0x10;
const ERROR_SUMMARY = 0x80;
/** Bits of the status word's upper byte. */
const C1 = 0x02;
const BUSY = 0x80;
/** What an underflow that is not masked adds to the exponent of its result. SDM Volume 1 "Numeric Underflow Exception (#U)". */
const SCALE = 24576n;
const transcendental = /^(F2XM1|FYL2X|FYL2XP1|FPTAN|FPATAN|FSIN|FCOS|FSINCOS)$/;

/** True for instructions whose results may differ in documented ways; MXCSR's bit 17, reserved on Intel processors, exists on AMD ones. */
export function isLoose(semantics: string): boolean {
  return (
    approximations.test(semantics) ||
    transcendental.test(semantics) ||
    isCompareToFlags(semantics) ||
    environmentBytes(semantics, '') > 0 ||
    semantics === 'LDMXCSR' ||
    /^DPP[SD]$/.test(semantics) ||
    storesX87(semantics)
  );
}

/** x87 comparisons that set RFLAGS. */
export function isCompareToFlags(semantics: string): boolean {
  return /^FU?COMIP?$/.test(semantics);
}

/** x87 instructions that store what they compute to memory. */
export function storesX87(semantics: string): boolean {
  return /^(FSTP?(32|64)|FSTP80|FISTP?(16|32)|FISTP64|FISTTP(16|32|64)|FBSTP)$/.test(semantics);
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
  if (transcendental.test(semantics)) takeBits(result, native, 3, C1);
  if (transcendental.test(semantics) && isNearTiny(core)) takeBits(result, native, 2, UNDERFLOW);
  if (transcendental.test(semantics) && isScaled(core) !== isScaled(native)) {
    takeBits(result, native, 2, UNDERFLOW | ERROR_SUMMARY);
    takeBits(result, native, 3, BUSY);
  }
  if (transcendental.test(semantics))
    for (let at = 32; at < 160; at += 16) if (isNear80(native, core, at)) result.set(native.subarray(at, at + 10), at);
  if (approximations.test(semantics))
    for (let at = 160; at < 416; at += 4) if (isNear32(native, core, at)) result.set(native.subarray(at, at + 4), at);
  return result;
}

/** True when ST0 or ST1 is a denormal or the smallest normal number: whether an approximation of it underflows depends on its last bit. */
function isNearTiny(image: Uint8Array): boolean {
  const view = new DataView(image.buffer, image.byteOffset);
  return [32, 48].some((at) => (view.getUint16(at + 8, true) & 0x7fff) <= 1);
}

function takeBits(to: Uint8Array, from: Uint8Array, at: number, bits: number): void {
  to[at] = (to[at]! & ~bits) | (from[at]! & bits);
}

/** True when an underflow was found that is not masked. */
function isScaled(image: Uint8Array): boolean {
  return (image[0]! & UNDERFLOW) === 0 && (image[2]! & UNDERFLOW) !== 0;
}

/** Within one unit in the last place, which the manual promises. Of two such results one may underflow. */
function isNear80(native: Uint8Array, core: Uint8Array, at: number): boolean {
  const scale = (BigInt(isScaled(core)) - BigInt(isScaled(native))) * SCALE;
  const value = (image: Uint8Array): bigint => {
    const view = new DataView(image.buffer, image.byteOffset + at, 10);
    return (BigInt(view.getUint16(8, true)) << 63n) + (view.getBigUint64(0, true) & 0x7fffffffffffffffn);
  };
  const near = (distance: bigint): boolean => distance >= -1n && distance <= 1n;
  const distance = value(native) - value(core);
  return near(distance) || (scale !== 0n && near(distance + (scale << 63n)));
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
