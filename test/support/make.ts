// SPDX-License-Identifier: LGPL-2.1-only
import { injectionsOf, nameOf, type PartClass } from '../../src/vmm/container/injections.js';

/** A part that a test did not foresee: any use of it fails, naming the property. */
function throwingStub(where: string, identifier: unknown): object {
  const fail = (what: string): never => {
    throw new Error(`${where} (${nameOf(identifier)}): ${what} was not foreseen; give it to make(…)`);
  };
  return new Proxy(function () {}, {
    get: (_target, key) => {
      // Assertion libraries and `await` read these properties: that is not a use of the part.
      if (typeof key === 'symbol' || key === 'then' || key === 'toJSON') return undefined;
      return fail(`.${key}`);
    },
    set: (_target, key) => fail(`.${String(key)} = …`),
    apply: () => fail('a call'),
  });
}

/**
 * Makes a part by hand, without a container: `make(VmcsIntelX64, { vmx, msrs })`. Injected properties that are not given are stubs that throw
 * when they are used; lists of contributions are empty, and optional ones keep the class's own default.
 *
 * @param parts by the name of the property. A name that the class does not inject is an error: a typing slip would test nothing.
 */
export function make<T extends object>(type: PartClass<T>, parts: Readonly<Record<string, unknown>> = {}): T {
  const injections = injectionsOf(type).properties;
  const unknown = Object.keys(parts).find((name) => !injections.some(({ property }) => property === name));
  if (unknown !== undefined) {
    const names = injections.map(({ property }) => property).join(', ');
    throw new Error(
      `${type.name} injects no '${unknown}'; it injects ${names || 'nothing'} (is @extension() missing?)`,
    );
  }
  const instance = new type();
  for (const { property, identifier, many, optional } of injections) {
    const given = property in parts;
    // What may be absent has a default of the class's own.
    if (!given && optional && !many) continue;
    const value = given ? parts[property] : many ? [] : throwingStub(`${type.name}.${property}`, identifier);
    Object.defineProperty(instance, property, { value, writable: true, enumerable: true, configurable: true });
  }
  return instance;
}
