//! Calls that the gateway refuses: by its terms, or because they are none.

use serde_json::{Value, json};

use super::stage::{APIS, CHAT, Stage, expect, read, say};

/// By the terms, and by those who read headers and fields.
pub(super) fn refused(stage: &mut Stage) {
    let before = stage.mock.tally().calls;
    for api in APIS {
        for stream in [false, true] {
            let body = stage.plain(api, "refused by the terms", ("refused", stream));
            expect(stage.post(api, body, ""), 403, api);
            let said =
                format!("Why {} and {}?", stage.flock.secret("a credential that is refused"), stage.flock.token("a token that is refused"));
            expect(stage.post(api, say(api, "openai", &said, stream), ""), 403, api);
        }
        let picture = format!("https://{}.example/a.png", stage.flock.secret("the address of a picture"));
        let said = json!([{ "type": "image_url", "image_url": { "url": picture } }, { "type": "text", "text": stage.flock.email("beside a picture") }]);
        let body = say(api, "openai", "SAID", false).replace("\"SAID\"", &said.to_string());
        stage.post(api, body, "");
        for (name, value) in [
            ("comity-classification", stage.flock.email("comity-classification")),
            ("comity-purpose", stage.flock.email("comity-purpose")),
            ("comity-pseudonym-epoch", stage.flock.iban("comity-pseudonym-epoch")),
            ("comity-subject", stage.flock.email("an unknown header")),
            ("openai-project", stage.flock.email("openai-project")),
            ("openai-organization", stage.flock.secret("openai-organization")),
            ("anthropic-beta", stage.flock.email("anthropic-beta")),
            ("anthropic-beta", stage.flock.card("digits in anthropic-beta").replace(' ', "-")),
            ("openai-beta", stage.flock.card("digits in openai-beta").replace(' ', "")),
            ("openai-beta", stage.flock.email("openai-beta")),
            ("anthropic-version", stage.flock.email("anthropic-version")),
        ] {
            let body = stage.plain(api, name, ("openai", false));
            let reply = stage.post(api, body, &format!("{name}: {value}\r\n"));
            assert!((400..500).contains(&reply.status), "{name}: {}", reply.text);
        }
        let (bearer, key) = (stage.flock.token("a key that nobody made"), stage.flock.secret("a key in another header"));
        let body = stage.plain(api, "a stranger", ("openai", false));
        expect(stage.post(api, &body, &format!("authorization: Bearer {bearer}\r\n")), 401, api);
        expect(stage.post(api, &body, &format!("authorization: Basic {bearer}\r\nx-api-key: {key}\r\n")), 401, api);
    }
    for path in ["/v1/responses/", "/v1/models/", "/v1/files/", "/", "/v1/v1/"] {
        let path = format!("{path}{}", stage.flock.email("a path").replace('@', "%40"));
        expect(stage.get(&path), 404, &path);
        let query = stage.flock.email("a query that nobody reads").replace('@', "%40");
        stage.get(&format!("{path}?q={query}"));
        let body = stage.plain(CHAT, "at an unknown address", ("openai", false));
        stage.post(&path, body, "");
    }
    assert_eq!(stage.mock.tally().calls, before, "a call was sent that is refused");
}

/// What is no call, or no HTTP.
pub(super) fn malformed(stage: &mut Stage) {
    for api in APIS {
        for (field, value) in [
            ("model", json!(stage.flock.email("as a model"))),
            ("model", json!([stage.flock.email("in a list of models")])),
            ("stream", json!(stage.flock.email("as `stream`"))),
            ("store", json!(stage.flock.email("as `store`"))),
            ("tools", json!([{ "type": stage.flock.email("as a type of tool") }])),
            ("tools", json!(stage.flock.email("as tools"))),
            ("messages", json!(stage.flock.email("as messages"))),
            ("messages", json!([{ "role": stage.flock.email("as a role"), "content": "hello" }])),
            ("previous_response_id", json!(stage.flock.secret("as the id of a response"))),
        ] {
            let body = stage.plain(api, &format!("with a wrong {field}"), ("openai", false));
            let mut body: Value = serde_json::from_str(&body).unwrap();
            body[field] = value;
            let offending = body.to_string();
            let reply = stage.post(api, offending, "");
            // What the upstream may make of it is not for this gateway to say, as long as it gets no value.
            let is_taken = reply.status == 200 && ["messages", "previous_response_id", "tools"].contains(&field);
            assert!(is_taken || (400..500).contains(&reply.status), "{api} {field}: {}", reply.text);
        }
        let said = || "{\"model\":\"alpha/m@openai\",\"x\":";
        let (a, b) = (stage.flock.email("a body that ends early"), stage.flock.email("a field that stands twice"));
        let (c, d) = (stage.flock.email("a body that is not UTF-8"), stage.flock.iban("a body that is a text"));
        let (e, f) = (stage.flock.email("a body that is deep"), stage.flock.email("a body that is too large"));
        let wrong = [
            format!("{} \"{a}", said()).into_bytes(),
            format!("{} 1, \"{b}\": 1, \"{b}\": 2}}", said()).into_bytes(),
            [format!("{} \"{c}", said()).as_bytes(), b"\xff\xfe\"}"].concat(),
            format!("\"{d}\"").into_bytes(),
            format!("{}{}\"{e}\"{}}}", said(), "[".repeat(5000), "]".repeat(5000)).into_bytes(),
            format!("{} \"{f} {}\"}}", said(), "a".repeat(300_000)).into_bytes(),
        ];
        for body in wrong {
            let reply = stage.post(api, body, "");
            assert!((400..500).contains(&reply.status), "{}", reply.text);
        }
    }
    for what in ["a line of a request", "a version of HTTP", "a header that is none", "a chunk that is none"] {
        let email = stage.flock.email(what);
        let bytes = match what {
            "a line of a request" => format!("{email} / HTTP/1.1\r\n\r\n"),
            "a version of HTTP" => format!("GET /{email} HTTP/9.9\r\n\r\n"),
            "a header that is none" => format!("GET /healthz HTTP/1.1\r\nhost: g\r\n{email} {email}\r\n\r\n"),
            _ => format!(
                "POST {CHAT} HTTP/1.1\r\nhost: g\r\nauthorization: Bearer {}\r\ntransfer-encoding: chunked\r\n\r\n{email}\r\n{email}\r\n\r\n",
                stage.gateway.key
            ),
        };
        read(stage.raw(bytes.as_bytes()));
    }
}
