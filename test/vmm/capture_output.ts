// SPDX-License-Identifier: LGPL-2.1-only
import { attachOutput } from '../../src/vmm/output/output.js';

/** Runs `body` and returns what it wrote with bfinfo and similar functions, without colours. */
export function captureOutput(body: () => void): string {
  let text = '';
  const before = attachOutput({
    write: (part) => void (text += part),
    writeToVcpu: (vcpuid, part) => void (text += `[${vcpuid}] ${part}`),
  });
  try {
    body();
  } finally {
    attachOutput(before);
  }
  // eslint-disable-next-line no-control-regex -- colours are escape sequences
  return text.replace(/\u001b\[[0-9;]*m/g, '');
}
