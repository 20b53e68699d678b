//! Times meganeura on a checkpoint, with its graph of SmolLM2 and a graph of CLIP's tower:
//! `peer-meganeura FOLDER INPUT.json OUT.json [--tensor-cores] [--limit SECONDS]`
//!
//! FOLDER holds config.json and model.safetensors in f32; INPUT.json has `prompts`, lists of token ids, and
//! `images`, lists of normalised pixels for the tower. OUT.json gets the times of each and the logits of a
//! prompt's last token, all tokens' logits being computed, or an image's features.
//! A prompt that would take longer than the limit is left out. Without `--tensor-cores` all of it is in f32, as in the other programs.

use std::{error::Error, time::Instant};

use meganeura::{
    Graph, NodeId, SessionConfig,
    data::safetensors::SafeTensorsModel,
    models::smollm2::{self, SmolLM2Config},
    runtime::{CoopPolicy, Session, SessionOptions},
    train::Mode,
};
use serde_json::{Value, json};
use tower::Tower;

mod tower;

/// Timed runs, at most.
const RUNS: usize = 5;
/// No run begins after so many seconds of timed ones.
const ENOUGH: f64 = 20.0;
/// Seconds of work before anything is timed.
const WARM_UP: f64 = 0.4;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, input, out, options @ ..] = &arguments[..] else {
        return Err("expected FOLDER INPUT.json OUT.json".into());
    };
    let tensor_cores = options.iter().any(|option| option == "--tensor-cores");
    let limit = options.iter().position(|option| option == "--limit");
    let limit: f64 = match limit.and_then(|at| options.get(at + 1)) {
        Some(seconds) => seconds.parse()?,
        None => f64::INFINITY,
    };
    let whole = read_json(&format!("{folder}/config.json"))?;
    let config = config(&whole)?;
    let model = SafeTensorsModel::load(format!("{folder}/model.safetensors").into())?;
    let (mut passes, mut left_out, mut device) = (Vec::new(), Vec::new(), String::new());
    let prompts = read_json(input)?;
    let mut per_token = 0.0;
    for prompt in prompts["prompts"].as_array().ok_or("input: no `prompts`")? {
        let ids: Vec<u32> = serde_json::from_value(prompt.clone())?;
        let tokens = ids.len();
        // Twice: one pass to become warm, one that counts.
        let estimate = 2.0 * per_token * tokens as f64;
        if estimate > limit {
            let reason = format!("would take about {estimate:.0} s, {limit:.0} s at most");
            left_out.push(json!({"tokens": tokens, "reason": reason}));
            continue;
        }
        eprintln!("meganeura: {tokens} tokens");
        let graph = |graph: &mut Graph| smollm2::build_graph(graph, &config, tokens);
        let mut session = session(graph, tensor_cores);
        load(&mut session, &model, &config)?;
        session.set_input_u32("token_ids", &ids);
        let seconds = times(&mut session);
        per_token = seconds[0] / tokens as f64;
        let mut logits = vec![0.0; tokens * config.vocab_size];
        session.read_output_by_index(0, &mut logits);
        let info = session.device_information();
        device = format!(
            "{}, {} {}",
            info.device_name, info.driver_name, info.driver_info
        );
        passes.push(json!({
            "tokens": tokens,
            "seconds": seconds,
            "dispatches": session.plan().dispatches.len(),
            "output": logits[(tokens - 1) * config.vocab_size..],
        }));
        write(out, &device, &passes, &left_out)?;
    }
    for image in prompts["images"].as_array().ok_or("input: no `images`")? {
        let pixels: Vec<f32> = serde_json::from_value(image.clone())?;
        let tower = Tower::new(&whole)?;
        let mut session = session(|graph| tower.build(graph), tensor_cores);
        for (name, _) in session.plan().param_buffers.clone() {
            if !name.contains('+') {
                session.set_parameter(&name, &tower.parameter(&model, &name)?);
            }
        }
        session.set_input("patches", &tower.patches(&pixels));
        let seconds = times(&mut session);
        let mut features = vec![0.0; tower.rows() * tower.columns()];
        session.read_output_by_index(0, &mut features);
        device = adapter(&session);
        passes.push(json!({
            "tokens": null,
            "note": "GELU by tanh",
            "seconds": seconds,
            "dispatches": session.plan().dispatches.len(),
            "output": features[tower.columns()..],
        }));
    }
    write(out, &device, &passes, &left_out)
}

/// Writes what there is so far.
fn write(out: &str, device: &str, passes: &[Value], left_out: &[Value]) -> Outcome<()> {
    let result = json!({
        "program": "meganeura",
        "version": env!("MEGANEURA_VERSION"),
        "device": device,
        "passes": passes,
        "left_out": left_out,
    });
    Ok(std::fs::write(out, serde_json::to_string(&result)?)?)
}

fn adapter(session: &Session) -> String {
    let info = session.device_information();
    format!(
        "{}, {} {}",
        info.device_name, info.driver_name, info.driver_info
    )
}

fn number(config: &Value, name: &str) -> Outcome<usize> {
    let value = config[name].as_u64();
    Ok(value.ok_or(format!("config.json: no `{name}`"))? as usize)
}

fn read_json(file: &str) -> Outcome<Value> {
    let text = std::fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
    Ok(serde_json::from_str(&text).map_err(|error| format!("{file}: {error}"))?)
}

/// What `config.json` says of the decoder, alone or in a vision-language model.
fn config(config: &Value) -> Outcome<SmolLM2Config> {
    let text = config.get("text_config").unwrap_or(config);
    let number = |name| number(text, name);
    let float = |value: &Value, name: &str| {
        let value = value[name]
            .as_f64()
            .ok_or(format!("config.json: no `{name}`"));
        value.map(|value| value as f32)
    };
    let rope = text.get("rope_parameters").unwrap_or(text);
    Ok(SmolLM2Config {
        vocab_size: number("vocab_size")?,
        hidden_size: number("hidden_size")?,
        num_hidden_layers: number("num_hidden_layers")?,
        num_attention_heads: number("num_attention_heads")? as u32,
        num_key_value_heads: number("num_key_value_heads")? as u32,
        intermediate_size: number("intermediate_size")?,
        rms_norm_eps: float(text, "rms_norm_eps")?,
        rope_theta: float(rope, "rope_theta")?,
        tie_word_embeddings: text["tie_word_embeddings"].as_bool().unwrap_or(false),
    })
}

fn session(build: impl FnOnce(&mut Graph) -> NodeId, tensor_cores: bool) -> Session {
    let mut graph = Graph::new();
    let out = build(&mut graph);
    graph.set_outputs(vec![out]);
    let coop = match tensor_cores {
        true => CoopPolicy::Auto,
        false => CoopPolicy::Disabled,
    };
    let config = SessionConfig {
        mode: Mode::Inference,
        runtime: SessionOptions {
            coop,
            ..SessionOptions::default()
        },
        ..SessionConfig::default()
    };
    meganeura::build(&graph, config).0
}

/// Gives the session its parameters; those that it made of several are filled with them.
fn load(session: &mut Session, model: &SafeTensorsModel, config: &SmolLM2Config) -> Outcome<()> {
    const EMBEDDING: &str = "model.embed_tokens.weight";
    let mut names = model.tensor_info().keys();
    let embedding = names.find(|name| name.ends_with(EMBEDDING));
    let embedding = embedding.ok_or("model.safetensors: no embed_tokens")?;
    let prefix = &embedding[..embedding.len() - EMBEDDING.len()];
    let transposed = smollm2::transposed_weight_names(config);
    for (name, _) in session.plan().param_buffers.clone() {
        if name.contains('+') {
            continue;
        }
        let file_name = format!("{prefix}{name}");
        let values = match transposed.contains(&name) {
            true => model.tensor_f32_transposed(&file_name)?,
            false => model.tensor_f32(&file_name)?,
        };
        session.set_parameter(&name, &values);
    }
    Ok(())
}

fn times(session: &mut Session) -> Vec<f64> {
    let mut run = || {
        let start = Instant::now();
        session.step();
        session.wait();
        start.elapsed().as_secs_f64()
    };
    let mut warm = run();
    while warm < WARM_UP {
        warm += run();
    }
    let mut times = Vec::new();
    while times.len() < RUNS && times.iter().sum::<f64>() < ENOUGH {
        times.push(run());
    }
    times
}
