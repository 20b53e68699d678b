//! The end of the page's address, and a repository's id, which it may hold.

use mirscope::{engine::RepoId, fuzzed::View};

pub const WORDS: &str = "# & = % tab= layer= part= step= embed= riddle= training_step= scale= inputs= axes= pair= patch= query=
    head= overlay= words= follow= what_if_shows= ellipse.x= ellipse.width= ellipse.turn= longer= what_if.outliers=
    what_if.num_pairs= what_if.calibration= vision_scale= axis= variant= eyes what-if ellipses linear true false null
    1e999 -1 18446744073709551616 %7B @main .gguf";

pub fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let view = View::from_link(&text);
    let again = View::from_link(&view.to_link());
    // What it could hold is longer than what is read.
    assert!(again == view || view.to_link().len() > 4096, "{view:?} became {again:?}");
    if let Ok(id) = text.parse::<RepoId>() {
        assert_eq!(id.to_string().parse().ok().as_ref(), Some(&id));
    }
}

pub fn seeds() -> Vec<Vec<u8>> {
    [
        "#tab=eyes&layer=3",
        "#tab=what-if&what_if.outliers=false&what_if.num_pairs=32&what_if.calibration=moca&vision_scale=0.25",
        "#tab=start&part=steps&training_step=5&step=a-patch&embed=scrubber",
        "#pair=7&patch=12&query=40&head=1&overlay=false&words=true&follow=2&axes=shared&scale=linear&inputs=true",
        "#ellipse.x=0.125&ellipse.y=1&ellipse.length=0.5&ellipse.width=0.2&ellipse.turn=15&longer=true",
        "#axis=seeds&variant=a%20b&riddle=2&what_if_shows=run",
        "HuggingFaceTB/SmolVLM-256M-Instruct@main",
        "owner/name/sub/model.gguf@0123456789012345678901234567890123456789",
    ]
    .map(|link| link.as_bytes().to_vec())
    .into()
}
