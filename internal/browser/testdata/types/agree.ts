// Checks the sources against the types. The test copies autowebinar.js here under
// another name, because TypeScript resolves its own name to the .d.ts file.

import { attach as does } from './implementation.js';
import type { attach as promises } from './autowebinar';

export const attach: typeof promises = does;
