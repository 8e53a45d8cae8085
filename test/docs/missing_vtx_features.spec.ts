// SPDX-License-Identifier: LGPL-2.1-only
import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { allowedSettingsOf } from '../../src/bfm/describe/model_controls.js';
import { packageRoot } from '../../src/driver/node/package_paths.js';
import { controlMasks, type ControlWord } from '../../src/intrinsics/vmx/control_bits.js';

describe('docs/missing_vtx_features.md', () => {
  it('lists the controls that the model does not allow, and no other', () => {
    const page = readFileSync(join(packageRoot, 'docs', 'missing_vtx_features.md'), 'utf8');
    const listed = [...page.matchAll(/^\|[^|]*\|([^|]*)\|$/gm)].flatMap(([, cell]) =>
      [...cell!.matchAll(/`(\w+)`/g)].map(([, name]) => name!),
    );
    const words = Object.keys(controlMasks) as ControlWord[];
    const missing = words.flatMap((word) =>
      [...allowedSettingsOf(word)].filter(([, setting]) => setting === 'always 0').map(([name]) => name),
    );
    expect([...new Set(listed)].sort()).to.deep.equal([...new Set(missing)].sort());
  });
});
