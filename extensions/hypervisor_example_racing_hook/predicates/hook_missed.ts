// SPDX-License-Identifier: LGPL-2.1-only
// For `explore`: the guest race_hook has executed its function without the hook.
import type { Predicate } from 'bareflank/machine';

/** Where the guest counts the calls of its function. */
const CALLED = 0x600;

const hookMissed: Predicate = ({ memory }) => memory.read8(CALLED) !== 0 && 'the function ran without its hook';

export default hookMissed;
