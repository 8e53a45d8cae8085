// SPDX-License-Identifier: LGPL-2.1-only

/** Mandatory prefix of a row as a bit set of what it accepts: none 1, 66 2, F3 4, F2 8. */
export const PrefixMask = { none: 1, p66: 2, pF3: 4, pF2: 8, any: 15 } as const;

/** The parsed first column of a row. */
export interface Encoding {
  readonly prefixes: number;
  /** 0 one byte, 1 0F, 2 0F 38, 3 0F 3A; 4, 5 and 6 are the last three with a VEX prefix. */
  readonly map: number;
  readonly opcode: number;
  /** The low three bits of the opcode byte are a register. */
  readonly registerInOpcode: boolean;
  /** '/digit'. */
  readonly digit?: number;
  /** Exact ModRM byte, C0 … FF. */
  readonly modrm?: number;
  /** The low three bits of the exact ModRM byte are ST(i). */
  readonly registerInModrm: boolean;
}

const prefixNames: Readonly<Record<string, number>> = {
  NP: PrefixMask.none,
  '66': PrefixMask.p66,
  F3: PrefixMask.pF3,
  F2: PrefixMask.pF2,
};

/** Difference between a map with VEX and the same map without. */
export const vexMaps = 3;
/** Opcode maps, those with VEX included. */
export const mapCount = 7;

function byte(text: string | undefined, whole: string): number {
  if (text === undefined || !/^[0-9A-F]{2}$/i.test(text))
    throw new SyntaxError(`'${text ?? ''}' in encoding '${whole}' is no byte`);
  return parseInt(text, 16);
}

/** Parses the notation of row.ts. Throws SyntaxError, naming the text, if it does not fit. */
export function parseEncoding(text: string): Encoding {
  const words = text.trim().split(/\s+/);
  const hasVex = words[0] === 'VEX';
  if (hasVex) words.shift();
  let prefixes: number = PrefixMask.any;
  if (words.length > 1 && (words[0] === 'NP' || (words[0]! in prefixNames && /^[0-9A-F]{2}\+?$/i.test(words[1]!)))) {
    prefixes = prefixNames[words.shift()!]!;
  }
  let map = 0;
  if (words[0] === '0F' && words.length > 1) {
    // a lone 0F would be an opcode of the one-byte map
    words.shift();
    const second: string = words[0];
    if (words.length > 1 && (second === '38' || second === '3A')) {
      map = second === '38' ? 2 : 3;
      words.shift();
    } else map = 1;
  }
  if (hasVex && map === 0) throw new SyntaxError(`encoding '${text}' has VEX, and no map`);
  if (hasVex) map += vexMaps;
  const first = words.shift() ?? '';
  const opcode = byte(first.replace('+', ''), text);
  const rest = words.shift();
  if (words.length > 0) throw new SyntaxError(`encoding '${text}' has too many words`);
  const base = { prefixes, map, opcode, registerInOpcode: first.endsWith('+'), registerInModrm: false };
  if (rest === undefined || rest === '/r') return base;
  if (rest.startsWith('/')) return { ...base, digit: Number(rest.slice(1)) };
  const modrm = byte(rest.replace(/\+i?$/, ''), text);
  if (modrm < 0xc0) throw new SyntaxError(`encoding '${text}': an exact ModRM byte must be C0 to FF`);
  return { ...base, modrm, registerInModrm: rest.includes('+') };
}
