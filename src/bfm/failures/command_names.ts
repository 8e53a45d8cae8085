// SPDX-License-Identifier: LGPL-2.1-only
import { inOwnName } from './own_name.js';

/** The commands, in the order of the help text. */
export const commandNames = [
  ...(['run', 'replay', 'explore', 'guest', 'describe', 'driver_load', 'driver_unload', 'load', 'reload'] as const),
  ...(['unload', 'start', 'stop', 'quick', 'status', 'dump', 'save', 'eval', 'gdb', 'vmcall', 'console'] as const),
  ...(['new', 'test', 'completion'] as const),
] as const;

export type CommandName = (typeof commandNames)[number];

/** A text for the user, with command lines as the user types them. */
export const toTheUser = (text: string): string => inOwnName(text, commandNames);
