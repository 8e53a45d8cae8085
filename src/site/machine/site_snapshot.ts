// SPDX-License-Identifier: LGPL-2.1-only
import { strFromU8, unzlibSync } from 'fflate';
import { plainDataFromText } from '../../driver/plain_data_text.js';
import type { LaterPages } from '../../machine/memory/absent_pages.js';
import type { PageContents } from '../../machine/memory/page_contents.js';
import { processorModel } from '../../machine/models/processor_models.js';
import type { ProcessorModel } from '../../machine/models/processor_model.js';
import type { Pc } from '../../machine/pc.js';
import { LAYOUT_DIGEST } from '../../machine/state/layout_digest.js';
import { unpackPages } from './page_group.js';
import { SNAPSHOT_VERSION, type PageGroup, type SnapshotManifest, type SnapshotState } from './snapshot_files.js';

/** Where a snapshot's files come from. */
export interface SnapshotFolder {
  /** The bytes of a file. @throws if there is none */
  readonly fetch: (name: string) => Promise<Uint8Array>;
  /** The same, while everything waits. */
  readonly fetchNow: (name: string) => Uint8Array;
}

/** A snapshot of a site. Most of its pages are fetched when the machine needs them. */
export class SiteSnapshot {
  private constructor(
    readonly manifest: SnapshotManifest,
    readonly model: ProcessorModel,
    private readonly saved: SnapshotState,
    private readonly first: PageContents,
    private readonly folder: SnapshotFolder,
  ) {}

  /** Fetches what a machine needs at once. @throws Error if the snapshot belongs to another version of the page */
  static async open(folder: SnapshotFolder): Promise<SiteSnapshot> {
    const manifest = JSON.parse(strFromU8(await folder.fetch('manifest.json'))) as SnapshotManifest;
    const { version, layout, model: name } = manifest;
    if (version !== SNAPSHOT_VERSION || layout !== LAYOUT_DIGEST)
      throw new Error('the snapshot belongs to another version of this page: build the site and the snapshot again');
    const model = processorModel(name);
    if (model === undefined) throw new Error(`the snapshot has processors of an unknown model: ${name}`);
    const [state, first] = await Promise.all([folder.fetch(manifest.state), folder.fetch(manifest.first)]);
    const saved = plainDataFromText(strFromU8(unzlibSync(state))) as SnapshotState;
    return new SiteSnapshot(manifest, model, saved, unpackPages(first), folder);
  }

  /** Makes a machine of the snapshot's kind go on from it. @param load gives the pages that the machine needs; the default fetches their groups */
  restore(pc: Pc, load: LaterPages['load'] = (number) => this.load(number)): void {
    const { numbers } = this;
    pc.restore({ ...this.saved.state, pages: [...this.saved.state.pages, this.first] }, { numbers, load });
  }

  /** All pages of RAM but the first ones. */
  get numbers(): Uint32Array {
    const first = new Set(this.first.numbers);
    return this.saved.numbers.filter((number) => !first.has(number));
  }

  /** Fetches the group of a page. */
  load(number: number): PageContents {
    return unpackPages(this.folder.fetchNow(this.groupOf(number).file));
  }

  private groupOf(number: number): PageGroup {
    const { groups } = this.manifest;
    let low = 0;
    for (let high = groups.length - 1; low < high;) {
      const middle = (low + high) >> 1;
      if (groups[middle]!.to < number) low = middle + 1;
      else high = middle;
    }
    return groups[low]!;
  }
}
