// SPDX-License-Identifier: LGPL-2.1-only
// The one copy of reflect-metadata in a worker, for extensions that import it.
import 'reflect-metadata';
