//! The topics.

use super::Topic;
use crate::study::{Paper, Published, Sketch};

/// A topic about which nothing is known yet.
const NONE: Topic = Topic {
    name: "",
    question: "",
    papers: &[],
    says: "",
    tried: "",
    base: ["base"; 2],
    claims: [&[], &[]],
    published: &[],
    sketch: None,
    axes: ["", ""],
};

impl Topic {
    /// All topics in the order in which they are shown.
    pub const ALL: &[Self] = &[
        Self {
            name: "amount",
            question: "Does more pre-training bring pictures nearer to words?",
            papers: &[Paper::Mir],
            says: "The more {pairs} of a picture and a text a {connector} is {pre-trained} on, the lower its {MIR}, and the better the \
                   model answers after tuning.",
            tried: "In one stage, one long training of a connector, looked at along the way. In two stages, a whole \
                    training for each number of pairs.",
            base: ["base", "8,000 pairs"],
            claims: [
                &["samples-mir", "samples-score"],
                &["amount-mir", "amount-score", "amount-both"],
            ],
            sketch: Some(Sketch::AMOUNTS),
            axes: ["samples", "amount"],
            ..NONE
        },
        Self {
            name: "detail",
            question: "Do more detailed captions lower MIR?",
            papers: &[Paper::Mir],
            says: "More detailed captions, at the same images, lower {MIR} and raise the score.",
            tried: "The same pictures, with captions that say more and more about them.",
            base: ["all and positions"; 2],
            claims: [&["texts-mir", "texts-score"], &["texts-mir", "texts-score"]],
            published: &[Published::CAPTIONS],
            sketch: Some(Sketch::DETAIL),
            axes: ["texts", "texts"],
        },
        Self {
            name: "shuffled",
            question: "Does MIR notice captions of other pictures?",
            says: "A control: a model that learns from texts that do not belong to their pictures cannot have \
                   learned what is in them.",
            tried: "The base again, with every picture given another picture's text.",
            base: ["its own text"; 2],
            claims: [
                &["shuffled-mir", "shuffled-score"],
                &["shuffled-mir", "shuffled-score"],
            ],
            sketch: Some(Sketch::SHUFFLED),
            axes: ["texts", "texts"],
            ..NONE
        },
        Self {
            name: "rate",
            question: "Does a lower learning rate lower MIR?",
            papers: &[Paper::Mir],
            says: "The higher the {learning rate} of {pre-training}, the higher {MIR}.",
            tried: "Four peak learning rates of the {connector}, with the same data.",
            base: ["2e-3", "0.002"],
            claims: [&["rate-mir"], &["rate-mir"]],
            published: &[Published::RATE],
            axes: ["learning_rate", "learning_rate"],
            ..NONE
        },
        Self {
            name: "unfrozen",
            question: "Should the decoder learn, too?",
            papers: &[Paper::Mir, Paper::Vila],
            says: "The more of the {language model} is trained beside the connector, by {LoRA}, half or all of it, the lower {MIR}, and the better \
                   the answers. In VILA a {frozen} one learns little from examples in its prompt.",
            tried: "The {connector} alone, then with the upper half of the {decoder}, then with all of it.",
            base: ["connector alone"; 2],
            claims: [
                &["unfrozen-mir", "unfrozen-score"],
                &["unfrozen-mir", "unfrozen-score"],
            ],
            published: &[
                Published::UNLOCKED,
                Published::UNLOCKED_SCORE,
                Published::VILA_FROZEN,
            ],
            sketch: Some(Sketch::FREEZING),
            axes: ["unfrozen", "unfrozen"],
        },
        Self {
            name: "layers",
            question: "How deep should a connector be?",
            papers: &[Paper::Mir],
            says: "Two layers, an {MLP}, have a lower {MIR} than one and than four; learned queries (a {Q-Former}) have a higher \
                   one.",
            tried: "Four {connectors} with 64 image tokens each, trained alike.",
            base: ["2-layer MLP, 64", "2-layer MLP"],
            claims: [
                &["linear-mir", "mlp4-mir", "queries-mir"],
                &["linear-mir", "mlp4-mir", "queries-mir"],
            ],
            published: &[Published::CONNECTOR],
            sketch: Some(Sketch::LAYERS),
            axes: ["connector", "connector"],
        },
        Self {
            name: "types",
            question: "Does the type of the connector matter?",
            papers: &[Paper::Mm1],
            says: "At equally many image tokens the {connector}'s type hardly changes the score.",
            tried: "Connectors of different types, from averaged patches to a {C-Abstractor}, all with 16 image tokens in one stage, all with 64 in two.",
            base: ["2-layer MLP"; 2],
            claims: [&["type-score"], &["type-score"]],
            sketch: Some(Sketch::TYPES),
            axes: ["connector", "connector"],
            ..NONE
        },
        Self {
            name: "tokens",
            question: "Do more image tokens help?",
            papers: &[Paper::Mm1],
            says: "More image tokens, and a higher resolution of the picture, raise the score.",
            tried: "Neighboring patches averaged to 4 or 16 tokens, or all 64 kept; and smaller and larger pictures, \
                    with 36, 64 and 144 tokens.",
            base: ["64 tokens, picture 128", "base"],
            claims: [&["tokens-score", "size-score"], &[]],
            published: &[Published::MM1_SIZE],
            sketch: Some(Sketch::TOKENS),
            axes: ["tokens", ""],
        },
        Self {
            name: "sub-images",
            question: "Do sub-images help?",
            papers: &[Paper::Mm1],
            says: "A picture with more of its detail, given as a whole and as four pieces of it, raises the score. \
                   There each view has 144 tokens, 720 in all.",
            tried: "A picture and its four quarters, 16 tokens each, against the picture alone.",
            claims: [&["sub-images-score"], &[]],
            sketch: Some(Sketch::SUB_IMAGES),
            axes: ["tokens", ""],
            ..NONE
        },
        Self {
            name: "moca",
            question: "Does MoCa help?",
            papers: &[Paper::Mir],
            says: "{MoCa}, a learned scale and shift of the image tokens after every layer, lowers {MIR} and raises \
                   the score.",
            tried: "The base with {MoCa}.",
            base: ["without MoCa", "base"],
            claims: [&["moca-mir", "moca-score"], &[]],
            published: &[
                Published::MOCA,
                Published::MOCA_SCORE,
                Published::MOCA_GEMINI,
            ],
            sketch: Some(Sketch::MOCA),
            axes: ["moca", ""],
        },
        Self {
            name: "interleaving",
            question: "Do interleaved documents teach reading examples?",
            papers: &[Paper::Vila],
            says: "Documents in which pictures and texts alternate teach a model to use examples in its prompt; the \
                   same documents cut into pairs do not.",
            tried: "Documents of several scenes, whole and cut into pairs; each before and after {instruction tuning}. \
                    Then questions after two examples, which is called {few-shot}.",
            claims: [&["interleaved-few-shot", "interleaved-tuned-few-shot"], &[]],
            published: &[Published::VILA_DATA],
            sketch: Some(Sketch::INTERLEAVING),
            axes: ["mix", ""],
            ..NONE
        },
        Self {
            name: "captions",
            question: "Captions or documents?",
            papers: &[Paper::Mm1, Paper::Vila],
            says: "Caption pairs raise the score without examples, {interleaved documents} the score after examples.",
            tried: "Caption pairs against interleaved documents, before and after instruction tuning.",
            claims: [
                &[
                    "captions-score",
                    "captions-few-shot",
                    "captions-tuned-few-shot",
                ],
                &[],
            ],
            published: &[Published::MM1_CAPTIONS, Published::MM1_INTERLEAVED],
            sketch: Some(Sketch::CAPTIONS),
            axes: ["mix", ""],
            ..NONE
        },
        Self {
            name: "text",
            question: "Does training on images make a model forget text?",
            papers: &[Paper::Vila],
            says: "A {language model} that is trained on image data alone forgets text; text-only data bring it back.",
            tried: "A decoder trained on interleaved documents, without and with texts that have no pictures.",
            base: ["decoder left frozen", "base"],
            claims: [&["forgetting", "text-data"], &[]],
            published: &[Published::VILA_TEXT],
            axes: ["mix", ""],
            ..NONE
        },
        Self {
            name: "overall",
            question: "Does a lower MIR mean better answers?",
            papers: &[Paper::Mir],
            says: "{MIR} after pre-training predicts the score after tuning: it is what the paper proposes it for.",
            tried: "All settings with equally many image tokens, one training each.",
            claims: [&["all-score"], &["all-score"]],
            ..NONE
        },
        Self {
            name: "other-numbers",
            question: "Do other numbers predict the score better?",
            says: "A check of our own: the {norm-matched MIR}, which leaves length out, and the {caption loss}, which \
                   needs no MIR at all.",
            tried: "The same settings, with each of the two in the place of MIR.",
            claims: [&[], &["all-matched", "all-loss"]],
            ..NONE
        },
        Self {
            name: "start",
            question: "Does the length at the start matter?",
            says: "A check of our own: {MIR} rises where image tokens are longer than words, whether or not they \
                   say less.",
            tried: "Image tokens that are as long as words before training, or twenty times longer.",
            base: ["base", "usual start"],
            claims: [&[], &["start-mir", "start-score"]],
            axes: ["", "start"],
            ..NONE
        },
        Self {
            name: "held",
            question: "Does holding the length lower MIR?",
            says: "A check of our own: if length alone makes {MIR} rise, then image tokens whose length is held \
                   should have a lower one, at the same score.",
            tried: "{Weight decay} on the connector's last layer, and image tokens scaled back to their length at the \
                    start.",
            base: ["base", "not held"],
            claims: [&[], &["held-mir", "held-score"]],
            axes: ["", "held"],
            ..NONE
        },
    ];
}
