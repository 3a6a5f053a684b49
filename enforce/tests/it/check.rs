//! `Config::check`: everything that is wrong, at once, before anything starts.

use comity_bench::MockUpstream;
use comity_enforce::Config;
use tempfile::TempDir;

use crate::stage::{Props, write};

fn problems(props: &Props) -> String {
    let (mock, folder) = (MockUpstream::start().unwrap(), TempDir::new().unwrap());
    let path = write(&mock, folder.path(), props);
    let checked = Config::load(&path).and_then(|config| config.check());
    checked.map(|_| String::new()).unwrap_or_else(|problems| problems.to_string()).replace(&format!("{}/", folder.path().display()), "")
}

#[test]
fn a_good_configuration_says_what_it_amounts_to() {
    let (mock, folder) = (MockUpstream::start().unwrap(), TempDir::new().unwrap());
    let config = Config::load(&write(&mock, folder.path(), &Props::default())).unwrap();
    let checked = config.check().unwrap();
    assert_eq!(checked.layers, ["terms"]);
    assert_eq!(checked.reachable.len(), 3);
    assert_eq!(mock.tally().connections, 0);
}

#[test]
fn every_problem_of_upstreams_and_routes_is_told_with_its_place() {
    let upstreams = r#"
[[upstream]]
name = "clear"
base_url = "http://models.example.org/v1"
serves = ["alpha/model@one"]
[[upstream]]
name = "twice"
base_url = "https://models.example.org/v1"
serves = ["alpha/model@*"]
[[upstream]]
name = "twice"
base_url = "https://other.example.org/v1"
serves = ["alpha/model@two", "beta/*"]
credential = { env = "NO_SUCH_VARIABLE_ANYWHERE" }
[[upstream]]
name = "odd"
base_url = "gopher://x"
serves = []
[route.wrong]
offerings = ["alpha/model@tow"]
[route.none]
select = "gamma/*"
"#;
    let found = problems(&Props { upstreams: upstreams.to_owned(), ..Props::default() });
    for expected in [
        "comity.toml:9:12: calls to `models.example.org` would cross the network in clear",
        "hint: use https, or say `plain_http = true` if that network is trusted",
        "two upstreams have the name `twice`",
        "the environment variable `NO_SUCH_VARIABLE_ANYWHERE` is not set",
        "`gopher://x` has the scheme `gopher`",
        "route `wrong` names unknown offering `alpha/model@tow`",
        "hint: did you mean `alpha/model@two`?",
        "no offering of the catalogue matches `gamma/*`",
    ] {
        assert!(found.contains(expected), "{expected}\n---\n{found}");
    }
}

#[test]
fn keys_of_another_dialect_are_refused() {
    let upstream = |keys: &str| format!("[[upstream]]\nname = \"a\"\nbase_url = \"https://a.org\"\nserves = [\"alpha/model@*\"]\n{keys}\n");
    for (keys, expected) in [
        ("api_version = \"2024-10-21\"", "`api_version` of upstream `a` belongs to another dialect"),
        ("apis = []", "upstream `a` has no API"),
        ("dialect = \"bedrock\"\nregion = \"eu-west-1\"\naccess_key_id = { env = \"PATH\" }", "has `access_key_id` and no `credential`"),
        ("dialect = \"azure\"\nregion = \"eu-west-1\"", "`region` of upstream `a` belongs to another dialect"),
        (
            "dialect = \"bedrock\"\ncredential = { env = \"PATH\" }\naccess_key_id = { env = \"PATH\" }",
            "signs its calls and has no `region`",
        ),
    ] {
        let found = problems(&Props { upstreams: upstream(keys), ..Props::default() });
        assert!(found.contains(expected), "{found}");
    }
}

#[test]
fn broken_terms_show_file_line_caret_and_hint() {
    let terms = "@id(\"a\")\n@goal(\"openness\")\n@reason(\"r\")\npermit (principal, action in [Action::\"infer\"], resource)\nwhen { context.data.clasification <= 1 };\n";
    let found = problems(&Props { terms: terms.to_owned(), ..Props::default() });
    assert!(found.starts_with("terms.cedar:5:"), "{found}");
    assert!(found.contains('^'), "{found}");
}

#[test]
fn terms_that_name_what_does_not_exist() {
    let terms = "@id(\"a\")\n@goal(\"openness\")\n@reason(\"r\")\nforbid (principal, action in [Action::\"infer\", Action::\"embed\"], resource)\nwhen { resource.origin.processed_within.contains(Bloc::\"no_such_bloc\") };\n";
    let found = problems(&Props { terms: terms.to_owned(), ..Props::default() });
    assert!(found.contains("no_such_bloc"), "{found}");
}

#[test]
fn a_pack_or_model_that_is_not_there() {
    let found = problems(&Props { config: "[[layer]]\npack = \"uk-pubic\"".to_owned(), ..Props::default() });
    assert!(found.contains("unknown pack `uk-pubic`") && found.contains("did you mean `uk-public`?"), "{found}");
    let found = problems(&Props { config: "[local]\nmodel = \"none.gguf\"".to_owned(), ..Props::default() });
    assert!(found.contains("there is no model at `none.gguf`") && found.contains("comity model install smollm2"), "{found}");
}

#[test]
fn a_weak_admin_token_is_refused() {
    let folder = TempDir::new().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, "short").unwrap();
    let found = problems(&Props { config: format!("[admin]\ntoken = {{ file = \"{}\" }}", token.display()), ..Props::default() });
    assert!(found.contains("shorter than 32 characters") && !found.contains("short\""), "{found}");
}
