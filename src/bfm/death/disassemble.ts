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
  const decoder = new Decoder(bits, bytesOf(bytes), DecoderOptions.None);
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

/** An instruction, as far as the flow of instructions is concerned. */
export interface DecodedInstruction {
  /** Bytes. */
  readonly length: number;
  /** Whether it may go on somewhere else than behind itself. */
  readonly isBranch: boolean;
  /** Whether it always branches, be it to what is behind it. VMCALL and its like do not. */
  readonly isAlwaysTaken: boolean;
  /** As in "jne". */
  readonly mnemonic: string;
}

/** Decodes the first of some bytes, as `disassemble` takes them. */
export type DecodeInstruction = (bytes: string, bits: 16 | 32 | 64, rip: bigint) => DecodedInstruction | undefined;

/** The disassembler, loaded, for many instructions. */
export async function instructionDecoder(): Promise<DecodeInstruction> {
  const { Code, Decoder, DecoderOptions, FlowControl, Mnemonic } = await import('iced-x86');
  // UD2 and its like raise an exception.
  const goesOn = new Set([FlowControl.Next, FlowControl.Exception]);
  const jumps = new Set([FlowControl.UnconditionalBranch, FlowControl.IndirectBranch, FlowControl.Return]);
  return (bytes, bits, rip) => {
    const decoder = new Decoder(bits, bytesOf(bytes), DecoderOptions.None);
    decoder.ip = rip;
    const instruction = decoder.decode();
    try {
      if (instruction.code === Code.INVALID) return undefined;
      const { length, flowControl } = instruction;
      const mnemonic = Mnemonic[instruction.mnemonic]!.toLowerCase();
      const isAlwaysTaken = jumps.has(flowControl) || mnemonic === 'call';
      return { length, isBranch: !goesOn.has(flowControl), isAlwaysTaken, mnemonic };
    } finally {
      instruction.free();
      decoder.free();
    }
  };
}

const bytesOf = (bytes: string): Uint8Array => Uint8Array.from(Buffer.from(bytes.replaceAll(' ', ''), 'hex'));
