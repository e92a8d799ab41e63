// The live table of the viewer's rows.

import { $, copy, pill } from './dom.js';
import { explain, parts } from './keys.js';

/**
 * Loads the rows every second and whenever refresh() is called. Events: 'rows'
 * (detail: {rows, now}) on success, 'fault' (detail: 'service' or 'database') on
 * failure.
 */
export class Rows extends EventTarget {
  #viewer; #loading = false; #pending = false;

  constructor(viewer) {
    super();
    this.#viewer = viewer;
    setInterval(() => document.hidden || this.refresh(), 1000);
    document.addEventListener('visibilitychange', () => document.hidden || this.refresh());
  }

  async refresh() {
    this.#pending = true;
    if (this.#loading) return;
    this.#loading = true;
    while (this.#pending) {
      this.#pending = false;
      await this.#load();
    }
    this.#loading = false;
  }

  async #load() {
    try {
      const response = await fetch(`/demo/rows?viewer=${this.#viewer}`);
      const detail = response.ok ? await response.json() : 'database';
      this.dispatchEvent(new CustomEvent(response.ok ? 'rows' : 'fault', { detail }));
    } catch {
      this.dispatchEvent(new CustomEvent('fault', { detail: 'service' }));
    }
  }
}

const drawn = new Map(); // umeta_id → its row in the table
let fresh = true; // rows do not flash when the page opens

/** Draws the rows; new and changed ones flash. */
export function draw(rows) {
  const kept = new Set(rows.map((row) => row.umeta_id));
  for (const [id, tr] of drawn) {
    if (kept.has(id)) continue;
    tr.remove();
    drawn.delete(id);
  }
  rows.forEach((row, i) => {
    const tr = drawn.get(row.umeta_id) ?? make(row);
    if (fill(tr, row) && !fresh) flash(tr);
    if ($('rows').children[i] !== tr) $('rows').insertBefore(tr, $('rows').children[i] ?? null);
  });
  fresh = false;
  $('rows-empty').hidden = rows.length > 0;
  $('rows').parentElement.hidden = rows.length === 0;
  pill($('rows-count'), rows.length === 1 ? '1 row' : `${rows.length} rows`);
}

function make(row) {
  const tr = copy('row-template');
  tr.querySelector('.id').textContent = row.umeta_id;
  drawn.set(row.umeta_id, tr);
  return tr;
}

/** Writes a row and returns whether it changed. */
function fill(tr, row) {
  const text = `${row.meta_key}\n${row.meta_value}`;
  if (tr.dataset.text === text) return false;
  tr.dataset.text = text;
  const { prefix, name, webinar } = parts(row.meta_key);
  const key = tr.querySelector('.key');
  key.children[0].textContent = prefix;
  key.children[1].textContent = name;
  key.children[2].textContent = webinar ? `@${webinar}` : '';
  key.dataset.tip = explain(row.meta_key);
  tr.classList.toggle('parked', Boolean(webinar) && name !== 'registered');
  tr.classList.toggle('outbox', name.startsWith('outbox'));
  tr.children[1].firstElementChild.textContent = row.meta_value;
  tr.children[1].title = row.meta_value.length > 60 ? row.meta_value : '';
  return true;
}

// The color appears at once and fades when the class is removed.
function flash(tr) {
  tr.classList.add('changed');
  clearTimeout(tr.fading);
  tr.fading = setTimeout(() => tr.classList.remove('changed'), 700);
}
