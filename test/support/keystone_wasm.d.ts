// SPDX-License-Identifier: LGPL-2.1-only
// The package's own declarations are not reachable by its `exports`.
declare module 'keystone-wasm' {
  /** Loads the assembler's WebAssembly; once, before the first Keystone. */
  export function loadKeystone(options?: Record<string, unknown>): Promise<void>;
  export const Const: Readonly<
    Record<'KS_ARCH_X86' | 'KS_MODE_16' | 'KS_MODE_32' | 'KS_MODE_64' | 'KS_OPT_SYNTAX' | 'KS_OPT_SYNTAX_NASM', number>
  >;
  /** One assembler. */
  export class Keystone {
    constructor(architecture: number, mode: number);
    /** Assembles text; throws where it cannot. */
    asm(text: string, options?: { address?: number | bigint }): Uint8Array;
    close(): void;
  }
}
