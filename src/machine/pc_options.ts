// SPDX-License-Identifier: LGPL-2.1-only
import type { CompiledTierOptions } from './compiled/compiled_tier.js';
import type { DiskImage } from './devices/virtio/disk_image.js';
import type { ConsolePort } from './devices/virtio/virtio_console.js';
import type { ProcessorModel } from './models/processor_model.js';
import type { ProcessorCounters } from './processor/processor_counters.js';
import type { SymbolFile } from './symbols/symbol_file.js';

/** Options of a PC. */
export interface PcOptions {
  /** The compiled core: build/cpu/cpu.wasm. */
  readonly coreModule: WebAssembly.Module;
  /** How hot code of the guest is compiled; without it all code is interpreted. */
  readonly compiledTier?: CompiledTierOptions;
  /** Guest RAM: 16 MiB … 3 GiB. */
  readonly memoryBytes: number;
  /** Of all processors; the first of `processorModels` by default. */
  readonly model?: ProcessorModel;
  /** How many processors: 1 to 8, 1 by default. */
  readonly processors?: number;
  /** A virtio block device each, in this order. */
  readonly disks?: readonly DiskImage[];
  /** A virtio console device, hvc0. */
  readonly virtioConsole?: ConsolePort;
  readonly com1: (byte: number) => void;
  readonly com2: (byte: number) => void;
  readonly debugConsole?: (byte: number) => void;
  /** Seconds since 1970 at power-on. */
  readonly rtcStart?: number;
  /** With QEMU's pc-testdev. */
  readonly testDevice?: boolean;
  /** A word in which the machine says which VM exit JavaScript is handling: basic reason + 1, or 0. */
  readonly exitMark?: Int32Array;
  /** A word that another thread sets: while it is not 0, a quantum ends at its next VM exit, so that the owner can check why. */
  readonly attention?: Int32Array;
  /** The counters of all processors together; its instructions are those of the processor that had the last VM exit. */
  readonly counters?: ProcessorCounters;
  /** Memory for the last VM exits of each processor, see `ExitHistory`. */
  readonly exitHistories?: readonly Int32Array[];
  /** Virtual nanoseconds that each VM exit takes, 0 by default. */
  readonly exitCost?: number;
  /** Names of the guest's code and data, which the VMM is told too. */
  readonly symbols?: readonly SymbolFile[];
  /** Memory of a machine of the same size that is no longer used, as `WasmCoreOptions` has it. */
  readonly memory?: WebAssembly.Memory;
}
