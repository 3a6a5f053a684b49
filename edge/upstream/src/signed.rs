//! Signs calls with AWS Signature Version 4. The secret key signs and is never sent.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{PayloadChecksumKind, SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use comity_vocab::Plain;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::upstream::Outgoing;

/// A key pair of AWS.
pub struct AwsKeys {
    /// The public half.
    pub access_key_id: Plain<String>,
    /// The secret half.
    pub secret_access_key: Plain<String>,
    /// For temporary keys.
    pub session_token: Option<Plain<String>>,
    /// The region of the address: `eu-west-1`.
    pub region: String,
}

/// A key that signs for one region.
#[derive(Clone)]
pub(crate) struct SigningKey {
    credentials: Credentials,
    region: String,
}

/// The service name in signatures.
const SERVICE: &str = "bedrock";

impl SigningKey {
    pub(crate) fn new(keys: AwsKeys) -> Self {
        let own = |text: &Plain<String>| text.expose().trim().to_owned();
        let credentials =
            Credentials::new(own(&keys.access_key_id), own(&keys.secret_access_key), keys.session_token.as_ref().map(own), None, "comity");
        Self { credentials, region: keys.region }
    }

    /// Adds the headers of the signature; false when the call cannot be signed.
    pub(crate) fn sign(&self, outgoing: &Outgoing<'_>, headers: &mut HeaderMap) -> bool {
        self.signature(outgoing, SystemTime::now()).is_some_and(|signed| {
            headers.extend(signed);
            true
        })
    }

    fn signature(&self, outgoing: &Outgoing<'_>, now: SystemTime) -> Option<Vec<(HeaderName, HeaderValue)>> {
        let identity = self.credentials.clone().into();
        let mut settings = SigningSettings::default();
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(SERVICE)
            .time(now)
            .settings(settings)
            .build()
            .ok()?
            .into();
        let uri = outgoing.uri.to_string();
        let body = SignableBody::Bytes(outgoing.body);
        let request = SignableRequest::new(outgoing.method, uri, std::iter::once(("content-type", "application/json")), body).ok()?;
        let (instructions, _) = sign(request, &params).ok()?.into_parts();
        let (signed, _) = instructions.into_parts();
        signed
            .into_iter()
            .map(|header| {
                let mut value = HeaderValue::from_str(header.value()).ok()?;
                value.set_sensitive(true);
                Some((HeaderName::from_bytes(header.name().as_bytes()).ok()?, value))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_signature_covers_address_time_and_body() {
        let plain = |text: &str| Plain::new(text.to_owned());
        let key = SigningKey::new(AwsKeys {
            access_key_id: plain("AKIDEXAMPLE"),
            secret_access_key: plain("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY\n"),
            session_token: None,
            region: "eu-west-1".to_owned(),
        });
        let sign = |uri: &str, body: &[u8], at| {
            let uri = uri.parse().unwrap();
            let outgoing = Outgoing { method: "POST", uri: &uri, body };
            let headers = key.signature(&outgoing, SystemTime::UNIX_EPOCH + Duration::from_secs(at)).unwrap();
            HeaderMap::from_iter(headers)
        };
        let uri = "https://bedrock-runtime.eu-west-1.amazonaws.com/model/a%3A0/converse";
        let headers = sign(uri, b"{}", 1_440_938_160);
        assert_eq!(headers["x-amz-date"], "20150830T123600Z");
        let authorization = headers["authorization"].to_str().unwrap();
        let expected = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/eu-west-1/bedrock/aws4_request, \
                        SignedHeaders=content-type;host;x-amz-content-sha256;x-amz-date, Signature=";
        assert!(authorization.starts_with(expected), "{authorization}");
        for other in
            [sign(uri, b"{ }", 1_440_938_160), sign(uri, b"{}", 1_440_938_161), sign(&uri.replace("a%3A0", "b"), b"{}", 1_440_938_160)]
        {
            assert_ne!(other["authorization"], headers["authorization"]);
        }
    }
}
