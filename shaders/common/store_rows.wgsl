// How the sums of eight rows and four columns of a tile leave an invocation.

import package::common::block::block;
import package::common::tile::Rows;
import package::common::triangle::SYMMETRIC;
import package::common::triangle::mirror;
import package::common::triangle::store;
import package::common::triangle::store_gated;

// Writes eight rows and four columns; those of a tile beyond the diagonal (`mirrors`) to both their places.
fn store_rows(piece: u32, row: u32, col4: u32, sums: Rows, mirrors: bool) {
    store(piece, row, col4, sums.r0);
    store(piece, row + 1u, col4, sums.r1);
    store(piece, row + 2u, col4, sums.r2);
    store(piece, row + 3u, col4, sums.r3);
    store(piece, row + 4u, col4, sums.r4);
    store(piece, row + 5u, col4, sums.r5);
    store(piece, row + 6u, col4, sums.r6);
    store(piece, row + 7u, col4, sums.r7);
    if SYMMETRIC && mirrors {
        mirror(piece, row / 4u, col4, block(sums.r0, sums.r1, sums.r2, sums.r3));
        mirror(piece, row / 4u + 1u, col4, block(sums.r4, sums.r5, sums.r6, sums.r7));
    }
}

// The same of a gated result: what is gated and what that multiplies.
fn store_gated_rows(row: u32, col4: u32, gate: Rows, up: Rows) {
    store_gated(row, col4, gate.r0, up.r0);
    store_gated(row + 1u, col4, gate.r1, up.r1);
    store_gated(row + 2u, col4, gate.r2, up.r2);
    store_gated(row + 3u, col4, gate.r3, up.r3);
    store_gated(row + 4u, col4, gate.r4, up.r4);
    store_gated(row + 5u, col4, gate.r5, up.r5);
    store_gated(row + 6u, col4, gate.r6, up.r6);
    store_gated(row + 7u, col4, gate.r7, up.r7);
}
