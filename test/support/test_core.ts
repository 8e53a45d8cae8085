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
    this.u32[Layout.X87_CONTROL / 4] = view.getUint16(0, true);
    this.u32[Layout.X87_STATUS / 4] = status;
    this.u32[Layout.X87_TAGS / 4] = image[4]!;
    this.u32[Layout.MXCSR / 4] = view.getUint32(24, true);
    for (let i = 0; i < 8; i++) {
      this.u8.set(image.subarray(32 + 16 * i, 42 + 16 * i), Layout.X87_REGISTERS + 16 * ((i + (status >> 11)) & 7));
    }
    for (let i = 0; i < 16; i++) this.u8.set(image.subarray(160 + 16 * i, 176 + 16 * i), Layout.XMM + 16 * i);
  }

  /** The same state as an FXSAVE image; FOP, FIP and FDP are 0. */
  saveFx(): Uint8Array {
    const image = new Uint8Array(512);
    const view = new DataView(image.buffer);
    const status = this.u32[Layout.X87_STATUS / 4]!;
    view.setUint16(0, this.u32[Layout.X87_CONTROL / 4]!, true);
    view.setUint16(2, status, true);
    image[4] = this.u32[Layout.X87_TAGS / 4]!;
    view.setUint32(24, this.u32[Layout.MXCSR / 4]!, true);
    for (let i = 0; i < 8; i++) {
      const from = Layout.X87_REGISTERS + 16 * ((i + (status >> 11)) & 7);
      image.set(this.u8.subarray(from, from + 10), 32 + 16 * i);
    }
    for (let i = 0; i < 16; i++)
      image.set(this.u8.subarray(Layout.XMM + 16 * i, Layout.XMM + 16 * i + 16), 160 + 16 * i);
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
