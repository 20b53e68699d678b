// Kernels are compiled aside.
//
// `createComputePipeline` has the browser's GPU process compile before it does anything else, and
// that process draws all pages: they stand still for as long as a kernel takes. WebGPU has an
// asynchronous twin, which wgpu does not use. Here the one is put in place of the other: a
// stand-in comes back at once, and whoever sets it in a pass gets the pipeline that was made aside.

/**
 * How many are compiled at a time. A browser tells of a finished one with a delay of its own (Chromium 0.15 s),
 * which is most of what a small kernel takes.
 */
const AT_ONCE = 2;

/**
 * Changes WebGPU in `scope` (a Worker's global scope). Returns a function of a time in milliseconds
 * that resolves with whether all pipelines are there, after that time at the latest.
 */
export function compileInBackground(scope) {
  const { GPUDevice, GPUComputePassEncoder } = scope;
  if (!GPUDevice?.prototype.createComputePipelineAsync) return async () => true;
  /** Ends of the queues, each of which compiles one at a time: many at once keep the process from drawing. */
  const queues = Array(AT_ONCE).fill(Promise.resolve());
  let asked = 0;
  let waiting = 0;
  const create = GPUDevice.prototype.createComputePipeline;
  const setPipeline = GPUComputePassEncoder.prototype.setPipeline;

  GPUDevice.prototype.createComputePipeline = function (descriptor) {
    const standIn = { pipeline: null, now: () => (standIn.pipeline ??= create.call(this, descriptor)) };
    waiting += 1;
    const queue = asked++ % AT_ONCE;
    queues[queue] = queues[queue]
      .then(() => standIn.pipeline ?? this.createComputePipelineAsync(descriptor))
      .then(
        (pipeline) => {
          standIn.pipeline ??= pipeline;
        },
        // Made once more when it is used, where the error is heard by whoever listens for it.
        () => {},
      )
      .finally(() => {
        waiting -= 1;
      });
    return standIn;
  };
  GPUComputePassEncoder.prototype.setPipeline = function (pipeline) {
    setPipeline.call(this, pipeline.now ? pipeline.now() : pipeline);
  };

  return async (patience) => {
    if (waiting === 0) return true;
    let timer;
    const deadline = new Promise((resolve) => {
      timer = setTimeout(resolve, patience);
    });
    await Promise.race([Promise.all(queues), deadline]);
    clearTimeout(timer);
    return waiting === 0;
  };
}
