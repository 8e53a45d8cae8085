// SPDX-License-Identifier: LGPL-2.1-only
// Tests that run inside the VMM, by `vmcall unittest`: whether the language's runtime works where the VMM runs. Ids are Bareflank's. Each tests the
// TypeScript counterpart of the C++ container with that id.
import { VmcallError } from '../errors.js';
import { bfinfo } from '../output/output.js';

/** Ids of the self tests inside the VMM. */
export const unittestIds: Readonly<Record<number, string>> = {
  0x1001: 'array',
  0x1002: 'vector',
  0x1003: 'deque',
  0x1004: 'forward_list',
  0x1005: 'list',
  0x1006: 'stack',
  0x1007: 'queue',
  0x1008: 'priority_queue',
  0x1009: 'set',
  0x100a: 'map',
  0x1100: 'cout',
  0x1101: 'io manipulators',
};

function expect(condition: boolean, what: string): void {
  if (!condition) throw new VmcallError(`self test failed: ${what}`);
}

function testArray(): void {
  const array = new Uint32Array([3, 1, 2]);
  array.sort();
  expect([...array].join() === '1,2,3', 'a typed array sorts');
  expect(new BigUint64Array([-1n])[0] === 0xffffffffffffffffn, 'a 64-bit array wraps');
}

function testSequence(): void {
  const list = [1, 2, 3];
  list.push(4);
  list.unshift(0);
  expect(list.shift() === 0 && list.pop() === 4, 'both ends of an array');
  list.splice(1, 1);
  expect(list.join() === '1,3', 'an element in the middle goes');
  expect(list.map((value) => value * 2).join() === '2,6', 'map keeps the order');
}

function testPriority(): void {
  const sorted = [2, 9, 4].sort((a, b) => b - a);
  expect(sorted[0] === 9, 'the largest comes first');
}

function testSet(): void {
  const set = new Set([1, 2, 2]);
  expect(set.size === 2 && set.has(2) && set.delete(2) && !set.has(2), 'a set holds each value once');
}

function testMap(): void {
  const map = new Map<bigint, string>([[1n, 'one']]);
  map.set(2n ** 63n, 'large');
  expect(map.get(0x8000000000000000n) === 'large' && map.size === 2, 'a map finds a 64-bit key');
}

function testOutput(): void {
  bfinfo`self test: a line of output`;
}

function testFormat(): void {
  const text = `${(255).toString(16)} ${(255).toString(8)} ${'x'.padStart(3, '.')}`;
  expect(text === 'ff 377 ..x', 'numbers and padding format');
  bfinfo`self test: ${text}`;
}

const tests: Readonly<Record<string, () => void>> = {
  array: testArray,
  vector: testSequence,
  deque: testSequence,
  forward_list: testSequence,
  list: testSequence,
  stack: testSequence,
  queue: testSequence,
  priority_queue: testPriority,
  set: testSet,
  map: testMap,
  cout: testOutput,
  'io manipulators': testFormat,
};

/** Runs a self test. @throws VmcallError if it fails, or if no test has this id. */
export function runSelfTest(id: number): void {
  const test = tests[unittestIds[id] ?? ''];
  if (test === undefined)
    throw new VmcallError(
      `unknown unittest 0x${id.toString(16)}; there are ${Object.keys(unittestIds)
        .map((each) => `0x${Number(each).toString(16)}`)
        .join(', ')}`,
    );
  test();
}
