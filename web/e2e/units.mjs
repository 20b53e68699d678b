// Parts of the page that need no browser.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { transferables } from '../engine.js';
import { count, mebibytes, seconds, significant } from '../format.js';

test('numbers read as the command line prints them', () => {
  for (const [value, text] of [
    [0, '0'], [Math.PI, '3.142'], [-0.012344, '-0.01234'], [99999.6, '100000'], [12345.678, '12346'],
    [12345678, '1.235e7'], [0.0000123, '1.230e-5'], [null, '–'], [undefined, '–'],
  ]) assert.equal(significant(value), text);
  assert.equal(count(134515008), '134,515,008');
  assert.equal(mebibytes(1572864), '1.5 MiB');
  assert.equal(seconds(3.44), '3.4 s');
  assert.equal(seconds(125.2), '2 min 05 s');
});

test('a message moves each of its buffers once', () => {
  const bytes = new Uint8Array([1, 2, 3]);
  const command = { Measure: { model: { Files: [{ name: 'a', bytes }, { name: 'b', bytes: bytes.subarray(1) }] }, seed: 0 } };
  assert.deepEqual(transferables(command), [bytes.buffer]);
  assert.deepEqual(transferables({ Measure: { pairs: 'Demo', num: null } }), []);
});
