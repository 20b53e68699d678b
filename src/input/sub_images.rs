//! Sub-images: a large picture cut into crops, and put together again.
//!
//! MM1 (arXiv 2403.09611) raises the resolution of a trained tower by showing it an image
//! as a whole and, beside it, crops of the image at a larger size.

use super::{decode::RgbImage, image_processor::PixelValues};

/// The crops of one picture, `grid` along each side and row-major, one after another:
/// `[grid^2, channels, height / grid, width / grid]` from `[1, channels, height, width]`.
pub(super) fn crops(large: &PixelValues, grid: usize) -> PixelValues {
    let grid = grid.max(1);
    let (height, width) = (large.height / grid, large.width / grid);
    let mut data = Vec::with_capacity(large.data.len());
    for (row, column) in cells(grid) {
        for channel in 0..large.channels {
            for y in 0..height {
                let line = (channel * large.height + row * height + y) * large.width;
                let start = line + column * width;
                data.extend(large.data.get(start..start + width).unwrap_or_default());
            }
        }
    }
    PixelValues {
        pictures: grid * grid,
        channels: large.channels,
        height,
        width,
        data,
    }
}

/// Crops of equal size, `grid` along each side and row-major, as one picture.
pub(super) fn joined(crops: &[RgbImage], grid: usize) -> RgbImage {
    let (width, height) = crops
        .first()
        .map_or((0, 0), |crop| (crop.width, crop.height));
    let mut data = vec![0; 3 * grid * grid * width * height];
    for (crop, (row, column)) in crops.iter().zip(cells(grid)) {
        for (y, line) in crop.data.chunks_exact((3 * width).max(1)).enumerate() {
            let start = 3 * ((row * height + y) * grid * width + column * width);
            if let Some(place) = data.get_mut(start..start + line.len()) {
                place.copy_from_slice(line);
            }
        }
    }
    RgbImage {
        width: grid * width,
        height: grid * height,
        data,
        transparent: None,
    }
}

/// Row and column of each crop, in order.
fn cells(grid: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..grid * grid).map(move |cell| (cell / grid, cell % grid))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crops_are_cut_row_by_row() {
        let large = PixelValues {
            pictures: 1,
            channels: 3,
            height: 4,
            width: 6,
            data: (0..72).map(|at| at as f32).collect(),
        };
        let cut = crops(&large, 2);
        assert_eq!(cut.shape(), [4, 3, 2, 3]);
        // The first row of each channel of the second crop begins at column 3.
        assert_eq!(cut.data[18..24], [3.0, 4.0, 5.0, 9.0, 10.0, 11.0]);
        assert_eq!(cut.data[24], 27.0);
        // The third crop begins in row 2.
        assert_eq!(cut.data[36..39], [12.0, 13.0, 14.0]);
    }

    #[test]
    fn joined_crops_stand_where_they_were_cut() {
        let crop = |level: u8| RgbImage {
            width: 2,
            height: 1,
            data: vec![level; 6],
            transparent: None,
        };
        let whole = joined(&[crop(1), crop(2), crop(3), crop(4)], 2);
        assert_eq!((whole.width, whole.height), (4, 2));
        let levels: Vec<u8> = whole.data.iter().step_by(3).copied().collect();
        assert_eq!(levels, [1, 1, 2, 2, 3, 3, 4, 4]);
    }
}
