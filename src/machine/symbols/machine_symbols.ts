// SPDX-License-Identifier: LGPL-2.1-only
import type { Execution } from '../intrinsics/execution.js';
import type { WasmCore } from '../processor/wasm_core.js';
import { GuestSymbols } from './guest_symbols.js';
import type { SymbolFile } from './symbol_file.js';
import { SymbolMemory } from './symbol_memory.js';

/** The names of a machine's guest: for its VMM, and apart from that for those who look at the machine. */
export class MachineSymbols {
  private shown: GuestSymbols | undefined;

  /** @param files of names, with which the machine was made */
  constructor(
    private readonly core: WasmCore,
    private readonly execution: Execution,
    private readonly files: readonly SymbolFile[] = [],
  ) {}

  /** For those who look at the machine. */
  get own(): GuestSymbols {
    return (this.shown ??= this.forVmm());
  }

  /** Names from more files, which only those who look at the machine get to see. */
  add(files: readonly SymbolFile[]): void {
    this.shown = this.make([...files, ...this.files]);
  }

  /** For a VMM: what others look up has no influence on its answers. */
  forVmm(): GuestSymbols {
    return this.make(this.files);
  }

  private make(files: readonly SymbolFile[]): GuestSymbols {
    const { core, execution } = this;
    const memory = new SymbolMemory(core.ram, (start, end) => core.absentPages.provideRange(start, end));
    return new GuestSymbols(
      memory,
      () => {
        const { processor: current, processors } = execution;
        return [current, ...processors.map(({ processor }) => processor).filter((each) => each !== current)];
      },
      files,
    );
  }
}
