//! A checkpoint put together of parts: a language model, a vision tower and a connector, as LLaVA's and
//! MIR's own code load them (`--base-llm`, `--vision-tower`, `--connector`).

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Map, Value};

use super::Checkpoint;
use crate::{
    families::{self, PROCESSOR_FILES, tower_canonical},
    weights::{
        BelowSource, ByteSource, LayeredSource, WeightsError, fields::parse_object, open_file,
        open_tensors, packaging, quantization, read_text,
    },
};

const CONFIG: &str = "config.json";
const MAX_JSON: u64 = 16 << 20;
/// What a folder without an architecture of LLaVA's becomes with a tower and a connector.
const ARCHITECTURE: &str = "LlavaLlamaForCausalLM";

/// The parts.
pub struct Assembly {
    /// A language model alone, or a checkpoint in LLaVA's own layout; also the tokenizer's place.
    pub base: Arc<dyn ByteSource>,
    /// The folder of a vision tower; also the image processor's place.
    pub tower: Arc<dyn ByteSource>,
    /// A file that holds the connector, and where it lies; `config.json` beside it may say more.
    pub connector: Option<(Arc<dyn ByteSource>, String)>,
}

impl Checkpoint {
    /// Puts the parts together. What the checkpoint itself holds of a tower counts more than the
    /// tower's folder: it may have been trained further.
    ///
    /// # Errors
    /// As [`Checkpoint::open`], of each part.
    pub fn assemble(parts: Assembly) -> Result<Self, WeightsError> {
        let Assembly {
            base,
            tower,
            connector,
        } = parts;
        let mut root = config(&*base)?;
        if let Some((folder, _)) = &connector
            && let Some(own) = beside(&**folder)?
        {
            // What the connector was trained with; of the decoder the base itself knows best.
            let own = own.into_iter();
            root.extend(own.filter(|(key, _)| is_of_connector(key)));
        }
        let tower_config = config(&*tower)?;
        let section = match tower_config.get("vision_config") {
            Some(Value::Object(section)) => section.clone(),
            _ => tower_config,
        };
        root.insert("vision_config".to_owned(), Value::Object(section));
        let named = root
            .get("architectures")
            .and_then(|names| names.get(0)?.as_str());
        if !named.is_some_and(|name| name.starts_with("Llava")) {
            root.insert("architectures".to_owned(), Value::from(vec![ARCHITECTURE]));
        }
        let spec = families::parse(CONFIG, &Value::Object(root).to_string())?;
        let family = families::of(&spec);

        let mut tensors = open_tensors(&base, &|name| family.canonical(name))?;
        let has_tower = tensors.keys().any(|name| name.starts_with("vision_tower."));
        if !has_tower {
            let of_tower = open_tensors(&tower, &tower_canonical)?;
            tensors.extend(
                of_tower
                    .into_iter()
                    .filter(|(name, _)| name.starts_with("vision_tower.")),
            );
        }
        if let Some((folder, file)) = connector {
            tensors.extend(open_file(&folder, &file, &|name| family.canonical(name))?);
        }
        let files = PROCESSOR_FILES;
        Self::of(
            spec,
            Arc::new(LayeredSource::new(base, tower, files)),
            tensors,
        )
    }
}

impl Checkpoint {
    /// A checkpoint whose language model, tower and connector lie in these folders of `source`, whose own
    /// configuration is `root`.
    ///
    /// # Errors
    /// As [`Checkpoint::open`].
    pub(super) fn of_folders(
        source: Arc<dyn ByteSource>,
        mut root: Map<String, Value>,
        folders: [&str; 3],
    ) -> Result<Self, WeightsError> {
        let [llm, tower, connector] =
            folders.map(|folder| Arc::new(BelowSource::new(source.clone(), folder)));
        root.insert("text_config".to_owned(), Value::Object(config(&*llm)?));
        root.insert("vision_config".to_owned(), Value::Object(config(&*tower)?));
        let of_connector = config(&*connector)?.into_iter();
        root.extend(of_connector.filter(|(key, _)| is_of_connector(key)));
        let spec = families::parse(CONFIG, &Value::Object(root).to_string())?;
        let family = families::of(&spec);
        let mut tensors = BTreeMap::new();
        for (folder, part) in folders.iter().zip([&llm, &tower, &connector]) {
            let part: Arc<dyn ByteSource> = part.clone();
            let canonical = |name: &str| family.canonical(&format!("{folder}/{name}"));
            tensors.extend(open_tensors(&part, &canonical)?);
        }
        let files = LayeredSource::new(llm, tower, PROCESSOR_FILES);
        Self::of(spec, Arc::new(files), tensors)
    }
}

/// The configuration in a folder.
fn config(source: &dyn ByteSource) -> Result<Map<String, Value>, WeightsError> {
    let map = beside(source)?.ok_or_else(|| packaging::without_config(source))?;
    quantization::refuse(CONFIG, &map)?;
    Ok(map)
}

/// The same where there is one, of weights in whatever form: those of a connector say themselves what they are.
fn beside(source: &dyn ByteSource) -> Result<Option<Map<String, Value>>, WeightsError> {
    let Some(text) = read_text(source, CONFIG, MAX_JSON)? else {
        return Ok(None);
    };
    Ok(Some(parse_object(CONFIG, &text)?))
}

/// Whether a key of LLaVA's configuration is about tower, connector or pictures.
fn is_of_connector(key: &str) -> bool {
    key.starts_with("mm_") || ["image_aspect_ratio", "use_moca"].contains(&key)
}
