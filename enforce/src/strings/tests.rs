//! Strings, keys and numbers are found where a parser finds them, and read as it reads them.

use proptest::prelude::*;
use serde_json::Value;

use super::*;

fn path(place: &Place<'_, '_>) -> String {
    let step = |step: &Step<'_>| match step {
        Step::Name(name) => format!(".{name}"),
        Step::Index(index) => format!("[{index}]"),
    };
    place.path.iter().map(step).collect()
}

fn seen(json: &str) -> Result<Vec<String>, Malformed> {
    let mut seen = Vec::new();
    strings(json, &mut |place| {
        let quotes = usize::from(!place.is_number());
        assert_eq!(json.get(place.range.start + quotes..place.range.end - quotes), Some(place.raw));
        assert_eq!(place.path.len(), place.opens.len());
        seen.push(format!("{} {:?} {}", path(place), place.what, place.text()));
    })?;
    Ok(seen)
}

#[test]
fn places_have_their_path() {
    let json = r#" {"a": [1, "x\n", {"b\u0062": -2.5e+3, "c": {}}, [], [[true, null, "y"]]], "d":"", "d" : false } "#;
    let expected = [
        ".a Key a",
        ".a[0] Number 1",
        ".a[1] Text x\n",
        ".a[2].bb Key bb",
        ".a[2].bb Number -2.5e+3",
        ".a[2].c Key c",
        ".a[4][0][2] Text y",
        ".d Key d",
        ".d Text ",
        ".d Key d",
    ];
    assert_eq!(seen(json).unwrap(), expected);
    assert_eq!(seen("\"x\"").unwrap(), [" Text x"]);
    assert_eq!(seen("null").unwrap(), [""; 0]);
}

#[test]
fn siblings_share_their_object() {
    let mut opens = Vec::new();
    strings(r#"[{"a":{"x":1},"b":"2"},{"c":3}]"#, &mut |place| opens.push(place.opens.last().copied().unwrap())).unwrap();
    assert_eq!(opens, [1, 6, 6, 1, 1, 23, 23]);
}

#[test]
fn what_is_not_json_is_refused() {
    for json in [
        "",
        " ",
        "{",
        "}",
        "[1,]",
        "{\"a\"}",
        "{\"a\":1,}",
        "{a:1}",
        "[1 2]",
        "[1}",
        "{\"a\":1]",
        "\"a",
        "\"\\x\"",
        "\"\\u12g4\"",
        "\"\n\"",
        "01",
        "1.",
        ".5",
        "-",
        "1e",
        "+1",
        "tru",
        "nul",
        "1 1",
        "[\"a\":1]",
        "{\"a\",1}",
        "{1:2}",
        "\"\\",
        "\"\\u00",
    ] {
        assert_eq!(seen(json), Err(Malformed), "{json}");
        assert!(serde_json::from_str::<Value>(json).is_err(), "{json}");
    }
}

#[test]
fn numbers_are_read_by_their_digits() {
    let read = |json: &str| {
        let mut read = String::new();
        strings(json, &mut |place| read = place.read().into_owned()).unwrap();
        read
    };
    for (number, digits) in [
        ("-4.111111111111111e15", "4111111111111111"),
        ("4111111111111111.0", "4111111111111111"),
        ("-4111111111111111", "4111111111111111"),
        ("-9300000000000000001", "9300000000000000000"),
        ("18446744073709551615", "18446744073709551615"),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
        ("-0", "0"),
        ("1e999", "1e999"),
        ("\"-\\u0031.0\"", "-1.0"),
    ] {
        assert_eq!(read(number), digits, "{number}");
    }
}

#[test]
fn depth_has_a_bound_and_costs_no_stack() {
    let nested = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
    assert!(seen(&nested(DEPTH_MAX)).is_ok());
    assert_eq!(seen(&nested(1_000_000)), Err(Malformed));
}

#[test]
fn halves_of_characters_are_kept() {
    let pieces = |json: &str| {
        let mut pieces = Vec::new();
        let add = |piece| match piece {
            Piece::Text(text) => format!("text {text}"),
            Piece::Half(half) => format!("half {half}"),
        };
        strings(json, &mut |place| pieces.extend(place.pieces().map(add))).unwrap();
        pieces
    };
    assert_eq!(pieces(r#""\ud83d\ude00""#), ["text 😀"]);
    assert_eq!(
        pieces(r#""a\n\uD83Db\uDE00\ud83d\ud83d\ude00\ud83d""#),
        ["text a\n", "half \\uD83D", "text b", "half \\uDE00", "half \\ud83d", "text 😀", "half \\ud83d"]
    );
    assert_eq!(pieces("\"\""), [""; 0]);
    assert_eq!(seen(r#""a\ud83d""#).unwrap(), [" Text a\u{fffd}"]);
}

fn value() -> impl Strategy<Value = Value> {
    let text = r#"[a-z"\\/\n\t\u{0}-\u{1f}\u{7f}é😀{}\[\],:]{0,8}"#;
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text.prop_map(Value::from)
    ];
    leaf.prop_recursive(4, 32, 5, move |inner| {
        let list = prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from);
        let object = prop::collection::btree_map(text, inner, 0..5).prop_map(|members| Value::Object(members.into_iter().collect()));
        prop_oneof![list, object]
    })
}

fn texts(value: &Value, out: &mut Vec<String>) {
    match value {
        Value::Null | Value::Bool(_) => {}
        Value::Number(number) => out.push(number.to_string()),
        Value::String(text) => out.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| texts(item, out)),
        Value::Object(members) => members.iter().for_each(|(name, value)| {
            out.push(name.clone());
            texts(value, out);
        }),
    }
}

proptest! {
    #[test]
    fn the_same_strings_as_a_parser(value in value(), pretty: bool) {
        let json = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
        let (mut expected, mut found, mut places) = (Vec::new(), Vec::new(), Vec::new());
        texts(&value, &mut expected);
        strings(&json, &mut |place| {
            found.push(place.text().into_owned());
            places.push((place.range.clone(), place.is_number()));
        }).unwrap();
        prop_assert_eq!(&found, &expected);
        // Writing every string anew gives the same value.
        let mut again = json.clone();
        for ((range, is_number), text) in places.into_iter().zip(&found).rev() {
            if !is_number {
                again.replace_range(range, &quoted(text));
            }
        }
        prop_assert_eq!(serde_json::from_str::<Value>(&again).unwrap(), value);
    }

    #[test]
    fn valid_where_a_parser_says_so(json in r#"[\[\]{}:,"\\a-z0-9 .\-+eEu\n]{0,12}"#) {
        prop_assert_eq!(seen(&json).is_ok(), serde_json::from_str::<serde::de::IgnoredAny>(&json).is_ok());
    }

    #[test]
    fn what_is_quoted_reads_back(text: String) {
        prop_assert_eq!(serde_json::from_str::<String>(&quoted(&text)).unwrap(), text);
    }
}
