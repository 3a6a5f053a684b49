//! The forward pass of the `llama` architecture (Touvron et al. 2023) with grouped-query attention, from tokens to logits.
//!
//! Written out on slices rather than taken from a library: the usual one keeps every mask it ever built, copies the whole key-value
//! cache at each token, stops at 4,096 positions, and runs on a pool that spins. It never outlives a chat with anything of that chat.

use pulp::{Arch, Simd, WithSimd};

use super::LocalError;
use super::gguf::Gguf;
use super::kernel::{self, Rows, Spread};
use super::limits;
use super::weights::Matrix;

pub(super) struct Llama {
    shape: Shape,
    embedding: Matrix,
    /// None: the embedding serves here too.
    output: Option<Matrix>,
    output_norm: Vec<f32>,
    layers: Vec<Layer>,
    /// Radians per position for each rotated pair.
    frequencies: Vec<f32>,
    spread: Spread,
}

/// Widths in floats; `grouped` is of all key or value heads together.
#[derive(Debug, Clone, Copy)]
struct Shape {
    width: usize,
    hidden: usize,
    heads: usize,
    groups: usize,
    head: usize,
    epsilon: f32,
}

struct Layer {
    attention_norm: Vec<f32>,
    query: Matrix,
    key: Matrix,
    value: Matrix,
    merge: Matrix,
    hidden_norm: Vec<f32>,
    gate: Matrix,
    up: Matrix,
    down: Matrix,
}

/// Keys and values of one chat, position after position, for each layer.
pub(super) struct Memory {
    layers: Vec<LayerMemory>,
    positions: usize,
}

#[derive(Clone, Default)]
struct LayerMemory {
    keys: Vec<f32>,
    values: Vec<f32>,
}

// === impl Llama ===

impl Llama {
    pub(super) fn load(gguf: &mut Gguf) -> Result<Llama, LocalError> {
        refuse_variants(gguf)?;
        let shape = Shape::read(gguf)?;
        let vocabulary = gguf.list("tokenizer.ggml.tokens")?.len();
        let layers = gguf.size("llama.block_count")?;
        if layers > limits::LAYERS_MAX {
            return Err(gguf.unsupported(format!("it has {layers} layers, more than {}", limits::LAYERS_MAX)));
        }
        let output = match gguf.has_tensor("output.weight") {
            true => Some(Matrix::load(gguf, "output.weight", [vocabulary, shape.width])?),
            false => None,
        };
        Ok(Llama {
            shape,
            embedding: Matrix::load(gguf, "token_embd.weight", [vocabulary, shape.width])?,
            output,
            output_norm: gguf.tensor("output_norm.weight", &[shape.width])?,
            layers: (0..layers).map(|layer| Layer::load(gguf, layer, shape)).collect::<Result<_, _>>()?,
            frequencies: frequencies(gguf, shape)?,
            spread: Spread::Alone,
        })
    }

    /// The same model, computing in the pool of the thread that calls it.
    pub(super) fn in_pool(self) -> Llama {
        Llama { spread: Spread::Pool, ..self }
    }

    pub(super) fn memory(&self) -> Memory {
        Memory { layers: vec![LayerMemory::default(); self.layers.len()], positions: 0 }
    }

    /// Reads tokens into `memory`. Gives the hidden state after the last one, `width` floats; empty without tokens.
    pub(super) fn read(&self, memory: &mut Memory, tokens: &[u32]) -> Vec<f32> {
        let embedded = tokens.iter().map(|token| self.embedding.row(*token).unwrap_or_else(|| vec![0.0; self.shape.width]));
        let first = memory.positions;
        memory.positions = first.saturating_add(tokens.len());
        let angles = (first..memory.positions).map(|position| self.angles(position)).collect();
        let mut step = Step { states: embedded.flatten().collect(), angles };
        for (layer, memory) in self.layers.iter().zip(&mut memory.layers) {
            self.attend(layer, memory, &mut step);
            self.think(layer, &mut step);
        }
        step.states.split_off(step.states.len().saturating_sub(self.shape.width))
    }

    /// One logit for each vocabulary entry.
    pub(super) fn logits(&self, state: &[f32]) -> Vec<f32> {
        let normalised = kernel::rms_norm(state, &self.output_norm, self.shape.epsilon);
        self.output.as_ref().unwrap_or(&self.embedding).multiply(&normalised, self.spread)
    }

    fn angles(&self, position: usize) -> Vec<(f32, f32)> {
        self.frequencies.iter().map(|frequency| (kernel::float(position) * frequency).sin_cos()).collect()
    }

    fn attend(&self, layer: &Layer, memory: &mut LayerMemory, step: &mut Step) {
        let Shape { heads, groups, head, epsilon, .. } = self.shape;
        let normalised = kernel::rms_norm(&step.states, &layer.attention_norm, epsilon);
        let mut queries = layer.query.multiply(&normalised, self.spread);
        let mut keys = layer.key.multiply(&normalised, self.spread);
        for ((query, key), angles) in queries.chunks_exact_mut(heads * head).zip(keys.chunks_exact_mut(groups * head)).zip(&step.angles) {
            kernel::rotate(query, head, angles);
            kernel::rotate(key, head, angles);
        }
        let before = memory.keys.len() / (groups * head);
        memory.keys.extend_from_slice(&keys);
        memory.values.extend_from_slice(&layer.value.multiply(&normalised, self.spread));
        let mut mixed = vec![0.0; queries.len()];
        let (memory, arch) = (&*memory, Arch::new());
        self.spread.each(Rows { floats: &mut mixed, width: head }, Vec::new, |weights, row, out| {
            let seen = Seen { positions: before + row / heads + 1, width: groups * head, group: (row % heads) * groups / heads };
            let query = queries.get(row * head..(row + 1) * head).unwrap_or_default();
            arch.dispatch(Mix { memory, query, seen, weights, out });
        });
        kernel::add_scaled(&mut step.states, 1.0, &layer.merge.multiply(&mixed, self.spread));
    }

    fn think(&self, layer: &Layer, step: &mut Step) {
        let normalised = kernel::rms_norm(&step.states, &layer.hidden_norm, self.shape.epsilon);
        let mut gate = layer.gate.multiply(&normalised, self.spread);
        kernel::swiglu(&mut gate, &layer.up.multiply(&normalised, self.spread));
        kernel::add_scaled(&mut step.states, 1.0, &layer.down.multiply(&gate, self.spread));
    }
}

/// One head at one position: the values seen, each as far as its key answers the query.
struct Mix<'a> {
    memory: &'a LayerMemory,
    query: &'a [f32],
    seen: Seen,
    /// Room for one weight per position.
    weights: &'a mut Vec<f32>,
    out: &'a mut [f32],
}

// === impl Mix ===

impl WithSimd for Mix<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Mix { memory, query, seen, weights, out } = self;
        let start = seen.group * query.len();
        let part = start..start + query.len();
        let scale = kernel::float(query.len()).sqrt().recip();
        weights.clear();
        for key in memory.keys.chunks_exact(seen.width).take(seen.positions) {
            weights.push(kernel::dot(simd, query, key.get(part.clone()).unwrap_or_default()) * scale);
        }
        kernel::softmax(weights);
        for (weight, value) in weights.iter().zip(memory.values.chunks_exact(seen.width)) {
            kernel::add_scaled(out, *weight, value.get(part.clone()).unwrap_or_default());
        }
    }
}

/// Some positions on their way through the layers.
struct Step {
    /// `width` floats each.
    states: Vec<f32>,
    /// Sine and cosine of each rotated pair, for each position.
    angles: Vec<Vec<(f32, f32)>>,
}

/// What one head at one position may look at.
struct Seen {
    /// Counted from the first; nothing later is visible.
    positions: usize,
    /// Floats of all groups at one position.
    width: usize,
    group: usize,
}

// === impl Shape ===

impl Shape {
    fn read(gguf: &Gguf) -> Result<Shape, LocalError> {
        let width = gguf.size("llama.embedding_length")?;
        let heads = gguf.size("llama.attention.head_count")?;
        let groups = gguf.size("llama.attention.head_count_kv").unwrap_or(heads);
        let head = gguf.size("llama.attention.key_length").unwrap_or(width / heads);
        if !heads.is_multiple_of(groups) || head == 0 || gguf.size("llama.attention.value_length").unwrap_or(head) != head {
            return Err(gguf.unsupported(format!("{heads} heads of {head} in {groups} groups")));
        }
        let epsilon = gguf.float("llama.attention.layer_norm_rms_epsilon");
        let epsilon = epsilon.ok_or_else(|| gguf.damaged("`llama.attention.layer_norm_rms_epsilon` is missing"))?;
        Ok(Shape { width, hidden: gguf.size("llama.feed_forward_length")?, heads, groups, head, epsilon })
    }
}

// === impl Layer ===

impl Layer {
    fn load(gguf: &mut Gguf, layer: usize, shape: Shape) -> Result<Layer, LocalError> {
        let name = |part: &str| format!("blk.{layer}.{part}.weight");
        let Shape { width, hidden, .. } = shape;
        let (queries, grouped) = (shape.heads * shape.head, shape.groups * shape.head);
        Ok(Layer {
            attention_norm: gguf.tensor(&name("attn_norm"), &[width])?,
            query: Matrix::load(gguf, &name("attn_q"), [queries, width])?,
            key: Matrix::load(gguf, &name("attn_k"), [grouped, width])?,
            value: Matrix::load(gguf, &name("attn_v"), [grouped, width])?,
            merge: Matrix::load(gguf, &name("attn_output"), [width, queries])?,
            hidden_norm: gguf.tensor(&name("ffn_norm"), &[width])?,
            gate: Matrix::load(gguf, &name("ffn_gate"), [hidden, width])?,
            up: Matrix::load(gguf, &name("ffn_up"), [hidden, width])?,
            down: Matrix::load(gguf, &name("ffn_down"), [width, hidden])?,
        })
    }
}

/// Members of the family that this forward pass would run wrongly without a word.
fn refuse_variants(gguf: &Gguf) -> Result<(), LocalError> {
    if gguf.integer("llama.expert_count").unwrap_or(0) > 0 {
        return Err(gguf.unsupported("it is a mixture of experts"));
    }
    if let Some(scaling) = gguf.text("llama.rope.scaling.type").filter(|scaling| *scaling != "none") {
        return Err(gguf.unsupported(format!("its positions are scaled by `{scaling}`")));
    }
    if gguf.has_tensor("blk.0.attn_q.bias") || gguf.has_tensor("blk.0.attn_q_norm.weight") {
        return Err(gguf.unsupported("its attention has biases or norms of its own"));
    }
    Ok(())
}

/// Radians per position for each pair, as `rope_freqs.weight` (Llama 3.1) stretches them.
fn frequencies(gguf: &mut Gguf, shape: Shape) -> Result<Vec<f32>, LocalError> {
    let rotated = gguf.size("llama.rope.dimension_count").unwrap_or(shape.head).min(shape.head);
    let base = gguf.float("llama.rope.freq_base").unwrap_or(10_000.0);
    let plain = (0..rotated / 2).map(|pair| base.powf(-2.0 * kernel::float(pair) / kernel::float(rotated)));
    if !gguf.has_tensor("rope_freqs.weight") {
        return Ok(plain.collect());
    }
    let stretch = gguf.tensor("rope_freqs.weight", &[rotated / 2])?;
    Ok(plain.zip(stretch).map(|(frequency, stretch)| frequency / stretch).collect())
}
