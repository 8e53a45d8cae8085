// SPDX-License-Identifier: LGPL-2.1-only

/** A request that cannot be fulfilled. Its number means nothing to GDB. */
export const FAILED = 'E01';
/** There is no memory. */
export const FAULT = 'E14';
export const OK = 'OK';
/** The protocol's answer to what a stub does not know. */
export const UNKNOWN = '';

/** Why nothing can be changed in a run that is recorded, or in the replay of one. */
export const RECORDED = 'the run is recorded, and a replay would not have the change';

/** A request that is refused. GDB shows the reason, but takes these characters for parts of the frame. */
export const refused = (reason: string): string => `E.${reason.replace(/[#$}*]/g, ' ')}`;
