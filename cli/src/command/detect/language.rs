//! The form of a language tag, so that a slip of the pen does not end up in a model.
//!
//! Only the form is checked (RFC 5646, section 2.1), never whether anybody speaks it. Irregular old tags (`i-klingon`) are not taken.

/// Takes `es`, `pt-BR`, `zh-Hant-TW`, as they are.
pub(super) fn parse(text: &str) -> Result<String, String> {
    if is_tag(text) { Ok(text.to_owned()) } else { Err(format!("`{text}` is no language tag (BCP 47): write `es` or `pt-BR`")) }
}

/// Language, extended language, script, region, variants, extensions, private use: each may be missing but the first, and none comes late.
fn is_tag(text: &str) -> bool {
    let mut parts = text.split('-').peekable();
    if !parts.next().is_some_and(|language| is_alphabetic(language, 2..=3)) {
        return false;
    }
    for _ in 0..3 {
        parts.next_if(|part| is_alphabetic(part, 3..=3));
    }
    parts.next_if(|part| is_alphabetic(part, 4..=4));
    parts.next_if(|part| is_alphabetic(part, 2..=2) || is_digits(part));
    while parts.next_if(|part| is_variant(part)).is_some() {}
    while parts.next_if(|part| is_singleton(part)).is_some() {
        if parts.next_if(|part| is_alphanumeric(part, 2..=8)).is_none() {
            return false;
        }
        while parts.next_if(|part| is_alphanumeric(part, 2..=8)).is_some() {}
    }
    let private = parts.next_if(|part| part.eq_ignore_ascii_case("x")).is_some();
    let rest: Vec<&str> = parts.collect();
    rest.is_empty() != private && rest.iter().all(|part| is_alphanumeric(part, 1..=8))
}

type Length = std::ops::RangeInclusive<usize>;

fn is_alphabetic(part: &str, length: Length) -> bool {
    length.contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphabetic())
}

fn is_alphanumeric(part: &str, length: Length) -> bool {
    length.contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// A region by its number: `419`.
fn is_digits(part: &str) -> bool {
    part.len() == 3 && part.bytes().all(|byte| byte.is_ascii_digit())
}

/// `valencia`, `1901`.
fn is_variant(part: &str) -> bool {
    is_alphanumeric(part, 5..=8) || is_alphanumeric(part, 4..=4) && part.starts_with(|first: char| first.is_ascii_digit())
}

/// What begins an extension; `x` begins private use.
fn is_singleton(part: &str) -> bool {
    is_alphanumeric(part, 1..=1) && !part.eq_ignore_ascii_case("x")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_in_form_and_others() {
        for tag in [
            "es",
            "gsw",
            "pt-BR",
            "es-419",
            "zh-Hant-TW",
            "zh-cmn-Hans-CN",
            "sl-rozaj-biske-1994",
            "de-1901",
            "en-u-ca-gregory-x-a",
            "ca-valencia",
        ] {
            assert_eq!(parse(tag), Ok(tag.to_owned()));
        }
        for wrong in [
            "",
            "e",
            "english",
            "xx-klingon-zzz",
            "es_ES",
            "es-",
            "-es",
            "es--ES",
            "es-ES-Latn",
            "en-u",
            "en-x",
            "x-a",
            "de-",
            "dé",
            "es fr",
            "en-x-toolongpart",
        ] {
            assert_eq!(parse(wrong), Err(format!("`{wrong}` is no language tag (BCP 47): write `es` or `pt-BR`")));
        }
    }
}
