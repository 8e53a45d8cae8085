// SPDX-License-Identifier: LGPL-2.1-only
// AssemblyScript: the work of guests/bench_{alu,memory,call} as straight WebAssembly, the peer that `npm run bench` measures the machine against.

export function aluLoop(iterations: i32): i64 {
  let a: i64 = 0;
  let b: i64 = 0;
  for (let c = iterations; c != 0; c--) {
    a += c;
    b ^= a;
    b -= a + (b << 1);
  }
  return a ^ b;
}

export function memoryLoop(iterations: i32): i64 {
  let sum: i64 = 0;
  for (let c = iterations; c != 0; c--) {
    const at: usize = 0x10000 + (c & 0xffff8);
    sum = load<i64>(at) + c;
    store<i64>(at, sum);
  }
  return sum;
}

const STACK: usize = 0x8000;

/** PUSH, MOV, POP and RET of the guest's callee. */
function callee(a: i64): i64 {
  store<i64>(STACK, a);
  return load<i64>(STACK);
}

/** The call goes through the table, by an index that the optimizer cannot see: it would inline the callee, and measure no call. */
export function callLoop(iterations: i32): i64 {
  store<u32>(STACK + 8, <u32>callee.index);
  let a: i64 = 0;
  for (let c = iterations; c != 0; c--) {
    a = call_indirect<i64>(load<u32>(STACK + 8), a);
    if (c & 1) a++;
  }
  return a;
}
