//! What the server can get wrong.

/// How the server lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lie {
    /// Not at all.
    None,
    /// Weights have another length than the list says.
    WrongLength,
    /// The hub names another content than the list.
    ChangedEtag,
    /// The hub answers from another commit.
    OtherCommit,
    /// Every answer with weights ends in its midst.
    Truncated,
    /// The first answer with weights ends after so many bytes.
    CutOnce(usize),
    /// The same, and ranges are ignored.
    CutOnceWithoutRanges(usize),
    /// The same, and the rest is said to begin elsewhere.
    CutOnceWithWrongRange(usize),
    /// The first answer with weights is said to be so many bytes longer than it is.
    LengthAbove(usize),
    /// The same, shorter.
    LengthBelow(usize),
    /// The hub redirects to itself.
    RedirectLoop,
    /// A web page with status 200 in the place of the list.
    PageForList,
    /// The same in the place of weights.
    PageForFile,
    /// The same without a length.
    PageForFileChunked,
    /// A Git LFS pointer in the place of weights.
    PointerForFile,
    /// One byte of the weights is another one, always.
    WrongBytes,
    /// The same the first time.
    WrongBytesOnce,
    /// This status for the list.
    Status(u16),
    /// This status for weights.
    FileStatus(u16),
    /// The list never comes.
    Silent,
    /// Weights never come.
    SilentFile,
    /// The list comes byte by byte.
    Drip,
    /// Weights come byte by byte.
    DripFile,
    /// The list never ends.
    Endless,
    /// All of the weights come, whatever part was asked for.
    NoRanges,
    /// More of the weights comes than was asked for.
    LongRange,
    /// After the first answer with weights they are another file.
    ChangedBetween,
    /// After the first answer with weights they have another length.
    GrownBetween,
}
