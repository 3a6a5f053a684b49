//! Step 2: who asks. A key leads to its workload; without a key nobody is let in, except this machine where that is configured.

use std::net::SocketAddr;

use comity_store::PresentedKey;
use comity_vocab::{Classification, Instant, KeyId, Workload};
use http::HeaderMap;
use http::header::AUTHORIZATION;

use crate::config::Config;
use crate::error::CallError;
use crate::keys::{KeyRefused, KeyRing};

/// Who asks, and what the key says about its calls.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    /// None for open development.
    pub(crate) key: Option<KeyId>,
    pub(crate) workload: Workload,
    pub(crate) floor: Classification,
    pub(crate) purposes: Vec<String>,
}

/// How a call came in.
pub(crate) struct Knock<'a> {
    pub(crate) headers: &'a HeaderMap,
    pub(crate) peer: SocketAddr,
    pub(crate) now: Instant,
}

const HOW_TO_GET_ONE: &str = "send `authorization: Bearer ck_…`; `comity keys create` makes a key";

/// Identifies the caller by its key.
pub(crate) async fn identify(keys: &KeyRing, config: &Config, knock: &Knock<'_>) -> Result<Caller, CallError> {
    let Some(text) = presented(knock.headers) else {
        return if config.dev_open { developer(knock) } else { Err(CallError::UnknownKey(format!("no API key: {HOW_TO_GET_ONE}"))) };
    };
    let unknown = || CallError::UnknownKey(format!("nobody made this API key: {HOW_TO_GET_ONE}"));
    let presented = PresentedKey::parse(text).ok_or_else(unknown)?;
    let known = keys.open(&presented, knock.now).await.map_err(|refused| match refused {
        KeyRefused::Unknown => unknown(),
        KeyRefused::Expired => CallError::UnknownKey(format!("the API key `{}` has expired: ask for a new one", presented.id())),
        KeyRefused::Revoked => CallError::UnknownKey(format!("the API key `{}` was revoked: ask for a new one", presented.id())),
        KeyRefused::Unreadable => CallError::LedgerUnavailable("the store of keys cannot be read"),
    })?;
    Ok(Caller { key: Some(known.id.clone()), workload: known.workload.clone(), floor: known.floor, purposes: known.purposes.clone() })
}

/// The key in the headers that SDKs use for it.
fn presented(headers: &HeaderMap) -> Option<&str> {
    let bearer = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let bearer = bearer.map(|text| text.strip_prefix("Bearer ").or_else(|| text.strip_prefix("bearer ")).unwrap_or(text).trim());
    let other = || ["x-api-key", "api-key"].into_iter().find_map(|name| headers.get(name)?.to_str().ok());
    bearer.or_else(other).filter(|text| !text.is_empty())
}

/// Open development: only a program on this machine, not a proxy for others and not a web page in its browser.
fn developer(knock: &Knock<'_>) -> Result<Caller, CallError> {
    const FROM_ELSEWHERE: [&str; 6] = ["forwarded", "x-forwarded-for", "x-real-ip", "via", "origin", "sec-fetch-site"];
    let elsewhere = FROM_ELSEWHERE.into_iter().find(|name| knock.headers.contains_key(*name));
    if let Some(header) = elsewhere {
        return Err(CallError::UnknownKey(format!("no API key, and `{header}` says that the call comes from elsewhere: {HOW_TO_GET_ONE}")));
    }
    if !knock.peer.ip().to_canonical().is_loopback() {
        return Err(CallError::UnknownKey(format!("no API key, and `dev_open` is for this machine only: {HOW_TO_GET_ONE}")));
    }
    let name = |_| CallError::Internal("the development workload has no name");
    Ok(Caller {
        key: None,
        workload: Workload {
            id: "dev".parse().map_err(name)?,
            unit: "dev".parse().map_err(|_| CallError::Internal("the development unit has no name"))?,
            sector: String::new(),
            clearance: Classification::Internal,
            critical: false,
        },
        floor: Classification::Public,
        purposes: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn knock(peer: &str, headers: &[(&'static str, &'static str)]) -> Result<Caller, CallError> {
        let headers = headers.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect();
        developer(&Knock { headers: &headers, peer: peer.parse().unwrap(), now: Instant(0) })
    }

    #[test]
    fn open_development_is_for_programs_on_this_machine() {
        assert!(knock("127.0.0.1:5", &[]).is_ok());
        assert!(knock("[::1]:5", &[]).is_ok());
        assert!(knock("[::ffff:127.0.0.1]:5", &[]).is_ok());
        for peer in ["10.0.0.1:5", "[2001:db8::1]:5", "[::ffff:10.0.0.1]:5"] {
            assert!(knock(peer, &[]).is_err(), "{peer}");
        }
        for header in ["x-forwarded-for", "origin", "forwarded"] {
            assert!(knock("127.0.0.1:5", &[(header, "x")]).is_err(), "{header}");
        }
    }

    #[test]
    fn sdks_put_keys_in_different_headers() {
        for (name, value) in
            [("authorization", "Bearer ck_1"), ("authorization", "bearer  ck_1 "), ("x-api-key", "ck_1"), ("api-key", "ck_1")]
        {
            let headers = HeaderMap::from_iter([(HeaderName::from_static(name), HeaderValue::from_static(value))]);
            assert_eq!(presented(&headers), Some("ck_1"));
        }
        assert_eq!(presented(&HeaderMap::new()), None);
    }
}
