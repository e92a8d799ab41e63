// What every part of the page needs of the document.

export const $ = (id) => document.getElementById(id);

/** A copy of a template's one element. */
export const copy = (id) => $(id).content.firstElementChild.cloneNode(true);

export const element = (name, text, className = '') =>
  Object.assign(document.createElement(name), { textContent: text, className });

/** Writes a text only where it changes, so that nothing is drawn or read out twice. */
export function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function pill(node, text, kind = '') {
  write(node, text);
  node.className = `pill ${kind}`;
}

/** Seconds as 1:05. */
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`;
}

export const hour = (date) => date.toLocaleTimeString('en-GB');
