// Parts of the page that need no browser.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isLast, transferables } from '../engine.js';
import { compileInBackground } from '../pipelines.js';

test('a message moves each of its buffers once', () => {
  const bytes = new Uint8Array([1, 2, 3]);
  const command = { Measure: { model: { Files: [{ name: 'a', bytes }, { name: 'b', bytes: bytes.subarray(1) }] }, seed: 0 } };
  assert.deepEqual(transferables(command), [bytes.buffer]);
  assert.deepEqual(transferables({ Measure: { pairs: 'Demo', num: null } }), []);
});

test('news do not end a command, answers do', () => {
  for (const event of [{ Progress: {} }, { Note: '' }, { Kept: {} }, { Asked: {} }, { Said: {} }]) assert.equal(isLast(event), false);
  for (const event of ['Cancelled', { Report: {} }, { Failed: '' }, { Pair: {} }, { Answer: {} }]) assert.equal(isLast(event), true);
});

/** A WebGPU in which compiling takes until `finish` is called. */
function gpu() {
  const made = [];
  const set = [];
  class GPUDevice {
    createComputePipeline(descriptor) {
      return `sync ${descriptor.label}`;
    }
    createComputePipelineAsync(descriptor) {
      return new Promise((resolve, reject) => made.push({ descriptor, resolve, reject }));
    }
  }
  class GPUComputePassEncoder {
    setPipeline(pipeline) {
      set.push(pipeline);
    }
  }
  return { GPUDevice, GPUComputePassEncoder, made, set };
}

const turn = () => new Promise((resolve) => setTimeout(resolve));

test('kernels are compiled aside, two at a time, and used when they are there', async () => {
  const scope = gpu();
  const compiled = compileInBackground(scope);
  assert.equal(await compiled(0), true, 'nothing is under way');
  const device = new scope.GPUDevice();
  const pass = new scope.GPUComputePassEncoder();
  const [first, , third] = ['first', 'second', 'third'].map((label) => device.createComputePipeline({ label }));
  await turn();
  assert.deepEqual(scope.made.map(({ descriptor }) => descriptor.label), ['first', 'second']);
  assert.equal(await compiled(1), false);
  scope.made[0].resolve('async first');
  await turn();
  assert.equal(scope.made.length, 3);
  pass.setPipeline(first);
  pass.setPipeline(third);
  assert.deepEqual(scope.set, ['async first', 'sync third'], 'one that is needed at once is made at once');
  scope.made[1].resolve('async second');
  assert.equal(await compiled(1), false);
  scope.made[2].reject(new Error('out of memory'));
  assert.equal(await compiled(100), true);
});
