// SPDX-License-Identifier: LGPL-2.1-only
import { brotliCompressSync, brotliDecompressSync, constants } from 'node:zlib';
import type { CaseResult, InstructionCase } from '../cases/instruction_case.js';
import {
  decodeCase,
  decodeResults,
  encodeCases,
  encodeResults,
  type InstructionSummary,
} from '../host/helper_format.js';
import type { HostQuirks } from '../host/host_quirks.js';
import type { ProcessorName } from '../host/processor_name.js';

/** Results of a real processor, with all that is needed to compare the core with them on any machine. */
export interface RecordedVectors extends VectorHeader {
  readonly cases: readonly InstructionCase[];
  readonly results: readonly CaseResult[];
}

/** Where vectors come from. */
export interface VectorHeader {
  readonly processor: ProcessorName;
  /** The operating system's name and release. */
  readonly system: string;
  readonly quirks: HostQuirks;
  /** Seed of the data pages. */
  readonly dataSeed: number;
}

/** One batch: what the native helper read and wrote, and how long each instruction is. */
interface VectorBatch {
  readonly instructions: readonly (readonly InstructionSummary[])[];
  readonly inputBytes: number;
  readonly outputBytes: number;
}

/** What the file begins with, as JSON; the batches' bytes follow. */
interface FileHeader extends VectorHeader {
  readonly format: typeof FORMAT;
  readonly batches: readonly VectorBatch[];
}

/** Cases of a batch: input and output of a case are then near each other, which compresses better. */
export const VECTOR_BATCH = 128;
const FORMAT = 'bareflank instruction vectors 2';
const LENGTH_BYTES = 4;

/** Cases, and a result for each. */
export interface RecordedBatch {
  readonly cases: readonly InstructionCase[];
  readonly results: readonly CaseResult[];
}

/** Makes a compressed file. */
export function encodeVectors(header: VectorHeader, batches: readonly RecordedBatch[]): Buffer {
  const inputs = batches.map(({ cases }) => encodeCases(cases, header.dataSeed));
  const outputs = batches.map(({ cases, results }) => encodeResults(results, cases));
  const described = batches.map(({ cases }, i): VectorBatch => ({
    instructions: cases.map(({ instructions }) =>
      instructions.map(({ bytes, ...others }) => ({ ...others, length: bytes.length })),
    ),
    inputBytes: inputs[i]!.length,
    outputBytes: outputs[i]!.length,
  }));
  const text = Buffer.from(JSON.stringify({ format: FORMAT, ...header, batches: described } satisfies FileHeader));
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32LE(text.length);
  const all = Buffer.concat([length, text, ...inputs.flatMap((input, i) => [input, outputs[i]!])]);
  return brotliCompressSync(all, {
    params: {
      [constants.BROTLI_PARAM_LGWIN]: constants.BROTLI_MAX_WINDOW_BITS,
      [constants.BROTLI_PARAM_SIZE_HINT]: all.length,
    },
  });
}

/** Reads a file. @throws RangeError when it is of another format. */
export function decodeVectors(file: Buffer): RecordedVectors {
  const all = brotliDecompressSync(file);
  const headerEnd = LENGTH_BYTES + all.readUInt32LE();
  const { format, batches, ...header } = JSON.parse(all.toString('utf8', LENGTH_BYTES, headerEnd)) as FileHeader;
  if (format !== FORMAT)
    throw new RangeError(`the vectors are of the format "${format}", not "${FORMAT}": record them again`);
  let at = headerEnd;
  const take = (bytes: number): Buffer => all.subarray(at, (at += bytes));
  const pairs = batches.map(({ instructions, inputBytes, outputBytes }) => {
    const input = take(inputBytes);
    const cases = instructions.map((list, i) => decodeCase(input, i, list));
    return { cases, results: decodeResults(take(outputBytes), cases) };
  });
  return {
    ...header,
    cases: pairs.flatMap(({ cases }) => cases),
    results: pairs.flatMap(({ results }) => results),
  };
}
