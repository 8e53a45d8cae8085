// SPDX-License-Identifier: LGPL-2.1-only
import { ByteArena } from './byte_arena.js';
import { MemoryMap } from './memory_map.js';
import type { SeededRandom } from './seeded_random.js';
import { fillVector, randomVectorState } from './vector_state.js';

/** Registers, memory and x87 and SSE state that a case starts from, before an instruction's preparation changes them. The arrays are the case's own. */
export interface InitialState {
  /** As in InstructionCase. */
  readonly registers: Uint32Array;
  readonly window: Uint8Array;
  /** Makes an FXSAVE image and fills the window with numbers of the same kinds. Called once at most. */
  addVectorState(): Uint8Array;
}

/** Gives initial states, with arrays from an arena. */
export type InitialStates = (random: SeededRandom, arena: ByteArena) => InitialState;

const edges = [
  0n,
  1n,
  2n,
  0x7fn,
  0x80n,
  0xffn,
  0x7fffn,
  0x8000n,
  0xffffn,
  0x7fffffffn,
  0x80000000n,
  0xffffffffn,
  0x100000000n,
  0x7fffffffffffffffn,
  0x8000000000000000n,
  0xffffffffffffffffn,
  0xfffffffffffffffen,
  0xffffffff80000000n,
];

const edgeWords = edges.map((value) => [Number(value >> 32n), Number(value & 0xffffffffn)] as const);

/** A 64-bit number: an edge, a small or a random one. */
export function randomNumber(random: SeededRandom): bigint {
  const kind = random.below(4);
  if (kind === 0) return random.pick(edges);
  if (kind === 1) return BigInt(random.below(256));
  return (BigInt(random.next()) << 32n) | BigInt(random.next());
}

/** The registers of a case: randomNumber in words, without BigInts. */
function randomRegisters(random: SeededRandom, arena: ByteArena): Uint32Array {
  const words = arena.words(32);
  for (let at = 0; at < 32; at += 2) {
    const kind = random.below(4);
    if (kind === 0) {
      const [high, low] = random.pick(edgeWords);
      words[at + 1] = high;
      words[at] = low;
    } else if (kind === 1) words[at] = random.below(256);
    else {
      words[at + 1] = random.next();
      words[at] = random.next();
    }
  }
  return words;
}

/** The initial state of a case. */
class RandomState implements InitialState {
  readonly registers: Uint32Array;
  readonly window: Uint8Array;
  private readonly windowWords: Uint32Array;

  constructor(
    private readonly random: SeededRandom,
    private readonly arena: ByteArena,
  ) {
    this.registers = randomRegisters(random, arena);
    const words = (this.windowWords = arena.words(MemoryMap.windowBytes / 4));
    for (let i = 0; i < words.length; i++) words[i] = random.next();
    this.window = new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
  }

  addVectorState(): Uint8Array {
    const image = randomVectorState(this.random, this.arena);
    for (let at = 0; at < this.windowWords.length; at += 4) fillVector(this.random, this.windowWords, at);
    return image;
  }
}

/** A new random state for each case. */
export const randomStates: InitialStates = (random, arena) => new RandomState(random, arena);

/** Some states that cases share: recorded vectors are small when their states repeat. */
export function pooledStates(random: SeededRandom, size: number): InitialStates {
  const pool = Array.from({ length: size }, () => {
    const state = new RandomState(random, new ByteArena());
    const window = state.window.slice();
    return { registers: state.registers, window, fx: state.addVectorState(), fxWindow: state.window };
  });
  return (chooser) => {
    const { registers } = chooser.pick(pool);
    const window = chooser.pick(pool).window.slice();
    const { fx, fxWindow } = chooser.pick(pool);
    const addVectorState = (): Uint8Array => {
      window.set(fxWindow);
      return fx.slice();
    };
    return { registers: registers.slice(), window, addVectorState };
  };
}
