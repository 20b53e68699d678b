// The layers' distances as bars, split into their parts.
import { drawing, element } from './dom.js';
import { significant } from './format.js';

/** The parts of the distance: name and what it means. */
export const PARTS = [
  ['location', 'location: the means differ'],
  ['spread', 'spread: the overall sizes differ'],
  ['shape', 'shape: the directions of variation differ'],
];

const LEFT = 34;
const RIGHT = 60;
const BAR = 16;
const ROW = 24;
const TOP = 4;

/** A legend and a drawing `width` pixels wide, one row per layer, on a linear axis from 0. */
export function chart(layers, width) {
  const height = TOP + layers.length * ROW + 22;
  const room = width - LEFT - RIGHT;
  const most = Math.max(...layers.map((layer) => sum(layer)), Number.MIN_VALUE);
  const step = roundStep(most / Math.max(2, room / 110));
  const x = (value) => LEFT + (value / most) * room;
  const image = drawing('svg', {
    class: 'chart',
    viewBox: `0 0 ${width} ${height}`,
    role: 'img',
    'aria-label': 'Bars: the distance of each layer, split into location, spread and shape',
  });
  for (let tick = 0; tick <= most * 1.0001; tick += step) {
    const at = x(tick);
    image.append(
      drawing('line', { class: 'grid', x1: at, x2: at, y1: TOP, y2: height - 20 }),
      drawing('text', { x: at, y: height - 5, 'text-anchor': 'middle' }, tickLabel(tick, step)),
    );
  }
  layers.forEach((layer, index) => {
    const y = TOP + index * ROW + (ROW - BAR) / 2;
    const line = y + BAR / 2 + 4.5;
    image.append(drawing('text', { x: LEFT - 10, y: line, 'text-anchor': 'end' }, `${layer.layer}`));
    let from = 0;
    for (const [part] of PARTS) {
      const size = Math.max(0, layer[part]);
      const bar = drawing('rect', { class: part, x: x(from), y, width: x(size) - LEFT, height: BAR });
      bar.append(drawing('title', {}, `layer ${layer.layer}, ${part}: ${significant(layer[part])}`));
      image.append(bar);
      from += size;
    }
    image.append(drawing('text', { x: x(from) + 6, y: line }, significant(from)));
  });
  const legend = PARTS.map(([part, meaning]) =>
    element('li', {}, drawing('svg', { viewBox: '0 0 12 12', 'aria-hidden': 'true' },
      drawing('rect', { class: part, width: 12, height: 12, rx: 2 })), meaning));
  return [element('ul', { class: 'legend' }, legend), image];
}

const sum = (layer) => PARTS.reduce((total, [part]) => total + Math.max(0, layer[part]), 0);

/** The next of 1, 2 and 5 times a power of ten. */
function roundStep(rough) {
  const power = 10 ** Math.floor(Math.log10(rough));
  return power * [1, 2, 5, 10].find((factor) => factor * power >= rough);
}

function tickLabel(tick, step) {
  const decimals = Math.max(0, -Math.floor(Math.log10(step)));
  return decimals > 4 || step >= 1e6 ? tick.toExponential(0).replace('e+', 'e') : tick.toFixed(decimals);
}
