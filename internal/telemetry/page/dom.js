// Helpers for elements and formatting.

export const $ = (id) => document.getElementById(id);

export function element(name, text = '', className = '') {
  const node = document.createElement(name);
  node.textContent = text;
  if (className) node.className = className;
  return node;
}

export function svgElement(name, attributes = {}) {
  const node = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  return node;
}

/** Sets a text only if it changes, so that screen readers announce it once. */
export function setText(node, text, className) {
  if (node.textContent !== text) node.textContent = text;
  if (className !== undefined && node.className !== className) node.className = className;
}

/** Replaces the children of a node if the data they show has changed. */
export function fill(node, data, render) {
  const key = JSON.stringify(data);
  if (node.dataKey === key) return;
  node.dataKey = key;
  node.replaceChildren(...render());
}

/** Fills a <dl> with [name, value, className] entries. */
export function pairs(list, entries) {
  fill(list, entries, () => entries.map(([name, value, className]) => {
    const row = element('div');
    row.append(element('dt', name), element('dd', String(value), className));
    return row;
  }));
}

const integer = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const oneDecimal = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });

/** Formats a number as 1,234 or, below one hundred, 12.3. */
export const number = (n) => (n < 100 ? oneDecimal : integer).format(n);

export const time = (date) => new Date(date).toLocaleTimeString('en-GB');

/** Formats seconds as "45 s", "12 min", "3 h 20 min" or "5 d 2 h". */
export function duration(seconds) {
  const s = Math.max(0, Math.round(seconds));
  if (s < 120) return `${s} s`;
  if (s < 7200) return `${Math.floor(s / 60)} min`;
  if (s < 172800) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`;
}
