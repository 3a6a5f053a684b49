//! Verifies AWS Signature Version 4 (AWS General Reference, "Create a signed AWS API request") for one test key. The clock is not
//! compared, so that recorded calls stay valid; everything else is.

use std::collections::BTreeMap;

use aws_lc_rs::{digest, hmac};
use http::HeaderMap;
use http::request::Parts;

use super::credential::header;

/// The key id that AWS uses in its documentation.
pub const AWS_ACCESS_KEY_ID: &str = "AKIAIOSFODNN7EXAMPLE";
/// The secret that belongs to it there.
pub const AWS_SECRET_ACCESS_KEY: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const SERVICE: &str = "bedrock";

/// The parts of the authorization header.
struct Claim<'a> {
    key_id: &'a str,
    date: &'a str,
    region: &'a str,
    signed: Vec<&'a str>,
    signature: &'a str,
}

/// # Errors
/// What the service says: no token, an unknown key, or a signature that does not match.
pub(crate) fn verify(head: &Parts, body: &[u8]) -> Result<(), String> {
    let claim = header(&head.headers, "authorization").and_then(claim).ok_or("Missing Authentication Token")?;
    if claim.key_id != AWS_ACCESS_KEY_ID {
        return Err("The security token included in the request is invalid.".to_owned());
    }
    for needed in ["host", "x-amz-date"] {
        if !claim.signed.contains(&needed) {
            return Err(format!("'{needed}' must be a signed header in the AWS Authorization header."));
        }
    }
    let instant = header(&head.headers, "x-amz-date").unwrap_or_default();
    if !instant.starts_with(claim.date) {
        return Err("Date in Credential scope does not match the date of the request.".to_owned());
    }
    if header(&head.headers, "x-amz-content-sha256").is_some_and(|sent| sent != sha256(body)) {
        return Err("The provided x-amz-content-sha256 header does not match what was computed.".to_owned());
    }
    let scope = format!("{}/{}/{SERVICE}/aws4_request", claim.date, claim.region);
    let text = format!("{ALGORITHM}\n{instant}\n{scope}\n{}", sha256(canonical(head, body, &claim).as_bytes()));
    let due = hex::encode(sign(&signing_key(&claim), &text));
    if due == claim.signature {
        Ok(())
    } else {
        Err("The request signature we calculated does not match the signature you provided.".to_owned())
    }
}

/// `AWS4-HMAC-SHA256 Credential=id/date/region/bedrock/aws4_request, SignedHeaders=a;b, Signature=hex`
fn claim(text: &str) -> Option<Claim<'_>> {
    let fields: BTreeMap<&str, &str> = text.strip_prefix(ALGORITHM)?.split(',').filter_map(|field| field.trim().split_once('=')).collect();
    let scope: Vec<&str> = fields.get("Credential")?.split('/').collect();
    let [key_id, date, region, SERVICE, "aws4_request"] = scope.as_slice() else { return None };
    Some(Claim { key_id, date, region, signed: fields.get("SignedHeaders")?.split(';').collect(), signature: fields.get("Signature")? })
}

fn canonical(head: &Parts, body: &[u8], claim: &Claim<'_>) -> String {
    let headers: String = claim.signed.iter().map(|name| format!("{name}:{}\n", joined(&head.headers, name))).collect();
    let path: Vec<String> = head.uri.path().split('/').map(escaped).collect();
    let mut query: Vec<&str> = head.uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty()).collect();
    query.sort_unstable();
    let parts = [head.method.as_str(), &path.join("/"), &query.join("&"), &headers, &claim.signed.join(";"), &sha256(body)];
    parts.join("\n")
}

/// Values of a header, trimmed, runs of blanks as one.
fn joined(headers: &HeaderMap, name: &str) -> String {
    let value = |value: &http::HeaderValue| {
        let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    headers.get_all(name).iter().map(value).collect::<Vec<_>>().join(",")
}

/// The path as it was sent is escaped once more, but for the slashes.
fn escaped(segment: &str) -> String {
    let mut text = String::new();
    for byte in segment.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push('%');
            text.push_str(&hex::encode_upper([byte]));
        }
    }
    text
}

fn signing_key(claim: &Claim<'_>) -> Vec<u8> {
    let mut key = format!("AWS4{AWS_SECRET_ACCESS_KEY}").into_bytes();
    for part in [claim.date, claim.region, SERVICE, "aws4_request"] {
        key = sign(&key, part);
    }
    key
}

fn sign(key: &[u8], text: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(digest::digest(&digest::SHA256, bytes))
}
