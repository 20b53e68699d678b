//! The terms and their explanations.

/// What a term belongs to, in the order of the reference card's glossary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// The model and what flows through it.
    Model,
    /// How it learns.
    Training,
    /// What is measured.
    Measure,
    /// How far the numbers can be trusted.
    Estimate,
    /// Looking inside.
    Looking,
    /// Running it.
    Running,
}

impl Group {
    /// All groups in their order.
    pub const ALL: [Self; 6] = [
        Self::Model,
        Self::Training,
        Self::Measure,
        Self::Estimate,
        Self::Looking,
        Self::Running,
    ];

    /// The group's title.
    pub fn title(self) -> &'static str {
        match self {
            Self::Model => "The model",
            Self::Training => "Its training",
            Self::Measure => "The measure",
            Self::Estimate => "The estimate",
            Self::Looking => "Looking inside",
            Self::Running => "Running it",
        }
    }
}

/// Makes the list of terms: a variant, its group, its name, other forms of the name, its explanation.
macro_rules! terms {
    ($($term:ident, $group:ident, $name:literal, [$($form:literal),*], $words:literal;)*) => {
        /// A term that the app explains.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Term {
            $(#[doc = $words] $term,)*
        }

        impl Term {
            /// All terms, group by group.
            pub const ALL: &'static [Self] = &[$(Self::$term,)*];

            /// What it is called.
            pub fn name(self) -> &'static str {
                match self { $(Self::$term => $name,)* }
            }

            /// What it means, in plain words.
            pub fn words(self) -> &'static str {
                match self { $(Self::$term => $words,)* }
            }

            /// What it belongs to.
            pub fn group(self) -> Group {
                match self { $(Self::$term => Group::$group,)* }
            }

            /// Other forms of its name, the plural for example.
            fn forms(self) -> &'static [&'static str] {
                match self { $(Self::$term => &[$($form),*],)* }
            }
        }
    };
}

impl Term {
    /// The term of a name or of another form of it, in any case.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|term| {
            std::iter::once(&term.name())
                .chain(term.forms())
                .any(|form| form.eq_ignore_ascii_case(name))
        })
    }

    /// Where a text first names it, by the longest of its names; not where it is in braces.
    pub(super) fn first_in(self, text: &str) -> Option<std::ops::Range<usize>> {
        let names = std::iter::once(self.name()).chain(self.forms().iter().copied());
        let found = names.filter_map(|name| {
            let is_letter = |letter: char| letter.is_alphanumeric() || "{}".contains(letter);
            let mut places = text.match_indices(name);
            let (at, _) = places.find(|(at, _)| {
                let before = text[..*at].chars().next_back();
                let after = text[at + name.len()..].chars().next();
                !before.is_some_and(is_letter) && !after.is_some_and(is_letter)
            })?;
            Some(at..at + name.len())
        });
        found.max_by_key(|place| place.len())
    }
}

terms! {
    Vlm, Model, "vision-language model", ["vision-language models", "VLM"],
        "A language model that can also take images. A vision tower looks at the image, a connector \
         translates, and the language model reads the result together with text.";
    Patch, Model, "patch", ["patches", "image patch", "image patches"],
        "A small square of the image. The vision tower cuts the image into a grid of patches and \
         turns each into a list of numbers.";
    VisionTower, Model, "vision tower", ["tower"],
        "The part of the model that looks at the image. It gives one list of numbers for each patch.";
    Connector, Model, "connector", ["connectors", "projector"],
        "A small network between vision tower and language model. It turns what the tower saw into \
         vectors of the size that the language model reads, one for each vision token.";
    LanguageModel, Model, "language model", ["decoder"],
        "The part that reads tokens, first to last, and predicts the next one. It is a stack of \
         decoder layers.";
    Token, Model, "token", ["tokens"],
        "A piece of the model's input. A text token is a word or a part of one; a vision token is a \
         piece of the image. Inside the model every token is a vector of numbers.";
    VisionToken, Model, "vision token", ["vision tokens"],
        "A token that came from the image. To the language model it is a vector like any word's, but \
         no word has exactly this vector.";
    TextToken, Model, "text token", ["text tokens"],
        "A token that came from written text. Which of them are measured is up to the text mask.";
    Scaffold, Model, "scaffold", ["scaffold tokens"],
        "Tokens that only hold the prompt together: start markers, role names, line breaks. They \
         count neither as vision nor as text.";
    Layer, Model, "decoder layer", ["layer", "layers", "decoder layers"],
        "One floor of the language model. Each layer reads all tokens so far and adds something to \
         every token's vector.";
    HiddenState, Model, "hidden state", ["state", "states", "hidden states"],
        "A token's vector at one place in the model. State 0 is what enters the language model, state \
         k is what layer k gives.";
    Modality, Model, "modality", ["modalities"],
        "A kind of input. Here there are two: vision and text.";
    Norm, Model, "norm", ["norms"],
        "The length of a token's vector: the root of the sum of its squared numbers.";
    FinalNorm, Model, "final norm", [],
        "The last step before words are predicted. It scales every token's vector to about the same \
         length.";
    Dimension, Model, "d", ["hidden size"],
        "How many numbers a token's vector has inside the language model.";

    Mlp, Model, "MLP", ["2-layer MLP", "4-layer MLP"],
        "Multi-layer perceptron: linear layers with a bend between one and the next. As a connector it treats \
         every patch alone.";
    QFormer, Model, "Q-Former", ["learned queries"],
        "A connector with a fixed number of trained vectors, the queries. Each gathers by attention what it needs \
         from all patches, so that there are as many vision tokens as queries.";
    CAbstractor, Model, "C-Abstractor", [],
        "A connector of convolutions: it mixes neighboring patches before and after it averages them to fewer \
         vision tokens.";

    PreTraining, Training, "pre-training", ["pre-trained"],
        "The first training of a connector, which brings pictures and texts together. Instruction tuning may follow.";
    InstructionTuning, Training, "instruction tuning", ["tuning", "tuned"],
        "A second training, on questions with their answers, after which the model answers instead of describing.";
    Frozen, Training, "frozen", ["unfrozen"],
        "Left as it is while other parts of the model are trained.";
    Lora, Training, "LoRA", [],
        "Low-rank adaptation: a model's weights stay frozen, and small matrices that are added to them are trained \
         instead. It changes less than training all weights.";
    LearningRate, Training, "learning rate", ["peak learning rate"],
        "How far each step of a training moves the weights. It rises at first and falls at the end; the peak is \
         what is told.";
    WeightDecay, Training, "weight decay", [],
        "At each step of a training the weights are made a little smaller.";
    Interleaved, Training, "interleaved documents", ["interleaved"],
        "Documents in which pictures and texts alternate, as on a web page.";
    FewShot, Training, "few-shot", ["few-shot accuracy", "2-shot", "4-shot", "0-shot"],
        "Asked after some examples with their answers in the prompt: 2-shot is after two of them.";

    Mir, Measure, "MIR", ["Modality Integration Rate"],
        "Modality Integration Rate: one number for how far apart vision and text tokens lie inside \
         the language model. It adds the distance at every layer and takes the logarithm to base 10. \
         Lower is nearer. It compares trainings by their ends; it is no measure of progress within one training.";
    Frechet, Measure, "Fréchet distance", ["distance", "distances", "Fréchet"],
        "How far two clouds of points are apart, if each is taken as a Gaussian with its mean and its \
         covariance. It is 0 when both agree.";
    Cloud, Measure, "cloud", ["clouds"],
        "All vision tokens at a layer, or all text tokens, seen as points in space.";
    Mean, Measure, "mean", ["means"],
        "The middle of a cloud: the average of its tokens' vectors.";
    Covariance, Measure, "covariance", [],
        "How a cloud spreads around its mean, in every direction and every pair of directions.";
    Location, Measure, "location", [],
        "The part of the distance that comes from the two means lying at different places.";
    Spread, Measure, "spread", [],
        "The part of the distance that comes from one cloud being wider than the other.";
    Shape, Measure, "shape", [],
        "The part of the distance that is left when place and width agree: the clouds stretch in \
         different directions.";
    NormRatio, Measure, "norm ratio", ["norm ratios", "norm v/t"],
        "Mean length of the vision tokens over mean length of the text tokens. 1 means equally long. \
         In many models vision tokens enter many times longer than words.";
    NormMatched, Measure, "norm-matched MIR", ["norm-matched"],
        "MIR with both clouds first scaled to a mean length of 1. What remains is not due to length.";
    Alpha, Measure, "α", ["alpha"],
        "The factor that makes the mean length of the text tokens 1 at each layer. Both clouds are \
         multiplied by it, so that layers can be added up.";
    Outlier, Measure, "outlier rule", ["outliers", "outlier"],
        "Tokens whose length is more than three standard deviations from the middle one are replaced \
         by a typical token before measuring. A few such tokens would otherwise decide the result.";
    Definition, Measure, "definition", ["definitions"],
        "Which formula is used: the paper's equation, or what its released script computes. The same \
         model gets different numbers, so compare runs of one definition only.";
    TextMask, Measure, "text mask", ["text masks", "mask", "masks"],
        "Which tokens count as text: everything after the image, or the words of the text alone.";
    Moca, Measure, "MoCa", ["modality calibration", "calibration"],
        "Modality Calibration: at each layer, vision tokens are stretched and moved, number by \
         number, so that they lie where text tokens lie.";

    PerDimension, Estimate, "n/d", ["tokens per dimension"],
        "Tokens measured for each of the vector's numbers. With few tokens the distance comes out too \
         large; compare runs with equal n only.";
    Interval, Estimate, "interval", ["error bar"],
        "The range in which the number would mostly fall if other pairs had been drawn.";
    Seed, Estimate, "seed", [],
        "A number that fixes random choices. The same seed picks the same pairs, on every machine; of a training it \
         fixes where the connector begins and the order of its pairs.";
    Pair, Estimate, "pair", ["pairs"],
        "A picture and a text that go through the model together; they need not belong together. A training is \
         counted in pairs, too: of a picture and its caption, or a conversation about it.";
    PublishedFigure, Estimate, "published", ["published figure"],
        "Taken from a paper, not measured here. Its models, data and definition differ from yours.";
    HeldOut, Estimate, "held-out questions", ["held-out", "score"],
        "Questions about scenes that no checkpoint was trained on. The model chooses among given answers; \
         the score is the share of right ones.";
    Blanked, Estimate, "image blanked", ["blanked", "swapped"],
        "The same questions with an empty image, or with another scene's. Correct answers \
         here did not come from the image.";
    CaptionLoss, Estimate, "caption loss", ["loss"],
        "How surprised the model is by the right caption, per token, in nats. Lower is better.";
    Perplexity, Estimate, "perplexity", ["text perplexity"],
        "How many words the model hesitates between, on text without images. It rises where training \
         on images made the model forget text.";
    RankCorrelation, Estimate, "rank correlation", ["rank correlations", "Spearman", "Spearman's rho", "rho"],
        "Whether two numbers put checkpoints in the same order: 1 in the same, -1 in the opposite, 0 in \
         none. Only the order counts, not the distances. It is Spearman's rho where nothing else is said.";
    Kendall, Estimate, "Kendall's tau", ["Kendall"],
        "Another rank correlation. It looks at two checkpoints at a time: how much more often both numbers put \
         them in the same order than in the opposite one.";
    Bootstrap, Estimate, "bootstrap", ["resampled", "resamples"],
        "How sure a number is, told from the same data: it is computed again and again over settings drawn at \
         random, some twice and some never. The middle 95 % of what comes out is its interval.";
    AllOrders, Estimate, "p-value", ["p", "over all orders"],
        "How often chance alone would give a correlation at least as strong: the share of all orders of the \
         checkpoints that do. Small means hardly by chance.";
    StudentsT, Estimate, "Student's t", [],
        "How much wider a margin has to be because the spread itself is known from a few runs only.";
    SeedNoise, Estimate, "seed noise", ["noise"],
        "How much a number changes when only the training's random numbers change. A difference below it \
         says nothing.";

    Projection, Looking, "projection", ["PCA"],
        "A flat picture of points in a space of many dimensions. The two axes are those along which \
         all tokens together vary most. What lies apart here is apart; what overlaps here may still \
         be apart.";
    PrincipalComponent, Looking, "principal component", ["principal components", "PC 1, PC 2", "principal axes"],
        "A direction in the space of tokens. PC 1 is the one along which they vary most, PC 2 the next at a \
         right angle to it. The percent say how much of all their variance each shows; the rest is not seen.";
    Ellipse, Looking, "ellipse", ["ellipses"],
        "The outline of a cloud's Gaussian in the picture. The distance compares just these: where \
         they lie, how wide they are and how they are turned.";
    LogitLens, Looking, "logit lens", [],
        "Reads a token's vector as if it left the model right here: which words would be likeliest to come next? A hint \
         at what is in it, not a proof.";
    Attention, Looking, "attention", [],
        "How much a token takes from each token before it, at one layer. The shares add up to 1.";
    Head, Looking, "attention head", ["head", "heads"],
        "One of several attentions that a layer runs side by side; each can look at other tokens.";
    Probability, Looking, "probability", [],
        "How likely the word would be, among all words of the vocabulary. All together make 100 %.";

    Checkpoint, Running, "checkpoint", ["checkpoints"],
        "The files of a trained model: its settings, its weights and its tokenizer.";
    Adapter, Running, "adapter", ["adapters"],
        "The graphics processor, or the program standing in for one, that does the arithmetic.";
    Recorded, Running, "recorded", ["recorded run"],
        "Measured earlier and shipped with mirscope, so that there is something to see at once.";
    Live, Running, "live", [],
        "Measured on this device, with the states kept there, so that they can be looked at.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_every_form() {
        for &term in Term::ALL {
            assert_eq!(Term::find(term.name()), Some(term));
            for form in term.forms() {
                assert_eq!(Term::find(&form.to_uppercase().to_lowercase()), Some(term));
            }
        }
        assert_eq!(Term::find("no such term"), None);
    }

    #[test]
    fn explanations_are_short_sentences() {
        for &term in Term::ALL {
            let words = term.words();
            assert!(
                words.ends_with('.') && !words.contains("  "),
                "{term:?}: {words}"
            );
            assert!(words.len() < 320, "{term:?}: {} letters", words.len());
        }
    }

    #[test]
    fn terms_come_group_by_group() {
        let mut groups: Vec<Group> = Term::ALL.iter().map(|term| term.group()).collect();
        groups.dedup();
        assert_eq!(groups, Group::ALL);
    }
}
