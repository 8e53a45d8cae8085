// SPDX-License-Identifier: LGPL-2.1-only
import type { ProcessorModel } from './processor_model.js';
import { simulatedModel } from './simulated_model.js';

/**
 * A client processor of the Skylake generation: family 6, model 5EH, stepping 3. UMIP and RDPID are newer than the generation. skylake_client.txt is
 * the dump of a real processor of this model; the spec compares the two and lists each difference.
 */
export const skylakeClient: ProcessorModel = simulatedModel({
  name: 'skylake-client',
  title: 'Skylake client (06_5EH)',
  realProcessor: 'Intel Core i5-6400T',
  dump: 'skylake_client.txt',
  physicalAddressBits: 39,
  signature: 0x000506e3,
  brand: 'Simulated Skylake CPU @ 1.00GHz',
  cacheDescriptors: [0x76036301, 0x00f0b5ff, 0, 0x00c30000],
  caches: {
    data: [0x01c0003f, 0x3f, 0], // 32 KiB
    code: [0x01c0003f, 0x3f, 0], // 32 KiB
    level2: [0x00c0003f, 0x3ff, 0], // 256 KiB
    level3: [0x03c0003f, 0x1fff, 6], // 8 MiB
  },
  level2Cache: 0x01006040,
  archCapabilities: 0,
});
