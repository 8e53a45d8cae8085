// SPDX-License-Identifier: LGPL-2.1-only
import { ArchCapabilities } from '../../intrinsics/registers/msr_definitions.js';
import type { ProcessorModel } from './processor_model.js';
import { simulatedModel } from './simulated_model.js';

/**
 * A server processor of the Cascade Lake generation: family 6, model 55H, stepping 7, with physical addresses of 46 bits. UMIP and RDPID are newer
 * than the generation. cascadelake_server.txt is the dump of a real processor of this model; the spec compares the two and lists each difference.
 */
export const cascadelakeServer: ProcessorModel = simulatedModel({
  name: 'cascadelake-server',
  title: 'Cascade Lake server (06_55H)',
  realProcessor: 'Intel Xeon Platinum 8280',
  dump: 'cascadelake_server.txt',
  physicalAddressBits: 46,
  signature: 0x00050657,
  brand: 'Simulated Cascade Lake CPU @ 1.00GHz',
  cacheDescriptors: [0x76036301, 0x00f0b5ff, 0, 0x00c30000],
  caches: {
    data: [0x01c0003f, 0x3f, 0], // 32 KiB
    code: [0x01c0003f, 0x3f, 0], // 32 KiB
    level2: [0x03c0003f, 0x3ff, 0], // 1 MiB
    level3: [0x0280003f, 0xdfff, 5], // 38.5 MiB
  },
  level2Cache: 0x01006040,
  archCapabilities: ArchCapabilities.IbrsAll,
});
