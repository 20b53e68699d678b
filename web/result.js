// A report on the page: the number, the layers, where it all came from.
import { PARTS, chart } from './chart.js';
import { element } from './dom.js';
import { count, seconds, significant } from './format.js';

const DEFINITIONS = {
  exact: 'exact: Fréchet distance with the exact matrix square root, after each decoder layer',
  'official-fast': "official-fast: closed form of the released script's fast mode",
  'official-accurate': "official-accurate: the exact distance on the released script's layers",
};
const TEXT_MASKS = {
  official: 'official: every token after the last image token',
  content: "content: the tokens of the pair's own text",
};

/** Fills `root` with `report`. */
export function showReport(root, report) {
  root.hidden = false;
  root.replaceChildren(
    headline(report),
    block('Distance between image and text tokens, layer by layer', drawn(report.layers)),
    block('All numbers', element('div', { class: 'scroll', tabindex: 0 }, table(report))),
    block('Where these numbers come from', facts(report), notes(report.notes)),
    element('div', { class: 'result-buttons' }, download(report)),
  );
}

function block(title, ...children) {
  return element('div', { class: 'block' }, element('h2', {}, title), ...children);
}

/** The chart, drawn anew whenever the room for it changes, so that its words keep their size. */
function drawn(layers) {
  const holder = element('div');
  let width = 0;
  new ResizeObserver(([{ contentRect }]) => {
    const room = Math.max(300, Math.floor(contentRect.width));
    if (room !== width) holder.replaceChildren(...chart(layers, room));
    width = room;
  }).observe(holder);
  return holder;
}

function headline({ mir, norm_matched_mir: matched, layers }) {
  const figure = (kind, text, meaning) =>
    element('div', { class: `figure ${kind}` }, element('b', {}, text), element('span', {}, meaning));
  return element('div', { class: 'headline' },
    figure('main', mir === null ? 'undefined' : mir.toFixed(3),
      mir === null
        ? 'Modality Integration Rate: the sum over the layers is not positive'
        : 'Modality Integration Rate, lower is better integrated'),
    figure('', matched === null ? 'undefined' : matched.toFixed(3), 'with both scaled to token norm 1'),
    figure('', significant(total(layers)), `sum over ${layers.length} layers`));
}

const total = (layers) => layers.reduce((sum, layer) => sum + layer.frechet, 0);

const COLUMNS = [
  ['layer', (layer) => String(layer.layer)],
  ['Fréchet', (layer) => significant(layer.frechet)],
  ...PARTS.map(([part]) => [part, (layer) => significant(layer[part])]),
  ['norm v/t', (layer) => significant(
    layer.mean_norm_text > 0 ? layer.mean_norm_vision / layer.mean_norm_text : null)],
  ['n vision', (layer) => count(layer.n_vision)],
  ['n text', (layer) => count(layer.n_text)],
];

function table(report) {
  const columns = [...COLUMNS];
  if (report.definition === 'official-fast') {
    columns.splice(2, 0, ['upper end', (layer) => significant(layer.frechet_upper)]);
  }
  return element('table', { id: 'layers' },
    element('thead', {}, element('tr', {}, columns.map(([name]) => element('th', { scope: 'col' }, name)))),
    element('tbody', {}, report.layers.map((layer) =>
      element('tr', {}, columns.map(([, cell], index) =>
        element(index === 0 ? 'th' : 'td', index === 0 ? { scope: 'row' } : {}, cell(layer)))))),
    element('tfoot', {}, element('tr', {}, element('th', { scope: 'row' }, 'sum'),
      element('td', {}, significant(total(report.layers))),
      element('td', { colspan: columns.length - 2 }))));
}

function facts({ definition, text_mask, layers, model, data, device, timings, mirscope_version }) {
  const [first, last] = [layers.at(0), layers.at(-1)];
  const pairs = [
    ['definition', DEFINITIONS[definition] ?? definition],
    ['states', `${first?.state} to ${last?.state}`],
    ['text', TEXT_MASKS[text_mask] ?? text_mask],
    ['tokens', tokens(first, model.hidden_size)],
    ['pairs', `${count(data.num_pairs)} from ${data.source}, seed ${data.seed}, prompt: ${data.prompt}`],
    ['model', `${model.name} (${model.architecture}), ${count(model.parameters)} parameters in ${model.dtype}`],
    ['adapter', [device.adapter, device.backend, device.device_type, device.kernels]
      .filter((part) => part).join(', ')],
    ['time', timings.map(({ stage, seconds: taken }) => `${stage} ${seconds(taken)}`).join(', ')],
    ['version', `mirscope ${mirscope_version}`],
  ];
  return element('dl', { class: 'facts' }, pairs.map(([name, text]) =>
    element('div', {}, element('dt', {}, name), element('dd', {}, text))));
}

/** How many tokens there are, and whether that is enough. */
function tokens(layer, d) {
  const { n_vision: vision = 0, n_text: text = 0 } = layer ?? {};
  const few = Math.min(vision, text) < 10 * d;
  return `n = ${count(vision)} vision and ${count(text)} text, d = ${d}, ` +
    `n/d = ${(vision / d).toFixed(1)} and ${(text / d).toFixed(1)}` +
    (few ? '; with so few tokens the distance is biased upward: compare equal n only' : '');
}

function notes(lines) {
  return lines.length === 0 ? null
    : element('ul', { class: 'notes' }, lines.map((line) => element('li', {}, line)));
}

function download(report) {
  const button = element('button', { type: 'button', id: 'download' }, 'Download report.json');
  button.addEventListener('click', () => {
    const address = URL.createObjectURL(
      new Blob([`${JSON.stringify(report, null, 2)}\n`], { type: 'application/json' }));
    element('a', { href: address, download: 'report.json' }).click();
    setTimeout(() => URL.revokeObjectURL(address), 10000);
  });
  return button;
}
