// Whether this browser can run the engine, and if not, why and what to do.

/** What the engine needs of an adapter: WebGPU's own default limits. */
const NEEDED = {
  maxStorageBuffersPerShaderStage: [8, 'storage buffers per shader'],
  maxComputeInvocationsPerWorkgroup: [256, 'invocations in a workgroup'],
  maxComputeWorkgroupStorageSize: [16384, 'bytes of workgroup memory'],
  maxStorageBufferBindingSize: [134217728, 'bytes in one binding'],
  maxBufferSize: [268435456, 'bytes in one buffer'],
};

/**
 * Resolves with `{ missing, software }`: null or `{ what, todo }` to show the reader, and whether
 * there is no GPU but a stand-in on the processor.
 */
export async function examine() {
  const { missing, adapter } = await look();
  const info = adapter?.info ?? {};
  const software = info.isFallbackAdapter === true
    || /swiftshader|llvmpipe|lavapipe|warp|basic render/i.test(`${info.architecture} ${info.description} ${info.device}`);
  return { missing, software: Boolean(adapter) && software };
}

async function look() {
  const no = (what, ...todo) => ({ missing: { what, todo }, adapter: null });
  if (typeof WebAssembly !== 'object') {
    return no('This browser has WebAssembly switched off.', 'Allow it, or use another browser.');
  }
  if (!window.isSecureContext) {
    return no(
      'Browsers offer WebGPU only to pages from https or localhost.',
      `Open this page over https instead of ${location.protocol}//${location.host}.`,
    );
  }
  if (!navigator.gpu) {
    return no(
      'This browser does not offer WebGPU, which draws this page and runs the model.',
      'Chrome and Edge: version 113 or newer (on Linux 144 or newer, or with chrome://flags/#enable-unsafe-webgpu).',
      'Safari: version 26 or newer.',
      'Firefox: version 141 or newer on Windows, 145 on macOS with Apple silicon; elsewhere not yet.',
    );
  }
  let adapter = null;
  try {
    adapter = await navigator.gpu.requestAdapter();
  } catch {
    // As good as none.
  }
  if (!adapter) {
    return no(
      'This browser offers WebGPU but found no GPU that it trusts.',
      'Switch hardware acceleration on in the settings and restart the browser.',
      'Update the graphics driver; chrome://gpu or about:support says what is wrong.',
    );
  }
  for (const [limit, [needed, meaning]] of Object.entries(NEEDED)) {
    const found = adapter.limits[limit];
    if (found < needed) {
      return no(
        `This GPU allows ${found} ${meaning}; the engine needs ${needed}.`,
        'Choose another GPU in the system settings if there is one.',
      );
    }
  }
  return { missing: null, adapter };
}
