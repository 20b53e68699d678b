//! Pictures and the places in them: what they are called, and which is looked at first.

use crate::report::PairView;

/// What a picture of a pair is called.
pub fn title(pair: &PairView, number: usize) -> String {
    let Some(shown) = pair.pictures.get(number) else {
        return "no image".to_owned();
    };
    let several = pair.pictures.last().is_some_and(|last| last.image > 0);
    let image = match several {
        true => format!("image {}", shown.image + 1),
        false => "the image".to_owned(),
    };
    let cut = pair.pictures.iter().any(|other| other.crops.is_some());
    match shown.crops {
        Some([rows, columns]) => format!("{image} in {rows} × {columns} crops"),
        None if cut => format!("{image} as a whole"),
        None => image,
    }
}

/// `row 3, column 4`, counted from 1.
fn place(patch: usize, columns: usize) -> String {
    let columns = columns.max(1);
    format!(
        "row {}, column {}",
        patch / columns + 1,
        patch % columns + 1
    )
}

/// Where a token stands: `row 3, column 4`, of several pictures with the picture; `no place of its own`
/// for one that stands for none.
pub fn place_of(pair: &PairView, position: usize) -> Option<String> {
    let number = pair.picture_of(position)?;
    let patch = pair.tokens.get(position)?.patch;
    let grid = pair.pictures.get(number)?.grid;
    let place = match patch.zip(grid) {
        Some((patch, [_, columns])) => place(patch, columns),
        None => "no place of its own".to_owned(),
    };
    Some(match pair.pictures.len() {
        0 | 1 => place,
        _ => format!("{}: {place}", title(pair, number)),
    })
}

/// The token that is looked at first in a picture: its middle one.
pub fn middle(pair: &PairView, number: usize) -> Option<usize> {
    let grid = pair.pictures.get(number).and_then(|shown| shown.grid);
    let cell = grid.map(|[rows, columns]| rows / 2 * columns + columns / 2);
    cell.and_then(|cell| pair.position_of(number, cell))
        .or_else(|| pair.positions_of(number).next())
}
