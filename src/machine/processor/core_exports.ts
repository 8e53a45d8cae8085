// SPDX-License-Identifier: LGPL-2.1-only

/** Exports of src/machine/cpu/cpu.ts. */
export interface CoreExports {
  initialize(): void;
  stateLoaded(): void;
  processorRestored(): void;
  updateMode(): void;
  loadProcessor(processor: number): void;
  execute(): void;
  exitBetweenInstructions(reason: number): void;
  flushTlb(): void;
  flushGuestTlb(): void;
  flushAllTlbs(): void;
  watchWrites(): void;
  readMsr(index: number): number;
  writeMsrHalves(index: number, low: number, high: number): number;
  writeControlRegister(register: number, low: number, high: number): void;
  writeXcrHalves(register: number, low: number, high: number): number;
  loadSegmentRegister(segment: number, selector: number): void;
  translateQuietly(linear: bigint, kind: number, user: number): bigint;
  completeInstruction(length: number): void;
  randomStore(): void;
  cpuidStore(leaf: number, subleaf: number): void;
  writeLinearHalves(addressLow: number, addressHigh: number, low: number, high: number, size: number): void;
  flushCode(): void;
  codeWritten(offset: number, size: number): void;
  noteWrite(offset: number, size: number): void;
  takeWritten(from: number): number;
  decodeInstruction(record: number, code: number, available: number, more: number, offset: number, mode: number): void;
  executeRecord(record: number): void;
}
