// What could not be said yet, kept in localStorage: a record for each session,
// an entry for each form. Where storage is blocked it lasts as long as the page.

const PREFIX = 'autowebinar:';
export const WEEK = 7 * 24 * 3600 * 1000;

/**
 * What a session's player has to say: sent as one report.
 * @typedef {object} Note
 * @property {string} session_id
 * @property {number} position seconds, where the video stands
 * @property {number} furthest seconds, the highest position since the last report that arrived
 * @property {number} [duration] seconds
 * @property {boolean} [ended]
 * @property {boolean} [sought] the viewer sought
 * @property {boolean} [jumped] and that was beyond what was watched
 * @property {string} [exit] the reason to leave
 * @property {string | null} [seen] last_seen_at in the last answer
 * @property {number} at Unix milliseconds
 */

/** Things by key, each with the time in `at`, and forgotten after a week. */
export class Journal {
  /** @type {Map<string, string>} */ #memory = new Map();
  #kind;

  /** @param {string} kind */
  constructor(kind) { this.#kind = `${PREFIX}${kind}:`; }

  /** @param {string} key @param {object} thing */
  write(key, thing) {
    const text = JSON.stringify({ ...thing, at: 'at' in thing ? thing.at : Date.now() });
    try {
      localStorage.setItem(this.#kind + key, text);
    } catch {
      this.#memory.set(key, text);
    }
  }

  /** @param {string} key @returns {any} null if there is none */
  read(key) {
    let text = this.#memory.get(key);
    try {
      text ??= localStorage.getItem(this.#kind + key) ?? undefined;
      return text ? JSON.parse(text) : null;
    } catch {
      return null;
    }
  }

  /** @param {string} key */
  drop(key) {
    this.#memory.delete(key);
    try {
      localStorage.removeItem(this.#kind + key);
    } catch { /* it is not there either */ }
  }

  keys() {
    let stored = /** @type {string[]} */ ([]);
    try {
      stored = Object.keys(localStorage).filter((key) => key.startsWith(this.#kind)).map((key) => key.slice(this.#kind.length));
    } catch { /* blocked */ }
    return [...new Set([...this.#memory.keys(), ...stored])];
  }
}

/**
 * Runs a task while no other tab runs one of that name. Web Locks are there on
 * secure pages only; elsewhere it must do that the tasks are harmless to repeat.
 * @template T
 * @param {string} name
 * @param {() => Promise<T>} task
 * @param {LockOptions} [options] ifAvailable: not at all while another tab does
 * @returns {Promise<T | undefined>}
 */
export async function alone(name, task, options = {}) {
  let asked = false;
  try {
    return await navigator.locks.request(PREFIX + name, options, async (lock) => {
      asked = true;
      return lock ? task() : undefined;
    });
  } catch (problem) {
    if (asked) throw problem;
    return task();
  }
}

/** crypto.randomUUID is there on secure pages only. */
export function uuid() {
  const b = crypto.getRandomValues(new Uint8Array(16));
  b[6] = (b[6] & 0x0f) | 0x40;
  b[8] = (b[8] & 0x3f) | 0x80;
  return [...b].map((byte, i) => ([4, 6, 8, 10].includes(i) ? '-' : '') + byte.toString(16).padStart(2, '0')).join('');
}
