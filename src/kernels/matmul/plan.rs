//! Which tile and how many pieces a matrix product gets: by its shape and the class of the adapter, of software adapters
//! also by what their reads cost, which changes no bit.

use super::DEPTH;
use crate::gpu::{AdapterClass, Gpu};

/// Part of the result that one workgroup computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tile {
    /// 64 x 64 in registers, without barriers: for software adapters.
    Direct,
    /// 128 x 128 in registers, without barriers; takes whole groups of four of the inner dimension.
    Direct128,
    /// 64 x 64 by a subgroup of eight invocations that hand each other what they read: for llvmpipe.
    DirectRows,
    /// 64 x 64 by four invocations, in registers as well, and for whole groups of four, too: for SwiftShader.
    DirectWide,
    /// 128 x 128 in workgroup memory.
    Tiled128,
    /// 64 x 64 in workgroup memory.
    Tiled64,
    /// 32 x 64 in workgroup memory.
    Tiled32,
}

impl Tile {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Direct,
        Self::Direct128,
        Self::DirectRows,
        Self::DirectWide,
        Self::Tiled128,
        Self::Tiled64,
        Self::Tiled32,
    ];

    /// Rows and columns.
    pub fn size(self) -> [usize; 2] {
        match self {
            Self::Direct | Self::DirectRows | Self::DirectWide | Self::Tiled64 => [64, 64],
            Self::Direct128 | Self::Tiled128 => [128, 128],
            Self::Tiled32 => [32, 64],
        }
    }

    /// The shader's entry point.
    pub(super) fn entry(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Direct128 => "direct_128",
            Self::DirectRows => "direct_rows",
            Self::DirectWide => "direct_wide",
            Self::Tiled128 => "tiled_128",
            Self::Tiled64 | Self::Tiled32 => "tiled_64",
        }
    }

    /// Whether the device grants the workgroup memory or the subgroups that the tile takes, and its driver compiles it in a
    /// moment.
    pub fn fits(self, gpu: &Gpu) -> bool {
        let bytes = match self {
            Self::DirectWide => return gpu.reads_are_dear(),
            Self::DirectRows => return gpu.has_subgroups_of_eight(),
            Self::Direct | Self::Direct128 => 0,
            Self::Tiled64 | Self::Tiled32 => 16 << 10,
            Self::Tiled128 => 32 << 10,
        };
        gpu.workgroup_storage() >= bytes
    }

    /// Whether rows and columns are as many: a symmetric result needs that.
    pub fn is_square(self) -> bool {
        let [rows, cols] = self.size();
        rows == cols
    }

    /// Workgroups of a result `[m, n]`.
    fn groups(self, m: usize, n: usize) -> usize {
        let [rows, cols] = self.size();
        m.div_ceil(rows) * n.div_ceil(cols)
    }

    /// Workgroups of a symmetric result of `side` rows: from the diagonal on.
    pub(super) fn groups_of_half(self, side: usize) -> usize {
        let triangle = |squares: usize| squares * (squares + 1) / 2;
        match self {
            Self::Direct128 => triangle(side.div_ceil(BLOCK)).div_ceil(8 * HALF_ROWS),
            _ => triangle(side.div_ceil(self.size()[0])),
        }
    }
}

/// Rows and columns that an invocation of [`Tile::Direct128`] computes.
const BLOCK: usize = 16;

/// Rows of eight invocations in its workgroups where half of a result is computed: as few as leave the processors
/// equal shares.
pub(super) const HALF_ROWS: usize = 2;

/// Those in workgroup memory.
const TILED: [Tile; 3] = [Tile::Tiled128, Tile::Tiled64, Tile::Tiled32];

/// How a product is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Plan {
    /// What a workgroup computes.
    pub tile: Tile,
    /// Pieces of the inner dimension that run side by side (split-K).
    pub pieces: usize,
}

impl Plan {
    /// Elements of a piece of an inner dimension of so many, and the number of pieces.
    pub(super) fn cut(self, k: usize) -> (usize, usize) {
        let piece = k.div_ceil(self.pieces.max(1)).next_multiple_of(DEPTH);
        (piece, k.div_ceil(piece.max(1)).max(1))
    }
}

/// How fast a class of adapters multiplies, as far as the choice depends on it.
struct Speed {
    class: AdapterClass,
    /// Compute units, each with workgroups of its own.
    units: usize,
    /// Workgroups of 64 x 64 that run on a unit side by side.
    side_by_side: usize,
    /// Time of one of them alone, in times of its share of a busy unit.
    alone: f64,
    /// Operations of a busy unit per second.
    flops: f64,
    /// Bytes per second, for the pass that joins pieces.
    bytes: f64,
    /// Seconds of a call.
    call: f64,
}

/// The discrete row is measured on an H100 (`assets/records`): products of 22 shapes in every tile and
/// number of pieces. The integrated one is scaled from it by data sheets; no record stands behind it yet.
const TABLE: [Speed; 2] = [
    Speed {
        class: AdapterClass::Discrete,
        units: 132,
        side_by_side: 3,
        alone: 1.8,
        flops: 265e9,
        bytes: 2e12,
        call: 5e-6,
    },
    Speed {
        class: AdapterClass::Integrated,
        units: 10,
        side_by_side: 3,
        alone: 1.8,
        flops: 250e9,
        bytes: 8e10,
        call: 1e-5,
    },
];

/// Pieces of the inner dimension that are tried.
const PIECES: [usize; 8] = [1, 2, 3, 4, 6, 8, 12, 16];

/// Multiplications (m n k) from which on a product takes the large tile on a software adapter.
const LEAST_OF_DIRECT_128: f64 = 8e6;

/// As many for the wide one, which takes SwiftShader half a second longer to compile.
const LEAST_OF_DIRECT_WIDE: f64 = 3e7;

/// Workgroups that it has to leave: they are what the processors share.
const LEAST_GROUPS: usize = 4;

/// Rows beyond which reads are shared.
const LEAST_SHARED_ROWS: usize = 16;

/// Elements of the inner dimension that a piece has at least.
const LEAST_PIECE: usize = 64;

impl Speed {
    /// Seconds that a product is expected to take, computed in so many workgroups.
    fn seconds(&self, Plan { tile, pieces }: Plan, [m, n, k]: [usize; 3], groups: usize) -> f64 {
        let [rows, cols] = tile.size();
        let per_unit = (groups * pieces).div_ceil(self.units) as f64;
        // Workgroups that a unit runs at once, and how long one takes that runs by itself.
        let (at_once, alone) = match tile {
            Tile::Tiled128
            | Tile::Direct
            | Tile::Direct128
            | Tile::DirectRows
            | Tile::DirectWide => (1.0, 1.0),
            Tile::Tiled64 => (self.side_by_side as f64, self.alone),
            // Half the work, and a fifth slower for it.
            Tile::Tiled32 => (2.0 * self.side_by_side as f64, 2.0 * self.alone),
        };
        let rounds = (per_unit / at_once).floor() * at_once;
        let rest = per_unit - rounds;
        let busy = rounds + if rest > 0.0 { rest.max(alone) } else { 0.0 };
        let work = 2.0 * (rows * cols) as f64 * k.div_ceil(pieces).next_multiple_of(32) as f64;
        let slower = if tile == Tile::Tiled32 { 1.25 } else { 1.0 };
        let join = if pieces > 1 {
            self.call + (4 * (2 * pieces + 1) * m * n) as f64 / self.bytes
        } else {
            0.0
        };
        slower * busy * work / self.flops + join
    }
}

/// The plan for a product `[m, k] x [n, k]^T`: the one that takes least by the table, the same on every
/// adapter of a class. Nothing is timed, so that equal machines give equal bits.
pub fn plan(gpu: &Gpu, m: usize, n: usize, k: usize) -> Plan {
    planned(gpu, [m, n, k], |tile| Some(tile.groups(m, n)))
}

/// As [`plan`], for a product `[side, k] x [side, k]^T` of which half is computed.
pub fn plan_symmetric(gpu: &Gpu, side: usize, k: usize) -> Plan {
    let groups = |tile: Tile| tile.is_square().then(|| tile.groups_of_half(side));
    planned(gpu, [side, side, k], groups)
}

/// `groups` gives the workgroups of a tile that serves.
fn planned(gpu: &Gpu, shape: [usize; 3], groups: impl Fn(Tile) -> Option<usize>) -> Plan {
    let fitting = TILED.into_iter().filter(|tile| tile.fits(gpu));
    TABLE
        .iter()
        .find(|speed| speed.class == gpu.class())
        .and_then(|speed| quickest(speed, fitting, shape, &groups))
        .unwrap_or_else(|| Plan {
            tile: in_registers(shape, groups, Reads::of(gpu)),
            pieces: 1,
        })
}

/// What the reads of a software adapter cost, as far as the choice depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reads {
    /// Not much.
    Plain,
    /// As SwiftShader's, see [`Gpu::reads_are_dear`].
    Dear,
    /// As much, but lanes hand each other what they read, see [`Gpu::shares_reads`].
    Shared,
}

impl Reads {
    fn of(gpu: &Gpu) -> Self {
        match (gpu.shares_reads(), gpu.reads_are_dear()) {
            (true, _) => Self::Shared,
            (false, true) => Self::Dear,
            (false, false) => Self::Plain,
        }
    }
}

/// The tile on a software adapter. The large one is a third (llvmpipe) to a half (SwiftShader) faster where it
/// leaves enough workgroups; the wide one takes SwiftShader three quarters of that, but for the rows that a tile
/// computes in vain. Where reads are shared that tile takes a third of the large one's time: of few rows it would compute
/// more than that in vain.
fn in_registers(
    [m, n, k]: [usize; 3],
    groups: impl Fn(Tile) -> Option<usize>,
    reads: Reads,
) -> Tile {
    if reads == Reads::Shared && m > LEAST_SHARED_ROWS {
        return Tile::DirectRows;
    }
    let multiplications = m as f64 * n as f64 * k as f64;
    let serves = |tile: Tile, least: f64| {
        let groups = groups(tile).unwrap_or(0);
        multiplications >= least && groups >= LEAST_GROUPS && k.is_multiple_of(4)
    };
    let is_filled = 3 * m.next_multiple_of(64) <= 4 * m.next_multiple_of(BLOCK);
    if reads == Reads::Dear && is_filled && serves(Tile::DirectWide, LEAST_OF_DIRECT_WIDE) {
        return Tile::DirectWide;
    }
    match serves(Tile::Direct128, LEAST_OF_DIRECT_128) {
        true => Tile::Direct128,
        false => Tile::Direct,
    }
}

/// The plan with one of the `tiles` that is expected to take least.
fn quickest(
    speed: &Speed,
    tiles: impl Iterator<Item = Tile>,
    shape: [usize; 3],
    groups: impl Fn(Tile) -> Option<usize>,
) -> Option<Plan> {
    let [_, _, k] = shape;
    let cut = |pieces: &usize| *pieces == 1 || k / pieces >= LEAST_PIECE;
    let serving = tiles.filter_map(|tile| Some((tile, groups(tile)?)));
    let plans = serving.flat_map(|(tile, groups)| {
        let pieces = PIECES.into_iter().filter(cut);
        pieces.map(move |pieces| {
            let plan = Plan { tile, pieces };
            (speed.seconds(plan, shape, groups), plan)
        })
    });
    let least = plans.min_by(|(a, _), (b, _)| a.total_cmp(b));
    least.map(|(_, plan)| plan)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quickest(
        speed: &Speed,
        tiles: impl Iterator<Item = Tile>,
        shape: [usize; 3],
    ) -> Option<Plan> {
        let [m, n, _] = shape;
        super::quickest(speed, tiles, shape, |tile| Some(tile.groups(m, n)))
    }

    /// What an H100 was measured to be fastest with, or within a tenth of it.
    #[test]
    fn the_table_finds_what_was_fastest_on_the_measured_device() {
        let [discrete, _] = &TABLE;
        for (shape, tile, pieces) in [
            ([4096, 4096, 4096], Tile::Tiled128, 1..=1),
            ([2048, 2048, 2048], Tile::Tiled128, 1..=1),
            ([1024, 1536, 576], Tile::Tiled64, 1..=1),
        ] {
            let plan = quickest(discrete, TILED.into_iter(), shape).unwrap();
            assert_eq!(plan.tile, tile, "{shape:?}: {plan:?}");
            assert!(pieces.contains(&plan.pieces), "{shape:?}: {plan:?}");
        }
        // Few workgroups and a long inner dimension: it is cut.
        let narrow = quickest(discrete, TILED.into_iter(), [64, 576, 1536]).unwrap();
        assert!(narrow.pieces > 1, "{narrow:?}");
    }

    /// Half as many workgroups leave units idle that pieces of the inner dimension fill.
    #[test]
    fn half_a_product_is_cut_into_at_least_as_many_pieces() {
        let [discrete, _] = &TABLE;
        let half = |tile: Tile| tile.is_square().then(|| tile.groups_of_half(576));
        let shape = [576, 576, 2048];
        let whole = quickest(discrete, TILED.into_iter(), shape).unwrap();
        let plan = super::quickest(discrete, TILED.into_iter(), shape, half).unwrap();
        assert!(
            plan.tile.is_square() && plan.pieces >= whole.pieces,
            "{plan:?}, {whole:?}"
        );
        assert_eq!(Tile::Tiled64.groups_of_half(576), 45);
        assert_eq!(Tile::Tiled128.groups_of_half(129), 3);
        assert_eq!(Tile::Direct128.groups_of_half(576), 42);
    }

    /// The wide tile only where reads are dear, for products that are worth its compilation and fill it.
    #[test]
    fn a_software_adapter_takes_the_largest_tile_that_serves() {
        use Tile::{Direct, Direct128, DirectRows, DirectWide};
        for (shape, plain, dear, shared) in [
            ([256, 576, 576], Direct128, DirectWide, DirectRows),
            ([224, 3072, 576], Direct128, DirectWide, DirectRows),
            ([200, 3072, 576], Direct128, DirectWide, DirectRows),
            // More than a quarter of its rows would be computed in vain.
            ([65, 3072, 576], Direct128, Direct128, DirectRows),
            ([256, 192, 576], Direct128, Direct128, DirectRows),
            ([256, 576, 578], Direct, Direct, DirectRows),
            ([32, 576, 576], Direct128, Direct128, DirectRows),
            ([64, 128, 64], Direct, Direct, DirectRows),
            ([16, 576, 64], Direct, Direct, Direct),
        ] {
            let [m, n, _] = shape;
            let tile = |reads| in_registers(shape, |tile| Some(tile.groups(m, n)), reads);
            let found = [Reads::Plain, Reads::Dear, Reads::Shared].map(tile);
            assert_eq!(found, [plain, dear, shared], "{shape:?}");
        }
    }

    #[test]
    fn a_piece_is_never_shorter_than_it_is_worth() {
        for speed in &TABLE {
            for k in [1, 63, 64, 127, 128, 1000] {
                let plan = quickest(speed, TILED.into_iter(), [5, 7, k]).unwrap();
                assert!(
                    plan.pieces == 1 || k / plan.pieces >= LEAST_PIECE,
                    "{k}: {plan:?}"
                );
            }
        }
    }
}
