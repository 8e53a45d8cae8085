// SPDX-License-Identifier: LGPL-2.1-only
import type { Pc } from '../../src/machine/pc.js';

/**
 * Memory of the last machine of a spec, for the next one of the same size: new memory takes longer than most tests. Only the last machine may run. State
 * hashes, saves and checkpoints forget which pages were written, which `wipeMemory` must know; this remembers them.
 */
export class ReusedMemory {
  private last: { readonly memory: WebAssembly.Memory; readonly mark: () => void } | undefined;

  /** An option of the next machine. */
  get option(): { readonly memory?: WebAssembly.Memory } {
    this.last?.mark();
    return this.last === undefined ? {} : { memory: this.last.memory };
  }

  /** The machine was just made. */
  keep(pc: Pc): void {
    const { checkpoints } = pc;
    const { dirtyPages, memory } = pc.core;
    const written = new Set<number>();
    const remember = (): void => {
      for (let page = dirtyPages.indexOf(1); page !== -1; page = dirtyPages.indexOf(1, page + 1)) written.add(page);
    };
    const [hash, save] = [pc.stateHash.bind(pc), pc.save.bind(pc)];
    const [take, goTo] = [checkpoints.take.bind(checkpoints), checkpoints.goTo.bind(checkpoints)];
    pc.stateHash = () => {
      remember();
      return hash();
    };
    pc.save = () => {
      remember();
      return save();
    };
    checkpoints.take = () => {
      remember();
      return take();
    };
    checkpoints.goTo = (checkpoint) => {
      remember();
      goTo(checkpoint);
    };
    this.last = { memory, mark: () => written.forEach((page) => (dirtyPages[page] = 1)) };
  }
}
