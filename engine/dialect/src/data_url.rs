//! `data:` URLs (RFC 2397), in which callers send pictures and documents.

/// Kind and base64 of `data:image/png;base64,…`; nothing where one of them is missing. Parameters other than `base64` say nothing about
/// pictures and documents.
pub(crate) fn read(url: &str) -> Option<(String, String)> {
    let (head, data) = url.split_once(',')?;
    let (_, head) = head.split_once(':').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("data"))?;
    let head = head.to_ascii_lowercase();
    let kind = head.strip_suffix(";base64")?.split(';').next().filter(|kind| kind.contains('/'))?;
    Some((registered(kind).to_owned(), data.to_owned()))
}

/// The registered name of a kind: operators take no other, and `image/jpg` is a common slip.
pub(crate) fn registered(kind: &str) -> &str {
    if kind.eq_ignore_ascii_case("image/jpg") { "image/jpeg" } else { kind }
}

/// Whether an address is one of these.
pub(crate) fn is_one(url: &str) -> bool {
    url.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(url: &str, expected: Option<(&str, &str)>) {
        assert_eq!(read(url).as_ref().map(|(kind, data)| (kind.as_str(), data.as_str())), expected, "{url}");
    }

    #[test]
    fn kind_and_bytes() {
        check("data:image/png;base64,AA==", Some(("image/png", "AA==")));
        check("DATA:image/JPG;charset=x;base64,AA==", Some(("image/jpeg", "AA==")));
        for wrong in ["data:,plain", "data:image/png,AA", "data:;base64,AA", "https://e.com/a,b", "data", ""] {
            check(wrong, None);
        }
        assert!(is_one("Data:,x") && !is_one("https://e.com") && !is_one("dat\u{e9}:"));
    }
}
