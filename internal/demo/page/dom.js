// Helpers for the document.

export const $ = (id) => document.getElementById(id);

/** Returns a copy of the element in a template. */
export const copy = (id) => $(id).content.firstElementChild.cloneNode(true);

export const element = (name, text, className = '') =>
  Object.assign(document.createElement(name), { textContent: text, className });

/** Writes a text only if it changes, so that a screen reader does not repeat it. */
export function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function pill(node, text, kind = '') {
  write(node, text);
  node.className = `pill ${kind}`;
}

/** Formats seconds as 1:05. */
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`;
}

export const hour = (date) => date.toLocaleTimeString('en-GB');
