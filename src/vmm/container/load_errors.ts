// SPDX-License-Identifier: LGPL-2.1-only
import { BareflankError, type ErrorOptions } from '../../intrinsics/errors.js';

/** The modules are wrong, and nothing is loaded. The message names files and symbols. */
export class ModuleLoadError extends BareflankError {
  constructor(
    message: string,
    /** The files that the error is about. */
    readonly files: readonly string[],
    options: ErrorOptions = {},
  ) {
    super(message, options);
  }
}

/** Two binds of one component. */
export class DuplicateBindError extends ModuleLoadError {}

/** Two rebinds of one component. */
export class DuplicateRebindError extends ModuleLoadError {}

/** A rebind of a symbol that nobody binds. */
export class RebindUnboundError extends ModuleLoadError {}

/** A rebind of a contribution point, which takes any number of bindings. */
export class RebindContributionError extends ModuleLoadError {}

/** A symbol that neither `component` nor `contribution` declared. */
export class UndeclaredSymbolError extends ModuleLoadError {}

/** A class injects a symbol that nobody binds. */
export class UnresolvedSymbolError extends ModuleLoadError {}

/** Components that need each other. */
export class CircularDependencyError extends ModuleLoadError {}

/** A module or class of one scope uses a symbol of the other scope. */
export class ScopeError extends ModuleLoadError {}

/** `inject` of a contribution point, or `multiInject` of a component. */
export class ArityError extends ModuleLoadError {}

/** A subclass lost the injections of its base because it lacks `@extension()`. */
export class MissingDecoratorError extends ModuleLoadError {}

/** A class that cannot be made without arguments: dependencies are injected into properties. */
export class ConstructorError extends ModuleLoadError {}

/** Names, `before` and `after` of contributions do not give an order. */
export class ContributionOrderError extends ModuleLoadError {}

/** A contribution lacks a member that its contribution point calls. */
export class MissingMemberError extends ModuleLoadError {}

/** A member that the container or a contribution point reads has a wrong type. */
export class MemberTypeError extends ModuleLoadError {}

/** A `bind(X)` without `to…`, or a module function that throws. */
export class ModuleFunctionError extends ModuleLoadError {}

/** A parameter that no loaded module declares, or a value that it cannot have. */
export class ParameterError extends ModuleLoadError {}

/** Two copies of the framework in one process: their classes are not each other's. */
export class SecondCopyError extends ModuleLoadError {}
