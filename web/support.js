// Whether this browser can run the engine, and if not, why and what to do.

/** What the engine needs of an adapter: WebGPU's own default limits. */
const NEEDED = {
  maxStorageBuffersPerShaderStage: [8, 'storage buffers per shader'],
  maxComputeInvocationsPerWorkgroup: [256, 'invocations in a workgroup'],
  maxComputeWorkgroupStorageSize: [16384, 'bytes of workgroup memory'],
  maxStorageBufferBindingSize: [134217728, 'bytes in one binding'],
  maxBufferSize: [268435456, 'bytes in one buffer'],
};

/** Resolves with null where all is well, else with `{ what, todo }` to show the reader. */
export async function missingSupport() {
  if (typeof WebAssembly !== 'object') {
    return { what: 'This browser has WebAssembly switched off.', todo: ['Allow it, or use another browser.'] };
  }
  if (!window.isSecureContext) {
    return {
      what: 'Browsers offer WebGPU only to pages from https or localhost.',
      todo: [`Open this page over https instead of ${location.protocol}//${location.host}.`],
    };
  }
  if (!navigator.gpu) {
    return {
      what: 'This browser does not offer WebGPU, which the model needs to run on your GPU.',
      todo: [
        'Chrome and Edge: version 113 or newer (on Linux 144 or newer, or with chrome://flags/#enable-unsafe-webgpu).',
        'Safari: version 26 or newer.',
        'Firefox: version 141 or newer on Windows, 145 on macOS with Apple silicon; elsewhere not yet.',
      ],
    };
  }
  let adapter = null;
  try {
    adapter = await navigator.gpu.requestAdapter();
  } catch {
    // As good as none.
  }
  if (!adapter) {
    return {
      what: 'This browser offers WebGPU but found no GPU that it trusts.',
      todo: [
        'Switch hardware acceleration on in the settings and restart the browser.',
        'Update the graphics driver; chrome://gpu or about:support says what is wrong.',
      ],
    };
  }
  for (const [limit, [needed, meaning]] of Object.entries(NEEDED)) {
    const found = adapter.limits[limit];
    if (found < needed) {
      return {
        what: `This GPU allows ${found} ${meaning}; the engine needs ${needed}.`,
        todo: ['Choose another GPU in the system settings if there is one.'],
      };
    }
  }
  return null;
}
