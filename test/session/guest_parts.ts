// SPDX-License-Identifier: LGPL-2.1-only
// Parts of the guests that are recorded and replayed: they see everything that may come in, and mix it into one word.

/** Where the mixture is. */
export const mixture = 0x700;

/** Adds what is in EAX to the mixture. */
export const mix = [`imul ebx, [${mixture}], 33`, 'xor ebx, eax', `mov [${mixture}], ebx`];

/** Takes a typed byte, mixes it in and sends it back. Without one it goes to `nothing`; after Ctrl-D to `off`. */
export const typedByte = (nothing: string): string[] => [
  'mov dx, 0x3fd',
  'in al, dx',
  'test al, 1',
  `jz ${nothing}`,
  'mov dx, 0x3f8',
  'in al, dx',
  'movzx eax, al',
  ...mix,
  'out dx, al',
  'cmp al, 4',
  'je off',
];

/** Switches the power off. */
export const powerOff = ['off: mov edx, 0x604', 'mov eax, 0x2000', 'out dx, ax', 'hlt'];
