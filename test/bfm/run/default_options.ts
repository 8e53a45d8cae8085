// SPDX-License-Identifier: LGPL-2.1-only
import type { RunOptions } from '../../../src/bfm/run/run_options.js';

/** The options of `bfm run` as the command line gives them when the user names none. */
export const defaultOptions: RunOptions = {
  append: '',
  cpus: '1',
  cpu: 'skylake-client',
  module: [],
  extensions: [],
  set: [],
  testDevice: false,
  tier: 'on',
  withCode: false,
  realClock: false,
  stats: false,
  json: false,
};
