// The list of stages under way, each with its progress and the time it took.
import { element } from './dom.js';
import { count, seconds } from './format.js';

const NAMES = [
  ['device', 'GPU and self-test'],
  ['load', 'Weights'],
  ['prepare', 'Images and texts'],
  ['forward', 'Forward passes'],
  ['metric', 'Distances by layer'],
];

/** Shows `Progress` events in the list `root`. */
export class Stages {
  #rows = new Map();
  #current = null;
  #timer = 0;

  constructor(root) {
    root.replaceChildren();
    root.hidden = false;
    for (const [stage, name] of NAMES) {
      const row = {
        item: element('li', { class: 'waiting' }),
        bar: element('progress', { max: 1, value: 0, 'aria-label': name }),
        counted: element('span', { class: 'count' }),
        time: element('span', { class: 'time' }),
        started: null,
        ended: null,
      };
      row.item.append(element('span', {}, name), row.bar, row.counted, row.time);
      root.append(row.item);
      this.#rows.set(stage, row);
    }
    this.#enter('device');
    this.#timer = setInterval(() => this.#tick(), 100);
  }

  /** Takes in one `Progress` event. */
  heard({ stage, done, total, unit }) {
    const row = this.#rows.get(stage);
    if (!row) return;
    this.#enter(stage);
    row.bar.max = Math.max(total, 1);
    row.bar.value = total === 0 ? 1 : done;
    row.counted.textContent = `${count(done)} / ${count(total)} ${unit}`;
    this.#tick();
  }

  /** The run is over; with `finished` every stage is shown as done. */
  end(finished) {
    clearInterval(this.#timer);
    this.#leave();
    for (const row of this.#rows.values()) {
      if (finished) {
        row.item.className = '';
        row.bar.value = row.bar.max;
      } else if (!row.bar.hasAttribute('value')) {
        row.bar.value = 0;
      }
    }
  }

  #enter(stage) {
    if (this.#current === stage) return;
    this.#leave();
    this.#current = stage;
    const row = this.#rows.get(stage);
    row.item.className = '';
    row.started ??= performance.now();
    row.ended = null;
    // Without a value the bar moves to and fro until the first progress.
    row.bar.removeAttribute('value');
  }

  #leave() {
    const row = this.#rows.get(this.#current);
    if (row) {
      row.ended = performance.now();
      this.#show(row);
      if (!row.bar.hasAttribute('value')) row.bar.value = row.bar.max;
    }
    this.#current = null;
  }

  #tick() {
    const row = this.#rows.get(this.#current);
    if (row) this.#show(row);
  }

  #show(row) {
    row.time.textContent = seconds(((row.ended ?? performance.now()) - row.started) / 1000);
  }
}
