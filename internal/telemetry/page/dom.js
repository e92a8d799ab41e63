// What every part of the page needs of the document.

export const $ = (id) => document.getElementById(id);

export function element(name, text = '', className = '') {
  const node = document.createElement(name);
  node.textContent = text;
  if (className) node.className = className;
  return node;
}

export function drawn(name, attributes = {}) {
  const node = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  return node;
}

/** Writes a text only where it changes, so that nothing is read out twice. */
export function write(node, text, className) {
  if (node.textContent !== text) node.textContent = text;
  if (className !== undefined && node.className !== className) node.className = className;
}

/** Fills a node anew, but only if what is shown would differ. */
export function fill(node, shown, make) {
  const key = JSON.stringify(shown);
  if (node.shown === key) return;
  node.shown = key;
  node.replaceChildren(...make());
}

/** Fills a <dl> with [name, value, class] triples. */
export function pairs(list, entries) {
  fill(list, entries, () => entries.map(([name, value, className]) => {
    const row = element('div');
    row.append(element('dt', name), element('dd', String(value), className));
    return row;
  }));
}

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const fine = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });

/** 1,234 or, of less than a hundred, 12.3. */
export const number = (n) => (n < 100 ? fine : whole).format(n);

export const hour = (date) => new Date(date).toLocaleTimeString('en-GB');

/** Seconds as "45 s", "12 min", "3 h 20 min" or "5 d 2 h". */
export function lasting(seconds) {
  const s = Math.max(0, Math.round(seconds));
  if (s < 120) return `${s} s`;
  if (s < 7200) return `${Math.floor(s / 60)} min`;
  if (s < 172800) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`;
}
