//! Every bound of the demonstration model, with its reason.

/// Waiting chats: at 50 tokens/s a short answer takes seconds, so a longer queue would only time out.
pub(super) const QUEUE_DEFAULT: usize = 8;
/// One thread: the gateway keeps the other cores.
pub(super) const THREADS_DEFAULT: usize = 1;
/// Beyond this many threads such small matrices gain nothing.
pub(super) const THREADS_MAX: usize = 16;
/// What SmolLM2 was trained for. Its key-value cache is then 360 MiB, allocated as the chat grows and freed with it.
pub(super) const CONTEXT_TOKENS_DEFAULT: usize = 8192;
/// Positions are computed in 32-bit floats and 16-bit integers.
pub(super) const CONTEXT_TOKENS_MAX: usize = 32_768;
/// An answer without `max_tokens`: a small model that repeats itself must end.
pub(super) const COMPLETION_TOKENS_DEFAULT: usize = 1024;
/// Prompt tokens between two looks at whether anyone still waits: about 0.2 s.
pub(super) const PREFILL_TOKENS: usize = 32;
/// As in the OpenAI API.
pub(super) const STOP_TEXTS_MAX: usize = 4;
/// Each held-back tail is compared with every stop text at every token.
pub(super) const STOP_TEXT_BYTES_MAX: usize = 256;
/// Instructions (and 64-byte units of memory) of one template run; a chat of 1,000 messages takes about 50,000 and its text.
pub(super) const TEMPLATE_FUEL: u64 = 5_000_000;
/// Steps by which the threads are nicer than the gateway: under contention they get about a tenth of a core.
#[cfg(target_os = "linux")]
pub(super) const NICE: i32 = 10;
/// Vocabulary entries: the largest in use have about 260,000.
pub(super) const VOCABULARY_MAX: usize = 1_000_000;
/// Layers: the largest in use have 126.
pub(super) const LAYERS_MAX: usize = 1024;
