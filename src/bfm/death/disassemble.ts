// SPDX-License-Identifier: LGPL-2.1-only

/** A disassembled instruction. */
export interface Disassembly {
  /** As in "vaddps ymm0,ymm0,ymm1". */
  readonly text: string;
  /** The CPUID features that it needs, as in "AVX". */
  readonly features: readonly string[];
}

/**
 * Disassembles the first of some bytes. The disassembler, a WebAssembly module of 3 MB, is loaded by the first call only.
 * @param bytes as a report of the machine has them: "0f 01 f9 …".
 * @param bits width of the code segment.
 * @param rip of the instruction, as a number in text: "0x1000".
 * @returns undefined if no processor knows the bytes, or if there are too few.
 */
export async function disassemble(bytes: string, bits: 16 | 32 | 64, rip: string): Promise<Disassembly | undefined> {
  const { Code, CpuidFeature, Decoder, DecoderOptions, Formatter, FormatterSyntax } = await import('iced-x86');
  const decoder = new Decoder(
    bits,
    Uint8Array.from(Buffer.from(bytes.replaceAll(' ', ''), 'hex')),
    DecoderOptions.None,
  );
  decoder.ip = BigInt(rip);
  const instruction = decoder.decode();
  const formatter = new Formatter(FormatterSyntax.Intel);
  try {
    if (instruction.code === Code.INVALID) return undefined;
    const features = [...instruction.cpuidFeatures()].map((feature) => CpuidFeature[feature] ?? '?');
    return { text: formatter.format(instruction), features };
  } finally {
    formatter.free();
    instruction.free();
    decoder.free();
  }
}
