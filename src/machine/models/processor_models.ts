// SPDX-License-Identifier: LGPL-2.1-only
import { cascadelakeServer } from './cascadelake_server.js';
import type { ProcessorModel } from './processor_model.js';
import { skylakeClient } from './skylake_client.js';

/** The models that a machine can have. The first is the default. */
export const processorModels: readonly [ProcessorModel, ...ProcessorModel[]] = [skylakeClient, cascadelakeServer];

/** The model of a name, undefined if there is none. */
export function processorModel(name: string): ProcessorModel | undefined {
  return processorModels.find((model) => model.name === name);
}
