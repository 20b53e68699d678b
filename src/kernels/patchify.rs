//! Cutting images into patches.

use crate::gpu::{Binding, Dispatch, GpuError, Tensor, Work};

use super::{all_f32, call, expect, folded, traffic, u32_of};

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    channels: u32,
    height: u32,
    image_stride: u32,
    size: u32,
    patches_x: u32,
    patches: u32,
    out_stride: u32,
    pictures: u32,
}

/// The rows that a patch embedding (a convolution with stride = kernel = `size`) multiplies with its
/// weight seen as `[hidden, channels * size * size]`. Pixels beyond the last whole patch are left
/// out, as by the convolution.
///
/// # Shapes
/// `image` `[pictures * channels * height, width]`, `out` `[pictures * patches, channels * size * size]`, the patches of
/// each picture row by row; all f32.
///
/// # Errors
/// [`GpuError::Shape`].
pub fn patchify(
    image: &Tensor,
    [pictures, channels]: [usize; 2],
    size: usize,
    out: &Tensor,
) -> Result<Dispatch, GpuError> {
    let planes = pictures * channels;
    let height = image.rows() / planes.max(1);
    let (patches_y, patches_x) = (height / size.max(1), image.cols() / size.max(1));
    let fits = all_f32(&[image, out])
        && size > 0
        && image.rows() == planes * height
        && out.rows() == pictures * patches_x * patches_y
        && out.cols() == channels * size * size;
    expect("patchify", fits, || {
        format!(
            "{pictures} x {channels} channels of image {image:?} and patches of {size} do not fit out {out:?}"
        )
    })?;
    Ok(call(
        "patchify",
        "main",
        &Params {
            channels: u32_of(channels),
            height: u32_of(height),
            image_stride: u32_of(image.stride()),
            size: u32_of(size),
            patches_x: u32_of(patches_x),
            patches: u32_of(patches_x * patches_y),
            out_stride: u32_of(out.stride()),
            pictures: u32_of(pictures),
        },
        vec![Binding::read(image), Binding::write(out)],
        folded(out.rows() * out.cols(), 64),
        Work {
            flops: 0.0,
            bytes: traffic(&[image, out]),
        },
    ))
}
