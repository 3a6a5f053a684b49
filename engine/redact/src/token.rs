//! Secrets that announce themselves by a prefix: a table, and one rule for all of it.
//!
//! Only prefixes that their owners document, or that their public key format shows, are here. An entry whose prefix also occurs
//! in words or ids must ask for a word's edge and a digit; otherwise a secret is found even when it is glued to other text.

use std::ops::RangeInclusive;

use crate::detector::Scan;
use crate::haystack::{Haystack, Hit, is_base64url, is_word};
use crate::limits::{JWT_PART_MAX, WEBHOOK_PATH_MAX};
use crate::{Finding, Kind};

/// A secret's written form: a prefix, then `length` bytes of an alphabet.
struct Token {
    prefix: &'static str,
    kind: Kind,
    alphabet: fn(u8) -> bool,
    length: RangeInclusive<usize>,
    edge: Edge,
}

/// What must stand before the prefix and in the body.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Edge {
    /// Anything: the prefix is unmistakable.
    Open,
    /// As `Open`, and the body has a digit, as every random body has: `sk-proj-description` is a name.
    Digit,
    /// No ASCII letter or digit before it, and a digit in the body: the prefix also ends words (`risk-`).
    Word,
}

const fn ai(prefix: &'static str, alphabet: fn(u8) -> bool, length: RangeInclusive<usize>, edge: Edge) -> Token {
    Token { prefix, kind: Kind::AI_PROVIDER_KEY, alphabet, length, edge }
}

const fn github(prefix: &'static str, alphabet: fn(u8) -> bool) -> Token {
    Token { prefix, kind: Kind::GITHUB_TOKEN, alphabet, length: 36..=255, edge: Edge::Open }
}

const fn slack(prefix: &'static str) -> Token {
    Token { prefix, kind: Kind::SLACK_TOKEN, alphabet: is_slack, length: 10..=512, edge: Edge::Digit }
}

/// The first entry whose prefix fits decides, so a longer prefix stands before its own beginning.
const TOKENS: [Token; 42] = [
    // OpenAI: project, service account, admin, early project keys.
    ai("sk-proj-", is_base64url, 20..=256, Edge::Digit),
    ai("sk-svcacct-", is_base64url, 20..=256, Edge::Digit),
    ai("sk-admin-", is_base64url, 20..=256, Edge::Digit),
    ai("sk-None-", is_base64url, 20..=256, Edge::Digit),
    // Anthropic: api03, admin01, oat01 and what follows.
    ai("sk-ant-", is_base64url, 20..=256, Edge::Digit),
    // OpenRouter.
    ai("sk-or-v1-", is_base64url, 32..=128, Edge::Digit),
    // OpenAI user keys (48), DeepSeek (32), and servers that copy the form.
    ai("sk-", is_alphanumeric, 20..=128, Edge::Word),
    // Google: standard keys (39 in all) and the auth keys that replace them since 2026.
    ai("AIza", is_base64url, 35..=35, Edge::Open),
    ai("AQ.Ab", is_base64url, 40..=128, Edge::Digit),
    // Groq, Hugging Face (users and organisations), Replicate, Perplexity, xAI.
    ai("gsk_", is_alphanumeric, 40..=64, Edge::Digit),
    ai("hf_", is_alphanumeric, 30..=40, Edge::Open),
    ai("api_org_", is_alphanumeric, 30..=40, Edge::Open),
    ai("r8_", is_alphanumeric, 37..=40, Edge::Word),
    ai("pplx-", is_alphanumeric, 40..=64, Edge::Digit),
    ai("xai-", is_alphanumeric, 70..=90, Edge::Digit),
    // NVIDIA, Cerebras, Together, Fireworks, Databricks, Tavily, Voyage.
    ai("nvapi-", is_base64url, 60..=80, Edge::Digit),
    ai("csk-", is_alphanumeric, 40..=64, Edge::Word),
    ai("tgp_v1_", is_base64url, 40..=64, Edge::Digit),
    ai("fw_", is_alphanumeric, 22..=32, Edge::Word),
    ai("dapi", is_hex, 32..=32, Edge::Word),
    ai("tvly-", is_base64url, 20..=64, Edge::Digit),
    ai("pa-", is_base64url, 43..=43, Edge::Word),
    // GitHub: server and user tokens may be stateless (`ghs_<app>_<jwt>`, since 2026).
    github("ghp_", is_word_or_underscore),
    github("gho_", is_word_or_underscore),
    github("ghr_", is_word_or_underscore),
    Token { length: 36..=2048, ..github("ghs_", is_base64url) },
    Token { length: 36..=2048, ..github("ghu_", is_base64url) },
    github("github_pat_", is_word_or_underscore),
    // Slack: bot, user, workspace, refresh, session, configuration and app-level tokens.
    slack("xoxb-"),
    slack("xoxp-"),
    slack("xoxa-"),
    slack("xoxr-"),
    slack("xoxs-"),
    slack("xoxo-"),
    slack("xoxc-"),
    slack("xoxd-"),
    slack("xoxe-"),
    slack("xoxe.xoxb-"),
    slack("xoxe.xoxp-"),
    slack("xapp-"),
    // age identities (Bech32): they are private keys.
    Token { prefix: "AGE-SECRET-KEY-1", kind: Kind::PRIVATE_KEY, alphabet: is_alphanumeric, length: 58..=58, edge: Edge::Open },
    Token { prefix: "AGE-SECRET-KEY-PQ-1", kind: Kind::PRIVATE_KEY, alphabet: is_alphanumeric, length: 58..=128, edge: Edge::Open },
];

/// All prefixes as alternatives of one pattern.
pub(crate) fn prefix_pattern() -> String {
    TOKENS.iter().map(|token| token.prefix.replace('.', r"\.")).collect::<Vec<_>>().join("|")
}

/// Looks at a prefix of the table.
pub(crate) fn examine(scan: &mut Scan<'_>, hit: Hit) -> usize {
    let text = scan.text;
    let found =
        TOKENS.iter().find(|token| text.starts_with(hit.start, token.prefix)).and_then(|token| Some((token, token.end(text, hit.start)?)));
    match found {
        Some((token, end)) => scan.record(Finding::by_pattern(token.kind, hit.start, stateless_end(text, token, end))),
        None => hit.start + 1,
    }
}

/// Looks at `hooks.slack.com/`: whoever knows the path may post, so the whole address is the secret.
pub(crate) fn examine_webhook(scan: &mut Scan<'_>, hit: Hit) -> usize {
    let text = scan.text;
    let end = text.run(hit.end, WEBHOOK_PATH_MAX, |byte| is_base64url(byte) || byte == b'/');
    let path = text.slice(hit.end, end);
    let service = path.split('/').next().unwrap_or("");
    let secret = path.rsplit('/').next().unwrap_or("");
    if !matches!(service, "services" | "workflows" | "triggers") || secret.len() < 16 {
        return hit.start + 1;
    }
    let scheme = if text.before(hit.start, 8) == "https://" { 8 } else { 0 };
    scan.record(Finding::by_pattern(Kind::SLACK_TOKEN, hit.start - scheme, end))
}

// === impl Token ===

impl Token {
    /// Where the secret that starts at `start` ends. A longer run is glued to other text: the secret is its beginning.
    fn end(&self, text: Haystack<'_>, start: usize) -> Option<usize> {
        let body = start + self.prefix.len();
        let end = text.run(body, *self.length.end(), self.alphabet);
        let has_digit = || text.bytes(body, end).iter().any(u8::is_ascii_digit);
        let fits = match self.edge {
            Edge::Open => true,
            Edge::Digit => has_digit(),
            Edge::Word => has_digit() && !is_word(text.byte_before(start)),
        };
        (fits && end - body >= *self.length.start()).then_some(end)
    }
}

/// A stateless GitHub token goes on with the parts of a JWT.
fn stateless_end(text: Haystack<'_>, token: &Token, end: usize) -> usize {
    if token.kind != Kind::GITHUB_TOKEN {
        return end;
    }
    let part = |at: usize| {
        let next = text.run(at + 1, JWT_PART_MAX, is_base64url);
        (text.byte(at) == Some(b'.') && next - at > 20).then_some(next)
    };
    part(end).map_or(end, |second| part(second).unwrap_or(second))
}

fn is_alphanumeric(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
}

fn is_hex(byte: u8) -> bool {
    byte.is_ascii_hexdigit()
}

fn is_word_or_underscore(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Session cookies (`xoxd-`) are percent-encoded base64.
fn is_slack(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'%' | b'+' | b'/' | b'=')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_prefix_hides_behind_its_own_beginning() {
        for (index, token) in TOKENS.iter().enumerate() {
            let hidden = TOKENS.iter().take(index).any(|earlier| token.prefix.starts_with(earlier.prefix));
            assert!(!hidden, "{} is never reached", token.prefix);
        }
    }

    #[test]
    fn prefixes_need_no_escape_but_the_dot() {
        for token in &TOKENS {
            assert!(token.prefix.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)), "{}", token.prefix);
        }
    }
}
