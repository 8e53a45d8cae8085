// SPDX-License-Identifier: LGPL-2.1-only
import { readFile } from 'node:fs/promises';
import { WasmCore } from '../../src/machine/processor/wasm_core.js';
import type { CoreBus } from '../../src/machine/processor/core_bus.js';
import { Layout } from '../../src/machine/layout/layout.js';
import { type StopReason } from '../../src/machine/layout/stop_reason.js';
import { readFlags, writeFlags } from '../../src/machine/processor/lazy_flags.js';
import type { CodeBits } from './assembler.js';

/** A bus on which nothing answers. */
export const emptyBus: CoreBus = {
  portRead: () => 0xffffffff,
  portWrite: () => {},
  mmioRead: () => 0xffffffff,
  mmioWrite: () => {},
  acknowledgeInterrupt: () => -1,
  taskPriorityRead: () => 0,
  taskPriorityWrite: () => {},
  msrRead: () => undefined,
  msrHigh: () => 0,
  msrWrite: () => false,
};

/** Indexes of the words of x87 and SSE state. V8 is slow at look-ups in an object as large as `Layout`. */
const Word = {
  x87Control: Layout.X87_CONTROL / 4,
  x87Status: Layout.X87_STATUS / 4,
  x87Tags: Layout.X87_TAGS / 4,
  x87Registers: Layout.X87_REGISTERS / 4,
  mxcsr: Layout.MXCSR / 4,
} as const;

/** A processor core with RAM and nothing else, and shorthands for tests that set its state by hand. */
export class TestCore {
  readonly u8: Uint8Array;
  readonly u32: Uint32Array;
  readonly u64: BigUint64Array;
  /** Width of the code segment, as the test set it up. */
  bits: CodeBits = 64;
  private readonly resetState: Uint8Array;

  constructor(readonly cpu: WasmCore) {
    this.u8 = cpu.u8;
    this.u32 = cpu.u32;
    this.u64 = cpu.u64;
    this.resetState = this.u8.slice(Layout.PROCESSOR, Layout.RAM_BYTES);
  }

  /** Executes at most that many instructions. */
  run(instructions: number): StopReason {
    return this.cpu.run(instructions);
  }

  /** The processor as it was when the core was made; memory stays. */
  reset(): void {
    this.cpu.flushTlb();
    this.u8.set(this.resetState, Layout.PROCESSOR);
    this.stateChanged();
  }

  /** Control registers, segments or the privilege level were written by hand. */
  stateChanged(): void {
    this.cpu.stateLoaded();
  }

  /** Bytes of RAM that may be code, or page tables, were written by hand. */
  codeChanged(physical: number, bytes: number): void {
    const offset = Layout.RAM + physical;
    this.cpu.writer.write(offset, this.u8.subarray(offset, offset + bytes));
  }

  /** The whole RFLAGS, made of the lazy flags. */
  rflags(): number {
    return readFlags(this.u32);
  }

  /** Sets all of RFLAGS. */
  setRflags(value: number): void {
    writeFlags(this.u32, value);
  }

  /** x87, MXCSR and XMM state from an FXSAVE image. */
  loadFx(image: Uint8Array): void {
    const view = new DataView(image.buffer, image.byteOffset, 512);
    const status = view.getUint16(2, true);
    const { u32 } = this;
    u32[Word.x87Control] = view.getUint16(0, true);
    u32[Word.x87Status] = status;
    u32[Word.x87Tags] = image[4]!;
    u32[Word.mxcsr] = view.getUint32(24, true);
    for (let i = 0; i < 8; i++) {
      const to = Word.x87Registers + 4 * ((i + (status >> 11)) & 7);
      const from = 32 + 16 * i;
      u32[to] = view.getUint32(from, true);
      u32[to + 1] = view.getUint32(from + 4, true);
      u32[to + 2] = (u32[to + 2]! & ~0xffff) | view.getUint16(from + 8, true);
    }
    this.u8.set(image.subarray(160, 416), Layout.XMM);
  }

  /** The same state as an FXSAVE image; FOP, FIP and FDP are 0. @param image zeros, to be filled. */
  saveFx(image: Uint8Array = new Uint8Array(512)): Uint8Array {
    const { u32 } = this;
    const view = new DataView(image.buffer, image.byteOffset, 512);
    const status = u32[Word.x87Status]!;
    view.setUint16(0, u32[Word.x87Control]!, true);
    view.setUint16(2, status, true);
    image[4] = u32[Word.x87Tags]!;
    view.setUint32(24, u32[Word.mxcsr]!, true);
    for (let i = 0; i < 8; i++) {
      const from = Word.x87Registers + 4 * ((i + (status >> 11)) & 7);
      const to = 32 + 16 * i;
      view.setUint32(to, u32[from]!, true);
      view.setUint32(to + 4, u32[from + 1]!, true);
      view.setUint16(to + 8, u32[from + 2]! & 0xffff, true);
    }
    image.set(this.u8.subarray(Layout.XMM, Layout.XMM + 256), 160);
    return image;
  }
}

let compiled: WebAssembly.Module | undefined;

/** The core as the build left it in build/cpu. */
export async function coreModule(): Promise<WebAssembly.Module> {
  return (compiled ??= await WebAssembly.compile(await readFile(new URL('../../cpu/cpu.wasm', import.meta.url))));
}

/** Makes a core with that much RAM. */
export async function createTestCore(memoryBytes: number): Promise<TestCore> {
  return new TestCore(await WasmCore.create({ module: await coreModule(), memoryBytes, bus: emptyBus }));
}
