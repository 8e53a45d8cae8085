// SPDX-License-Identifier: LGPL-2.1-only
import js from '@eslint/js';
import tseslint from 'typescript-eslint';
import { withoutDecorators } from './scripts/assembly_script.mjs';

/** Lets the parser of TypeScript read the CPU core's AssemblyScript. */
const assemblyScript = {
  preprocess: (text) => [withoutDecorators(text)],
  postprocess: (messages) => messages.flat(),
};

export default tseslint.config(
  {
    ignores: ['build/**', 'coverage/', 'docs/reference/', 'scripts/bench/host_loops.ts', 'test/fixtures/', 'guests/'],
  },
  js.configs.recommended,
  ...tseslint.configs.recommended,
  {
    files: ['**/*.ts'],
    rules: {
      // An interface and its symbol share one name (docs: ARCHITECTURE.md), which these rules would report as mistakes.
      '@typescript-eslint/no-redeclare': 'off',
      'no-redeclare': 'off',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/no-unused-expressions': 'off',
      'no-console': 'error',
      eqeqeq: 'error',
      'prefer-const': 'error',
      complexity: ['error', 30],
      'max-depth': ['error', 5],
    },
  },
  {
    // The CPU core. Complexity and depth have the limits of all other files, above. The run loop's switch, which may be as long as it
    // likes, is generated (src/machine/generator/emit_run.ts).
    files: ['src/machine/cpu/**/*.ts'],
    processor: assemblyScript,
    rules: {
      // The compiler knows its types and functions (u32, load, store), and says so where it does not.
      'no-undef': 'off',
      // AssemblyScript compares numbers and addresses of a static type: == converts nothing.
      eqeqeq: 'off',
      // Literals are u64, which a JavaScript number is not.
      'no-loss-of-precision': 'off',
      // asc does not notice an assignment to what another file owns.
      'no-import-assign': 'error',
      // Beside the law of test/architecture/style.spec.ts, which holds for the core as for the rest: lines are longer here, so that a
      // function of 40 is a page.
      'max-lines-per-function': ['error', { max: 40, skipComments: true, skipBlankLines: true }],
    },
  },
  {
    files: ['**/*.mjs'],
    languageOptions: {
      globals: {
        process: 'readonly',
        console: 'readonly',
        performance: 'readonly',
        URL: 'readonly',
        Buffer: 'readonly',
        setTimeout: 'readonly',
        WebAssembly: 'readonly',
      },
    },
  },
);
