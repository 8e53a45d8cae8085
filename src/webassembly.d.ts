// SPDX-License-Identifier: LGPL-2.1-only
// The part of the WebAssembly JavaScript API that the machine uses; the standard library's DOM types, which have it, must not be seen by src.
declare namespace WebAssembly {
  interface Memory {
    readonly buffer: ArrayBuffer;
  }
  const Memory: new (descriptor: { initial: number; maximum?: number }) => Memory;
  interface Table {
    readonly length: number;
    /** @returns the length before */
    grow(by: number): number;
    get(index: number): unknown;
    set(index: number, value: null): void;
  }
  const Table: new (descriptor: { element: 'anyfunc'; initial: number }) => Table;
  const Module: new (bytes: Uint8Array) => Module;
  function compile(bytes: Uint8Array): Promise<Module>;
  function validate(bytes: Uint8Array): boolean;
  type ModuleImports = Record<string, unknown>;
  interface Instance {
    readonly exports: Record<string, unknown>;
  }
  const Instance: new (module: Module, imports: Record<string, ModuleImports>) => Instance;
}
