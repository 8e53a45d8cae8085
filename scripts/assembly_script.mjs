// SPDX-License-Identifier: LGPL-2.1-only

/**
 * AssemblyScript as TypeScript can parse it, each character at its place. They have one syntax, except for decorators of functions and constants,
 * which become spaces.
 */
export function withoutDecorators(text) {
  return text.replace(/@(?:inline|external\([^)]*\))/g, (decorator) => ' '.repeat(decorator.length));
}
