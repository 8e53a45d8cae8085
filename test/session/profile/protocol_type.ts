// SPDX-License-Identifier: LGPL-2.1-only
// Types of the Chrome DevTools Protocol, as its authors publish them, and what does not fit one.
import { createRequire } from 'node:module';

interface ProtocolType {
  readonly id?: string;
  readonly name?: string;
  readonly type?: string;
  readonly $ref?: string;
  readonly optional?: boolean;
  readonly items?: ProtocolType;
  readonly properties?: readonly ProtocolType[];
}

const { domains } = createRequire(import.meta.url)('devtools-protocol/json/js_protocol.json') as {
  readonly domains: readonly { readonly domain: string; readonly types?: readonly ProtocolType[] }[];
};

function typeOf(domain: string, id: string): ProtocolType {
  const found = domains.find((each) => each.domain === domain)?.types?.find((each) => each.id === id);
  if (found === undefined) throw new Error(`the protocol has no type ${domain}.${id}`);
  return found;
}

/** @param name as in Profiler.Profile. @returns in words, each with its place: what a value has that the type does not allow */
export function protocolFlaws(name: string, value: unknown): string[] {
  const [domain, id] = name.split('.') as [string, string];
  return flaws(domain, typeOf(domain, id), value, name);
}

function flaws(domain: string, type: ProtocolType, value: unknown, place: string): string[] {
  if (type.$ref !== undefined) {
    const [other, id] = type.$ref.includes('.') ? (type.$ref.split('.') as [string, string]) : [domain, type.$ref];
    return flaws(other, typeOf(other, id), value, place);
  }
  switch (type.type) {
    case 'integer':
      return Number.isInteger(value) ? [] : [`${place} is no integer: ${String(value)}`];
    case 'array':
      if (!Array.isArray(value)) return [`${place} is no array`];
      return value.flatMap((each, index) => flaws(domain, type.items!, each, `${place}[${index}]`));
    case 'object':
      return objectFlaws(domain, type, value as Record<string, unknown>, place);
    default:
      return typeof value === type.type ? [] : [`${place} is no ${type.type}`];
  }
}

function objectFlaws(
  domain: string,
  { properties = [] }: ProtocolType,
  value: Record<string, unknown>,
  place: string,
): string[] {
  const known = new Set(properties.map(({ name }) => name!));
  const extra = Object.keys(value).filter((key) => !known.has(key));
  return [
    ...extra.map((key) => `${place}.${key} is not in the protocol`),
    ...properties.flatMap((each) => {
      const own = value[each.name!];
      if (own === undefined) return each.optional === true ? [] : [`${place}.${each.name} is missing`];
      return flaws(domain, each, own, `${place}.${each.name}`);
    }),
  ];
}
