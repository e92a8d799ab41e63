// The sources do what the types say: the test puts autowebinar.js here under
// another name, because beside a .d.ts its own name means that.

import { attach as does } from './implementation.js';
import type { attach as promises } from './autowebinar';

export const attach: typeof promises = does;
