// Kernels are compiled aside.
//
// `createComputePipeline` has the browser's GPU process compile before it does anything else, and
// that process draws all pages: they stand still for as long as a kernel takes. WebGPU has an
// asynchronous twin, which wgpu does not use. Here the one is put in place of the other: a
// stand-in comes back at once, and whoever sets it in a pass gets the pipeline that was made aside.

/**
 * Changes WebGPU in `scope` (a Worker's global scope). Returns a function of a time in milliseconds
 * that resolves with whether all pipelines are there, after that time at the latest.
 */
export function compileInBackground(scope) {
  const { GPUDevice, GPUComputePassEncoder } = scope;
  if (!GPUDevice?.prototype.createComputePipelineAsync) return async () => true;
  const pending = new Set();
  const create = GPUDevice.prototype.createComputePipeline;
  const setPipeline = GPUComputePassEncoder.prototype.setPipeline;

  GPUDevice.prototype.createComputePipeline = function (descriptor) {
    const standIn = { pipeline: null, now: () => (standIn.pipeline ??= create.call(this, descriptor)) };
    const made = this.createComputePipelineAsync(descriptor).then(
      (pipeline) => {
        standIn.pipeline ??= pipeline;
      },
      // Made once more when it is used, where the error is heard by whoever listens for it.
      () => {},
    );
    pending.add(made);
    made.then(() => pending.delete(made));
    return standIn;
  };
  GPUComputePassEncoder.prototype.setPipeline = function (pipeline) {
    setPipeline.call(this, pipeline.now ? pipeline.now() : pipeline);
  };

  return async (patience) => {
    const late = Symbol();
    let timer;
    const deadline = new Promise((resolve) => {
      timer = setTimeout(resolve, patience, late);
    });
    const first = await Promise.race([Promise.all(pending), deadline]);
    clearTimeout(timer);
    return first !== late;
  };
}
