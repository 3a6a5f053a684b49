//! Scales of protection. Every scale counts up from 0 = unknown or worst (DESIGN: the catalogue).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How many scales there are.
const COUNT: usize = 17;

/// What one level measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// 0 none or unknown, 1 claimed confidential computing, 2 CPU enclave verified by us, 3 CPU and GPU, 4 and countersigned.
    Attestation,
    /// 0 operator's keys, 1 operator's HSM, 2 customer-managed in operator's HSM, 3 customer's own HSM outside.
    KeyCustody,
    /// 0 unrestricted or unknown, 1 logged, 2 needs customer approval, 3 technically impossible.
    OperatorAccess,
    /// 0 indefinite or unknown, 1 at most 30 days, 2 at most 24 hours, 3 nothing kept.
    Retention,
    /// 0 trains or unknown, 1 opt-out, 2 contractually never, 3 technically impossible.
    Training,
    /// 0 unknown hands, 1 chip's place endorsed, 2 facility inspected, 3 the organisation's own machines.
    Possession,
    /// 0 none, 1 plan, 2 plan tested within a year, 3 live failover drilled within 90 days.
    Exit,
    /// 0-4, EU Cloud Sovereignty Framework, minimum over its objectives.
    Seal,
    /// 0-4, its objective SOV-1: strategic sovereignty.
    SealStrategic,
    /// 0-4, its objective SOV-2: law and jurisdiction.
    SealLegal,
    /// 0-4, its objective SOV-3: data and AI.
    SealData,
    /// 0-4, its objective SOV-4: operations.
    SealOperational,
    /// 0-4, its objective SOV-5: supply chain.
    SealSupply,
    /// 0-4, its objective SOV-6: technology.
    SealTechnology,
    /// 0-4, its objective SOV-7: security and compliance.
    SealSecurity,
    /// 0-4, its objective SOV-8: environment.
    SealEnvironment,
    /// 0-4, Union assurance level of the proposed EU Cloud and AI Development Act.
    Ual,
}

impl Scale {
    /// Every scale, in the order of the schema.
    pub const ALL: [Self; COUNT] = [
        Self::Attestation,
        Self::KeyCustody,
        Self::OperatorAccess,
        Self::Retention,
        Self::Training,
        Self::Possession,
        Self::Exit,
        Self::Seal,
        Self::Ual,
        Self::SealStrategic,
        Self::SealLegal,
        Self::SealData,
        Self::SealOperational,
        Self::SealSupply,
        Self::SealTechnology,
        Self::SealSecurity,
        Self::SealEnvironment,
    ];

    /// The objectives of [`Scale::Seal`], SOV-1 to SOV-8; it is stated apart, and never above one of them that is stated.
    pub const SEAL_OBJECTIVES: [Self; 8] = [
        Self::SealStrategic,
        Self::SealLegal,
        Self::SealData,
        Self::SealOperational,
        Self::SealSupply,
        Self::SealTechnology,
        Self::SealSecurity,
        Self::SealEnvironment,
    ];

    /// The name that terms and catalogue files use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Attestation => "attestation",
            Self::KeyCustody => "key_custody",
            Self::OperatorAccess => "operator_access",
            Self::Retention => "retention",
            Self::Training => "training",
            Self::Possession => "possession",
            Self::Exit => "exit",
            Self::Seal => "seal",
            Self::Ual => "ual",
            Self::SealStrategic => "seal_strategic",
            Self::SealLegal => "seal_legal",
            Self::SealData => "seal_data",
            Self::SealOperational => "seal_operational",
            Self::SealSupply => "seal_supply",
            Self::SealTechnology => "seal_technology",
            Self::SealSecurity => "seal_security",
            Self::SealEnvironment => "seal_environment",
        }
    }

    /// The scale of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scale| scale.name() == name)
    }

    /// The best level of the scale.
    #[must_use]
    pub const fn top(self) -> u8 {
        match self {
            Self::Attestation
            | Self::Seal
            | Self::Ual
            | Self::SealStrategic
            | Self::SealLegal
            | Self::SealData
            | Self::SealOperational
            | Self::SealSupply
            | Self::SealTechnology
            | Self::SealSecurity
            | Self::SealEnvironment => 4,
            Self::KeyCustody | Self::OperatorAccess | Self::Retention | Self::Training | Self::Possession | Self::Exit => 3,
        }
    }

    const fn index(self) -> usize {
        match self {
            Self::Attestation => 0,
            Self::KeyCustody => 1,
            Self::OperatorAccess => 2,
            Self::Retention => 3,
            Self::Training => 4,
            Self::Possession => 5,
            Self::Exit => 6,
            Self::Seal => 7,
            Self::Ual => 8,
            Self::SealStrategic => 9,
            Self::SealLegal => 10,
            Self::SealData => 11,
            Self::SealOperational => 12,
            Self::SealSupply => 13,
            Self::SealTechnology => 14,
            Self::SealSecurity => 15,
            Self::SealEnvironment => 16,
        }
    }
}

/// One number for each scale; all 0 unless set. In JSON an object with the scales' names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "BTreeMap<Scale, u8>", into = "BTreeMap<Scale, u8>")]
pub struct Levels([u8; COUNT]);

impl Levels {
    /// The number on `scale`.
    #[must_use]
    pub fn get(&self, scale: Scale) -> u8 {
        self.0.get(scale.index()).copied().unwrap_or_default()
    }

    /// Sets the number on `scale`.
    pub fn set(&mut self, scale: Scale, level: u8) {
        if let Some(slot) = self.0.get_mut(scale.index()) {
            *slot = level;
        }
    }

    /// The same with `scale` set to `level`.
    #[must_use]
    pub fn with(mut self, scale: Scale, level: u8) -> Self {
        self.set(scale, level);
        self
    }
}

impl From<BTreeMap<Scale, u8>> for Levels {
    fn from(numbers: BTreeMap<Scale, u8>) -> Self {
        numbers.into_iter().fold(Self::default(), |levels, (scale, number)| levels.with(scale, number))
    }
}

impl From<Levels> for BTreeMap<Scale, u8> {
    fn from(levels: Levels) -> Self {
        Scale::ALL.into_iter().map(|scale| (scale, levels.get(scale))).collect()
    }
}

/// How a fact is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strength {
    /// 0: nobody knows.
    #[default]
    Unknown,
    /// 1: somebody says so.
    Claimed,
    /// 2: a contract says so.
    Contract,
    /// 3: an independent audit found so.
    Certified,
    /// 4: we verified it cryptographically.
    Verified,
}

impl Strength {
    /// 0 to 4, as terms compare it.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Unknown => 0,
            Self::Claimed => 1,
            Self::Contract => 2,
            Self::Certified => 3,
            Self::Verified => 4,
        }
    }
}
