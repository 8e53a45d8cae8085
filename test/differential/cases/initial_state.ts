// SPDX-License-Identifier: LGPL-2.1-only
import { MemoryMap } from './memory_map.js';
import type { SeededRandom } from './seeded_random.js';
import { fillVector, randomVectorState } from './vector_state.js';

/** Registers, memory and x87 and SSE state that a case starts from, before an instruction's preparation changes them. */
export interface InitialState {
  readonly registers: readonly bigint[];
  readonly window: Uint8Array;
  /** An FXSAVE image, and a window with numbers of the same kinds. */
  readonly fx: Uint8Array;
  readonly fxWindow: Uint8Array;
}

/** Gives initial states. The fields of a state are made when they are asked for, once. */
export type InitialStates = (random: SeededRandom) => InitialState;

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

/** A 64-bit number: an edge, a small or a random one. */
export function randomNumber(random: SeededRandom): bigint {
  const kind = random.below(4);
  if (kind === 0) return random.pick(edges);
  if (kind === 1) return BigInt(random.below(256));
  return (BigInt(random.next()) << 32n) | BigInt(random.next());
}

function randomWindow(random: SeededRandom): Uint8Array {
  const window = new Uint8Array(MemoryMap.windowBytes);
  const words = new Uint32Array(window.buffer);
  for (let i = 0; i < words.length; i++) words[i] = random.next();
  return window;
}

function randomVectorWindow(random: SeededRandom): Uint8Array {
  const window = new Uint8Array(MemoryMap.windowBytes);
  const view = new DataView(window.buffer);
  for (let at = 0; at < MemoryMap.windowBytes; at += 16) fillVector(random, view, at);
  return window;
}

/** The initial state of a case. */
export const randomStates: InitialStates = (random) => ({
  registers: Array.from({ length: 16 }, () => randomNumber(random)),
  window: randomWindow(random),
  get fx() {
    return randomVectorState(random);
  },
  get fxWindow() {
    return randomVectorWindow(random);
  },
});

/** Some states that cases share: recorded vectors are small when their states repeat. */
export function pooledStates(random: SeededRandom, size: number): InitialStates {
  const pool: InitialState[] = Array.from({ length: size }, () => ({
    registers: Array.from({ length: 16 }, () => randomNumber(random)),
    window: randomWindow(random),
    fx: randomVectorState(random),
    fxWindow: randomVectorWindow(random),
  }));
  return (chooser) => {
    const pick = (): InitialState => chooser.pick(pool);
    const { registers } = pick();
    const { window } = pick();
    const { fx, fxWindow } = pick();
    return { registers, window, fx, fxWindow };
  };
}
