//! Which tile and how many pieces a matrix product gets: by its shape and the class of the adapter.

use crate::gpu::{AdapterClass, Gpu};

/// Part of the result that one workgroup computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tile {
    /// 64 x 64 in registers, without barriers: for software adapters.
    Direct,
    /// 128 x 128 in workgroup memory.
    Tiled128,
    /// 64 x 64 in workgroup memory.
    Tiled64,
    /// 32 x 64 in workgroup memory.
    Tiled32,
}

impl Tile {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Direct, Self::Tiled128, Self::Tiled64, Self::Tiled32];

    /// Rows and columns.
    pub fn size(self) -> [usize; 2] {
        match self {
            Self::Direct | Self::Tiled64 => [64, 64],
            Self::Tiled128 => [128, 128],
            Self::Tiled32 => [32, 64],
        }
    }

    /// The shader's entry point.
    pub(super) fn entry(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Tiled128 => "tiled_128",
            Self::Tiled64 | Self::Tiled32 => "tiled_64",
        }
    }

    /// Whether the device grants the workgroup memory that the tile takes.
    pub fn fits(self, gpu: &Gpu) -> bool {
        let bytes = match self {
            Self::Direct => 0,
            Self::Tiled64 | Self::Tiled32 => 16 << 10,
            Self::Tiled128 => 32 << 10,
        };
        gpu.workgroup_storage() >= bytes
    }

    fn groups(self, m: usize, n: usize) -> usize {
        let [rows, cols] = self.size();
        m.div_ceil(rows) * n.div_ceil(cols)
    }
}

/// How a product is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Plan {
    /// What a workgroup computes.
    pub tile: Tile,
    /// Pieces of the inner dimension that run side by side (split-K).
    pub pieces: usize,
}

/// What the choice depends on, for one class of adapters.
struct Row {
    class: AdapterClass,
    /// Workgroups of 128 x 128 from which on they are faster than four times as many of 64 x 64.
    large: usize,
    /// Workgroups that keep the adapter busy: with fewer, the inner dimension is cut.
    busy: usize,
}

/// Filled from records of `mirscope bench`.
const TABLE: [Row; 2] = [
    Row {
        class: AdapterClass::Discrete,
        large: 256,
        busy: 132,
    },
    Row {
        class: AdapterClass::Integrated,
        large: 64,
        busy: 32,
    },
];

/// Elements of the inner dimension that a piece has at least: joining pieces costs a pass over them.
const LEAST_PIECE: usize = 256;

/// Pieces at most.
const MOST_PIECES: usize = 8;

/// The plan for a product `[m, k] x [n, k]^T`: the same on every adapter of a class.
pub fn plan(gpu: &Gpu, m: usize, n: usize, k: usize) -> Plan {
    let Some(row) = TABLE.iter().find(|row| row.class == gpu.class()) else {
        return Plan {
            tile: Tile::Direct,
            pieces: 1,
        };
    };
    if Tile::Tiled128.groups(m, n) >= row.large && Tile::Tiled128.fits(gpu) {
        return Plan {
            tile: Tile::Tiled128,
            pieces: 1,
        };
    }
    let tile = if m <= 32 {
        Tile::Tiled32
    } else {
        Tile::Tiled64
    };
    let pieces = (row.busy / tile.groups(m, n).max(1)).min(k / LEAST_PIECE);
    Plan {
        tile,
        pieces: pieces.clamp(1, MOST_PIECES),
    }
}
