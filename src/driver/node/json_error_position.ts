// SPDX-License-Identifier: LGPL-2.1-only

// One token after optional white space. RFC 8259.
const tokens =
  // eslint-disable-next-line no-control-regex -- JSON forbids control characters in strings
  /[ \t\n\r]*(?:([[\]{}:,])|("(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*")|(true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w.]))/y;

/**
 * Where text stops being JSON: the offset of the first wrong character. JSON.parse of Node 20 does not report it for every error.
 *
 * @returns the length of the text if it only ends too early.
 */
export function jsonErrorPosition(text: string): number {
  const open: string[] = [];
  // What may come next: a value, a key, or what follows a value.
  let expects: 'value' | 'first value' | 'key' | 'first key' | 'colon' | 'after' = 'value';
  for (let at = 0; ;) {
    tokens.lastIndex = at;
    const match = tokens.exec(text);
    const start = at + (/^[ \t\n\r]*/.exec(text.slice(at))?.[0].length ?? 0);
    if (match === null) return start;
    const [whole, mark, string] = match;
    if (mark === undefined) {
      if (expects === 'value' || expects === 'first value') expects = 'after';
      else if (string !== undefined && (expects === 'key' || expects === 'first key')) expects = 'colon';
      else return start;
    } else if (mark === '[' || mark === '{') {
      if (expects !== 'value' && expects !== 'first value') return start;
      open.push(mark);
      expects = mark === '[' ? 'first value' : 'first key';
    } else if (mark === ']' || mark === '}') {
      const isEmpty = expects === (mark === ']' ? 'first value' : 'first key');
      if (open.pop() !== (mark === ']' ? '[' : '{') || (expects !== 'after' && !isEmpty)) return start;
      expects = 'after';
    } else if (mark === ':') {
      if (expects !== 'colon') return start;
      expects = 'value';
    } else {
      if (expects !== 'after' || open.length === 0) return start;
      expects = open[open.length - 1] === '[' ? 'value' : 'key';
    }
    at += whole.length;
  }
}
