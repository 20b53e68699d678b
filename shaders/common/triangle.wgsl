// Which tile of a result a workgroup computes: any, or of a symmetric result those on and above the diagonal.
//
// Who imports it has in `params` the result's number of rows `m` and the first workgroup, `first_x` and
// `first_y`.

// The result equals its transpose: only tiles on and above the diagonal are computed, and written to both
// their places. Needs square tiles.
override SYMMETRIC: bool = false;

// First row and column of a workgroup's tile. Tiles of a symmetric result come in a rectangle of half as many
// rows: row y of them holds those from the diagonal on of rows y and, of what is left, of the last but y.
fn tile_of(group: vec3<u32>, rows: u32, cols: u32) -> vec2<u32> {
    let x = params.first_x + group.x;
    let y = params.first_y + group.y;
    if !SYMMETRIC {
        return vec2<u32>(y * rows, x * cols);
    }
    let count = (params.m + rows - 1u) / rows;
    let is_even = 1u - count % 2u;
    if x < count - y {
        return vec2<u32>(y, x + y) * rows;
    }
    return vec2<u32>(count - is_even - y, x - is_even) * rows;
}
