// SPDX-License-Identifier: LGPL-2.1-only
// The one copy of Inversify in a worker, for extensions that import it.
export * from 'inversify';
