// Cuts an image into the rows that a patch embedding multiplies: out[patch, (channel, y, x)] =
// image[channel, patch_row * size + y, patch_col * size + x]. A convolution whose stride is its
// kernel size is a matmul of these rows with its weight as [hidden, channels * size * size].
//
// image [pictures * channels * height, width], row by row; the patches of one picture behind those of another.

struct Params {
    channels: u32,
    height: u32,
    image_stride: u32,
    size: u32,
    patches_x: u32,
    // Of a picture.
    patches: u32,
    out_stride: u32,
    pictures: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> image: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let index = id.y * groups.x * 64u + id.x;
    let area = params.size * params.size;
    let width = params.channels * area;
    if index >= params.pictures * params.patches * width {
        return;
    }
    let row = index / width;
    let picture = row / params.patches;
    let patch_index = row % params.patches;
    let element = index % width;
    let channel = element / area;
    let y = (patch_index / params.patches_x) * params.size + (element % area) / params.size;
    let x = (patch_index % params.patches_x) * params.size + element % params.size;
    out[row * params.out_stride + element] =
        image[((picture * params.channels + channel) * params.height + y) * params.image_stride + x];
}
