//! Pictures of any size: in which order their patches stand, by which angles they are rotated, what each
//! sees, and where it is.

use std::{
    ops::Range,
    sync::{Mutex, PoisonError},
};

use super::{ModelError, ops::Ops, positions::between_corners};
use crate::{
    families::TowerSpec,
    gpu::Tensor,
    kernels::attention::{Interval, KeyIntervals},
};

/// Grids kept at most: pictures come in many sizes, and few of them twice in a row.
const MOST: usize = 2;

/// What the layers of a tower need of a picture of so many rows and columns of patches.
#[derive(Clone)]
pub(super) struct PatchGrid {
    size: [usize; 2],
    /// Row-major index of the patch at each place.
    order: Vec<u32>,
    /// Cosines and sines, `[patches, head_dim]`.
    pub(super) rotary: Option<Tensor>,
    /// What a patch sees in layers with windows.
    windows: Option<Vec<Interval>>,
    /// Position embeddings from the table, `[patches, hidden]`.
    pub(super) positions: Option<Tensor>,
    /// The place of each patch when blocks stand row by row; none where they do.
    back: Option<Vec<u32>>,
}

/// The grids of the last pictures.
#[derive(Default)]
pub(super) struct PatchGrids(Mutex<Vec<PatchGrid>>);

impl PatchGrids {
    /// The grid of a picture of so many rows and columns of patches; `table` holds the positions of
    /// the tower, where it has any.
    pub(super) fn get(
        &self,
        ops: &Ops<'_>,
        spec: &TowerSpec,
        size: [usize; 2],
        table: Option<&[f32]>,
    ) -> Result<PatchGrid, ModelError> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(grid) = kept.iter().find(|grid| grid.size == size) {
            return Ok(grid.clone());
        }
        if kept.len() >= MOST {
            kept.remove(0);
        }
        let grid = PatchGrid::new(ops, spec, size, table)?;
        kept.push(grid.clone());
        Ok(grid)
    }
}

impl PatchGrid {
    /// Patches of the picture.
    pub(super) fn patches(&self) -> usize {
        self.order.len()
    }

    /// Row-major index of the patch at each place, of so many pictures of this size one behind the other.
    pub(super) fn order_of(&self, ops: &Ops<'_>, pictures: usize) -> Result<Tensor, ModelError> {
        let all = (0..pictures).flat_map(|picture| {
            let first = (picture * self.patches()) as u32;
            self.order.iter().map(move |index| first + index)
        });
        Ok(ops.gpu.upload_indices(&all.collect::<Vec<u32>>())?)
    }

    fn new(
        ops: &Ops<'_>,
        spec: &TowerSpec,
        [rows, columns]: [usize; 2],
        table: Option<&[f32]>,
    ) -> Result<Self, ModelError> {
        let gpu = ops.gpu;
        let side = spec.blocks.unwrap_or(1).max(1);
        let order = Order::new(rows / side, columns / side, side, spec.window);
        let places = &order.patches;
        let patches = places.len();
        let bytes = 4 * patches as u64 * spec.hidden_size as u64;
        gpu.check_size("the patches of a picture", bytes)?;
        let index = |[row, column]: [usize; 2]| (row * columns + column) as u32;
        let indices: Vec<u32> = places.iter().map(|place| index(*place)).collect();
        let rotary = spec.rope().map(|frequencies| {
            let values = rotary_values(places, &frequencies);
            gpu.upload(patches, spec.head_dim(), &values)
        });
        let windows = order.windows.as_ref().map(|windows| {
            let seen = windows.iter().flat_map(|window| {
                let interval = [window.start as u32, window.end as u32];
                std::iter::repeat_n(interval, window.len())
            });
            seen.collect()
        });
        let positions = table.map(|table| {
            let grid = [rows, columns];
            let values = between_corners(table, spec.table_per_side(), grid, places);
            gpu.upload(patches, spec.hidden_size, &values)
        });
        let back = spec.window.map(|_| {
            let plain = Order::new(rows / side, columns / side, side, None);
            let mut place_of = vec![0; patches];
            for (place, index) in (0..).zip(&indices) {
                if let Some(slot) = place_of.get_mut(*index as usize) {
                    *slot = place;
                }
            }
            let back = plain.patches.iter().map(|patch| {
                let place = place_of.get(index(*patch) as usize);
                place.copied().unwrap_or_default()
            });
            back.collect()
        });
        Ok(Self {
            size: [rows, columns],
            order: indices,
            rotary: rotary.transpose()?,
            windows,
            positions: positions.transpose()?,
            back,
        })
    }
}

/// Cosines and sines of the patches of all pictures, where there are any.
pub(super) fn rotary_of(
    ops: &mut Ops<'_>,
    grids: &[Option<PatchGrid>],
) -> Result<Option<Tensor>, ModelError> {
    let each = grids.iter().map(|grid| grid.as_ref()?.rotary.clone());
    let each: Option<Vec<Tensor>> = each.collect();
    each.map(|each| ops.stacked(&each)).transpose()
}

/// What the patches of all pictures see in layers with windows, where there are any.
pub(super) fn windows_of(
    ops: &Ops<'_>,
    grids: &[Option<PatchGrid>],
) -> Result<Option<KeyIntervals>, ModelError> {
    let each = grids.iter().map(|grid| grid.as_ref()?.windows.as_ref());
    let Some(each) = each.collect::<Option<Vec<_>>>() else {
        return Ok(None);
    };
    let mut seen: Vec<Interval> = Vec::new();
    for own in &each {
        let first = seen.len() as u32;
        seen.extend(own.iter().map(|[begin, end]| [first + begin, first + end]));
    }
    let counts: Vec<usize> = each.iter().map(|own| own.len()).collect();
    Ok(Some(KeyIntervals::of_parts(
        ops.gpu,
        seen.len(),
        &seen,
        &counts,
    )?))
}

/// The place of each patch of all pictures when blocks stand row by row, `[1, patches]`; none where they do.
pub(super) fn back_of(
    ops: &Ops<'_>,
    grids: &[Option<PatchGrid>],
) -> Result<Option<Tensor>, ModelError> {
    let each = grids.iter().map(|grid| grid.as_ref()?.back.as_ref());
    let Some(each) = each.collect::<Option<Vec<_>>>() else {
        return Ok(None);
    };
    let mut places = Vec::new();
    for own in each {
        let first = places.len() as u32;
        places.extend(own.iter().map(|place| first + place));
    }
    Ok(Some(ops.gpu.upload_indices(&places)?))
}

/// The order in which patches stand.
struct Order {
    /// Row and column of the patch at each place.
    patches: Vec<[usize; 2]>,
    /// The places of each window, where there are windows.
    windows: Option<Vec<Range<usize>>>,
}

impl Order {
    /// Of `rows` x `columns` blocks of `side` x `side` patches: block by block, windows of `window` x
    /// `window` blocks one after another, all row by row. Windows at the right and the bottom
    /// may be smaller.
    fn new(rows: usize, columns: usize, side: usize, window: Option<usize>) -> Self {
        let mut patches = Vec::with_capacity(rows * columns * side * side);
        let mut windows = Vec::new();
        let [high, wide] = match window {
            Some(window) => [window.max(1); 2],
            None => [rows.max(1), columns.max(1)],
        };
        for top in (0..rows).step_by(high) {
            for left in (0..columns).step_by(wide) {
                let first = patches.len();
                for row in top..rows.min(top + high) {
                    for column in left..columns.min(left + wide) {
                        let within = (0..side * side).map(|i| (i / side, i % side));
                        patches.extend(within.map(|(y, x)| [row * side + y, column * side + x]));
                    }
                }
                windows.push(first..patches.len());
            }
        }
        Self {
            patches,
            windows: window.map(|_| windows),
        }
    }
}

/// For each place cosines, then sines, of the angles by its row and then those by its column. The
/// angles are rounded to f32, as in transformers; the functions are not.
fn rotary_values(places: &[[usize; 2]], frequencies: &[f32]) -> Vec<f32> {
    let mut values = Vec::with_capacity(4 * places.len() * frequencies.len());
    for place in places {
        let angles = place.iter().flat_map(|at| {
            let at = *at as f32;
            frequencies
                .iter()
                .map(move |frequency| f64::from(frequency * at))
        });
        values.extend(angles.clone().map(|angle| angle.cos() as f32));
        values.extend(angles.map(|angle| angle.sin() as f32));
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patches_stand_block_by_block() {
        let order = Order::new(1, 2, 2, None);
        let expected = [
            [0, 0],
            [0, 1],
            [1, 0],
            [1, 1],
            [0, 2],
            [0, 3],
            [1, 2],
            [1, 3],
        ];
        assert_eq!(order.patches, expected);
        assert!(order.windows.is_none());
    }

    #[test]
    fn windows_at_the_border_are_smaller() {
        // 3 x 5 blocks of one patch in windows of 2 x 2.
        let order = Order::new(3, 5, 1, Some(2));
        let cells: Vec<usize> = (order.patches.iter())
            .map(|[row, column]| row * 5 + column)
            .collect();
        assert_eq!(cells, [0, 1, 5, 6, 2, 3, 7, 8, 4, 9, 10, 11, 12, 13, 14]);
        let windows: Vec<usize> = order.windows.unwrap().iter().map(Range::len).collect();
        assert_eq!(windows, [4, 4, 2, 2, 2, 1]);
    }

    #[test]
    fn rows_turn_the_first_half_of_the_pairs() {
        let values = rotary_values(&[[2, 3]], &[0.5, 0.25]);
        let angles = [1.0_f64, 0.5, 1.5, 0.75];
        let expected = angles.map(|angle| angle.cos() as f32);
        assert_eq!(values[..4], expected);
        assert_eq!(values[4], 1.0_f64.sin() as f32);
    }
}
