// One tooltip for all elements with data-tip. It opens on hover and focus and
// closes on Escape.

import { $ } from './dom.js';

const tip = $('tip');
let owner = null;

function show(target) {
  if (owner === target) return;
  hide();
  owner = target;
  tip.textContent = target.dataset.tip;
  target.setAttribute('aria-describedby', 'tip');
  tip.showPopover();
  position();
}

function position() {
  if (!owner) return;
  const at = owner.getBoundingClientRect();
  const box = tip.getBoundingClientRect();
  const below = at.bottom + 8 + box.height < innerHeight;
  tip.style.left = `${Math.max(12, Math.min(at.left, innerWidth - box.width - 12))}px`;
  tip.style.top = `${below ? at.bottom + 8 : at.top - box.height - 8}px`;
}

function hide() {
  if (!owner) return;
  owner.removeAttribute('aria-describedby');
  owner = null;
  tip.hidePopover();
}

const within = (event) => event.target.closest?.('[data-tip]');
document.addEventListener('pointerover', (event) => (within(event) ? show(within(event)) : hide()));
document.addEventListener('focusin', (event) => (within(event) ? show(within(event)) : hide()));
document.addEventListener('focusout', hide);
document.addEventListener('keydown', (event) => event.key === 'Escape' && hide());
addEventListener('scroll', position, { passive: true, capture: true });
addEventListener('resize', position);
