// A chart of the last five minutes, a value a second, the latest at the right.

import { drawn, element, fill } from './dom.js';

const width = 300; // seconds
const height = 60;

/**
 * values: numbers, or null where there is none; at most 300, the last one is now.
 * format: how a value is written.
 */
export function chart(figure, name, values, format) {
  const known = values.filter((v) => v !== null);
  const highest = known.length ? Math.max(...known) : 0;
  const top = Math.max(highest, 1);
  const first = width - values.length;
  const points = [];
  values.forEach((v, i) => {
    if (v !== null) points.push([first + i + 1, height - (v / top) * (height - 4)]);
  });
  const peak = known.length ? `max ${format(highest)}` : 'none yet';
  fill(figure, [points, peak], () => {
    const svg = drawn('svg', {
      class: 'chart', viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: 'none', role: 'img',
      'aria-label': `${name} in the last five minutes: ${peak}`,
    });
    svg.append(drawn('line', { class: 'base', x1: 0, x2: width, y1: height, y2: height }));
    if (points.length === 1) points.unshift([points[0][0] - 1.5, points[0][1]]);
    if (points.length > 1) {
      const curve = points.map(([x, y]) => `${x},${y.toFixed(1)}`).join(' L');
      svg.append(
        drawn('path', { class: 'area', d: `M${points[0][0]},${height} L${curve} L${points.at(-1)[0]},${height} Z` }),
        drawn('path', { class: 'curve', d: `M${curve}` }),
      );
    }
    const scale = element('p', '', 'scale');
    scale.append(element('span', '−5 min'), element('span', peak), element('span', 'now'));
    return [svg, scale];
  });
}

/** Each value becomes the mean of the last few: whole seconds are jumpy. */
export function smooth(values, over = 10) {
  let sum = 0;
  return values.map((v, i) => {
    sum += v - (i >= over ? values[i - over] : 0);
    return sum / Math.min(i + 1, over);
  });
}

/** A bar, filled to a share of 0 to 1. */
export function bar(share) {
  const svg = drawn('svg', { 'aria-hidden': 'true' });
  svg.append(
    drawn('rect', { class: 'track', width: '100%', height: '100%', rx: 6 }),
    drawn('rect', { class: 'filled', width: `${(100 * share).toFixed(1)}%`, height: '100%', rx: 6 }),
  );
  return svg;
}
