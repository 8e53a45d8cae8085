// SPDX-License-Identifier: LGPL-2.1-only
import type { ComponentScope } from '../../intrinsics/component.js';
import type { BindingRecord } from './binding_record.js';
import { BindingRecorder, type PartBinder } from './binding_recorder.js';
import { ModuleFunctionError, ModuleLoadError } from './load_errors.js';
import { isThenable } from '../support/thenable.js';
import './running_copy.js';

/** A module function: it only binds. */
export type PartModuleFunction = (binder: PartBinder) => void;

const brand = Symbol.for('bareflank.PartModule');

/** Bindings of one scope, as a file exports them. Made by `vmmModule` and `vcpuModule`. */
export class PartModule {
  readonly [brand] = true;

  constructor(
    readonly scope: ComponentScope,
    private readonly load: PartModuleFunction,
  ) {}

  /** Runs the module function. @param file whose export this is, for error messages. */
  record(file: string): readonly BindingRecord[] {
    const recorder = new BindingRecorder(this.scope, file);
    let answer: unknown;
    try {
      answer = this.load(recorder);
    } catch (error) {
      if (error instanceof ModuleLoadError) throw error;
      throw new ModuleFunctionError(
        `${file}: its module function threw: ${error instanceof Error ? error.message : String(error)}`,
        [file],
        {
          causedBy: error,
        },
      );
    }
    if (isThenable(answer))
      throw new ModuleFunctionError(`${file}: its module function returned a Promise: it must bind at once`, [file]);
    return recorder.finish();
  }

  /** Whether a value is a module of this copy or of another one. */
  static looksLike(value: unknown): boolean {
    return typeof value === 'object' && value !== null && (value as { [brand]?: unknown })[brand] === true;
  }
}

/** Bindings of parts that exist once per VMM. */
export function vmmModule(load: PartModuleFunction): PartModule {
  return new PartModule('vmm', load);
}

/** Bindings of parts that each vCPU has. */
export function vcpuModule(load: PartModuleFunction): PartModule {
  return new PartModule('vcpu', load);
}
