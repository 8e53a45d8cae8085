// SPDX-License-Identifier: LGPL-2.1-only
import {
  EXPRESSION_END,
  ExternalKind,
  FUNCTION_REFERENCE,
  FUNCTION_TYPE,
  MODULE_HEADER,
  Opcode,
  Section,
  ValueType,
} from '../wasm_format.js';
import { PARAMETERS } from './temporaries.js';
import { FunctionBody } from './function_body.js';
import { WasmWriter, writeLocals } from './wasm_writer.js';

/** A function and the slot of the table that it goes to. */
export interface PlacedFunction {
  readonly body: FunctionBody;
  readonly slot: number;
}

/** The number of the type of a region's function. */
export const REGION_TYPE = 0;
/** The number of the type of a handler. */
export const HANDLER_TYPE = 1;
const handlerType = [FUNCTION_TYPE, 1, ValueType.I32, 0];
const regionType = [FUNCTION_TYPE, PARAMETERS, ValueType.I32, ValueType.I64, 1, ValueType.I32];

/**
 * A module of regions that puts itself into the table. Imports: `core.memory` of so many pages of 64 KiB, `core.table`. One module for several regions:
 * each instance of a module that imports a table costs time by the number of those before it.
 */
export function regionModule(functions: readonly PlacedFunction[], memoryPages: number): Uint8Array<ArrayBuffer> {
  const out = new WasmWriter();
  const section = (id: number, write: (part: WasmWriter) => void): void => {
    out.byte(id);
    out.sized(write);
  };
  out.append(MODULE_HEADER);
  section(Section.Type, (part) => part.append([2, ...regionType, ...handlerType]));
  section(Section.Import, (part) => {
    part.unsigned(2);
    part.name('core');
    part.name('memory');
    part.append([ExternalKind.Memory, 1]);
    part.unsigned(memoryPages);
    part.unsigned(memoryPages);
    part.name('core');
    part.name('table');
    part.append([ExternalKind.Table, FUNCTION_REFERENCE, 0, 1]);
  });
  section(Section.Function, (part) => {
    part.unsigned(functions.length);
    for (let index = 0; index < functions.length; index++) part.unsigned(REGION_TYPE);
  });
  section(Section.Element, (part) => {
    part.unsigned(functions.length);
    functions.forEach(({ slot }, index) => {
      part.byte(0);
      part.i32Const(slot);
      part.append([EXPRESSION_END, 1]);
      part.unsigned(index);
    });
  });
  section(Section.Code, (part) => {
    part.unsigned(functions.length);
    for (const { body } of functions)
      part.sized((inner) => {
        writeLocals(inner, body.locals);
        inner.append(body.out.bytes());
      });
  });
  return out.bytes();
}

/** True if this host's WebAssembly has what regions need: some browsers have no tail calls. */
export function hostCompilesRegions(): boolean {
  const body = new FunctionBody();
  for (const parameter of [0, 1, 0]) body.get(parameter);
  body.out.append([Opcode.ReturnCallIndirect, REGION_TYPE, 0, Opcode.End]);
  return WebAssembly.validate(regionModule([{ body, slot: 0 }], 1));
}
