// SPDX-License-Identifier: LGPL-2.1-only
// `bareflank/testing`: what users' unit tests import.
export * from './fake_machine.js';
export * from './fake_memory.js';
export * from './make.js';
export * from './stubs.js';
