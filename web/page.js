// The page: settings in, progress and a report out. The engine does its work in a Worker.
import { Engine, EngineLost } from './engine.js';
import { element } from './dom.js';
import { mebibytes } from './format.js';
import { showReport } from './result.js';
import { Stages } from './stages.js';
import { missingSupport } from './support.js';

const find = (id) => document.getElementById(id);
const button = find('measure');
const cancelButton = find('cancel');

/**
 * What a test or a curious reader can look at and call. `state` is one of `loading`, `ready`,
 * `running`, `done`, `cancelled`, `failed`, `unsupported`.
 */
const hook = {
  state: 'loading',
  report: null,
  error: null,
  version: null,
  adapter: null,
  measure,
  cancel: () => abort?.abort(),
};
window.mirscope = hook;

let engine = null;
let abort = null;

function enter(state) {
  hook.state = state;
  document.body.dataset.state = state;
  button.disabled = ['loading', 'running', 'unsupported'].includes(state);
  button.hidden = state === 'running';
  cancelButton.hidden = state !== 'running';
  find('fields').disabled = state === 'running' || state === 'unsupported';
}

/** Shows a message; `alarm` for what went wrong. Without text the message goes away. */
function tell(text = null, { alarm = false, list = [] } = {}) {
  const message = find('message');
  message.hidden = text === null;
  message.className = alarm ? 'alarm' : '';
  message.replaceChildren(
    ...(text === null ? [] : [element('p', {}, text)]),
    ...(list.length === 0 ? [] : [element('ul', {}, list.map((line) => element('li', {}, line)))]),
  );
}

function fail(text) {
  hook.error = text;
  tell(text, { alarm: true });
  enter('failed');
}

function loaded(done, total) {
  find('loading-text').textContent = `Loading the engine: ${mebibytes(done)} of ${mebibytes(total)}`;
  find('loading-bar').max = total;
  find('loading-bar').value = done;
}

async function start() {
  enter('loading');
  const missing = await missingSupport();
  if (missing) {
    find('loading').hidden = true;
    hook.error = missing.what;
    tell(missing.what, { alarm: true, list: missing.todo });
    enter('unsupported');
    return;
  }
  const response = await fetch(new URL('manifest.json', import.meta.url), { cache: 'no-cache' });
  if (!response.ok) {
    throw new Error(`manifest.json: the server answered ${response.status} instead of 200: copy the whole bundle`);
  }
  const site = { ...(await response.json()), base: new URL('.', document.baseURI).href };
  offerConnectors(site.connectors);
  engine = new Engine(site, loaded);
  hook.version = (await engine.start()).version;
  const { Adapters: adapters = [] } = await engine.run('Adapters', () => {});
  find('loading').hidden = true;
  if (adapters.length === 0) {
    fail('The page found a GPU, but the Worker that the engine runs in found none: use Chrome, Edge or Safari.');
    enter('unsupported');
    return;
  }
  hook.adapter = adapters[0];
  find('adapter').textContent = `Runs on ${nameOf(adapters[0].device)}.`;
  find('adapter').hidden = false;
  enter('ready');
}

/** An adapter's name for reading. */
const nameOf = ({ adapter, device_type: type }) =>
  type === 'cpu' ? `${adapter}, a software adapter: correct, but slow` : adapter;

/** Lets the reader choose a stage of the connector's training; the latest comes first. */
function offerConnectors(connectors) {
  if (connectors.length === 0) return;
  find('connector').replaceChildren(
    ...[...connectors].reverse().map(({ name, description }) =>
      element('option', { value: name, title: description }, name)),
  );
}

/** The command for what the form says; `settings` overrules it. */
function commandOf(settings) {
  return {
    Measure: {
      model: { Demo: { connector: find('connector').value || null } },
      pairs: 'Demo',
      settings: {
        num_pairs: find('num-pairs').valueAsNumber || null,
        seed: 0,
        definition: find('definition').value,
        text_mask: find('text-mask').value,
        memory_budget: null,
        ...settings,
      },
    },
  };
}

async function measure(settings = {}) {
  if (button.disabled) return;
  const command = commandOf(settings);
  hook.report = null;
  hook.error = null;
  tell();
  find('result').hidden = true;
  enter('running');
  abort = new AbortController();
  const stages = new Stages(find('stages'));
  let finished = false;
  const notes = [];
  try {
    const last = await engine.run(command, (event) => {
      if (event.Progress) stages.heard(event.Progress);
      else if (event.Note) tell('While measuring:', { list: [...notes, event.Note].slice(-5) }), notes.push(event.Note);
    }, abort.signal);
    if (last.Report) {
      finished = true;
      hook.report = last.Report;
      // The report repeats the notes.
      tell();
      showReport(find('result'), last.Report);
      enter('done');
    } else if (last === 'Cancelled') {
      tell('Cancelled. Nothing was kept.');
      enter('cancelled');
    } else {
      fail(last.Failed ?? 'The engine gave an answer that this page does not know: reload the page.');
    }
  } catch (error) {
    fail(error instanceof EngineLost
      ? `The engine stopped unexpectedly: ${error.message}. Measure starts a new one.`
      : error.message);
  } finally {
    stages.end(finished);
    abort = null;
  }
}

find('settings').addEventListener('submit', (event) => {
  event.preventDefault();
  measure();
});
cancelButton.addEventListener('click', () => abort?.abort());
start().catch((error) => {
  find('loading').hidden = true;
  fail(`The engine could not be started: ${error.message}`);
  // Without an engine there is nothing to measure with.
  button.disabled = engine === null;
});
