// Charts of the last five minutes, one value per second.

import { element, fill, svgElement } from './dom.js';

const width = 300; // seconds
const height = 60;

/**
 * Draws a line chart into a figure. values are at most 300 numbers, null where
 * there is none, the latest last. format formats the maximum.
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
  const peak = known.length ? `max ${format(highest)}` : 'no data';
  fill(figure, [points, peak], () => {
    const svg = svgElement('svg', {
      class: 'chart', viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: 'none', role: 'img',
      'aria-label': `${name} in the last five minutes: ${peak}`,
    });
    svg.append(svgElement('line', { class: 'base', x1: 0, x2: width, y1: height, y2: height }));
    if (points.length === 1) points.unshift([points[0][0] - 1.5, points[0][1]]);
    if (points.length > 1) {
      const curve = points.map(([x, y]) => `${x},${y.toFixed(1)}`).join(' L');
      svg.append(
        svgElement('path', { class: 'area', d: `M${points[0][0]},${height} L${curve} L${points.at(-1)[0]},${height} Z` }),
        svgElement('path', { class: 'curve', d: `M${curve}` }),
      );
    }
    const scale = element('p', '', 'scale');
    scale.append(element('span', '−5 min'), element('span', peak), element('span', 'now'));
    return [svg, scale];
  });
}

/** Returns the moving average of the last few values. */
export function movingAverage(values, size = 10) {
  let sum = 0;
  return values.map((v, i) => {
    sum += v - (i >= size ? values[i - size] : 0);
    return sum / Math.min(i + 1, size);
  });
}

/** Returns a bar that is filled to a ratio of 0 to 1. */
export function bar(ratio) {
  const svg = svgElement('svg', { 'aria-hidden': 'true' });
  svg.append(
    svgElement('rect', { class: 'track', width: '100%', height: '100%', rx: 6 }),
    svgElement('rect', { class: 'filled', width: `${(100 * ratio).toFixed(1)}%`, height: '100%', rx: 6 }),
  );
  return svg;
}
