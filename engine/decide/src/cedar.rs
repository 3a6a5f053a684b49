//! From Comity's facts to Cedar's entities and values. The only place that knows both.
//!
//! INVARIANT: an unknown set of places becomes every jurisdiction and `XX`, never an empty set.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::str::FromStr;

use cedar_policy::{Context, Entities, Entity, EntityId, EntityTypeName, EntityUid, RestrictedExpression as Value};
use comity_catalogue::World;
use comity_vocab::{Action, BlocId, Call, Data, Jurisdiction, Levels, Means, MeansSet, Offering, OfferingId, Places, Scale, Workload};

/// Jurisdictions and blocs of one world.
pub(crate) fn place_entities(world: &World) -> Entities {
    let everywhere = world.jurisdictions.iter().chain([&Jurisdiction::UNKNOWN]).copied().collect();
    entities(Entities::empty(), places(everywhere, world))
}

/// The same with some offerings added.
pub(crate) fn with_offerings(base: Entities, offerings: impl Iterator<Item = Entity>) -> Entities {
    entities(base, offerings)
}

/// What a decision on this one offering can touch: it, the jurisdictions that it or the terms name, and the blocs. Small, so that an
/// explanation can change a fact some hundred times.
pub(crate) fn offering_entities(
    offering: &Offering,
    named: &BTreeSet<(String, String)>,
    (world, everywhere): (&World, &Value),
) -> Entities {
    let origin = &offering.origin;
    let literals = named.iter().filter(|(kind, _)| kind == "Jurisdiction").filter_map(|(_, name)| name.parse().ok());
    let touched = [origin.operator, origin.control, origin.developer, origin.governing_law].into_iter().chain(literals);
    entities(Entities::empty(), [offering_entity(offering, everywhere)].into_iter().chain(places(touched.collect(), world)))
}

fn places(jurisdictions: BTreeSet<Jurisdiction>, world: &World) -> impl Iterator<Item = Entity> {
    let jurisdictions = jurisdictions.into_iter().map(|jurisdiction| {
        let blocs = world.blocs.iter().filter(|(_, members)| members.contains(&jurisdiction) && !jurisdiction.is_unknown());
        Entity::new_no_attrs(uid("Jurisdiction", jurisdiction.as_str()), blocs.map(|(bloc, _)| bloc_uid(bloc)).collect())
    });
    jurisdictions.chain(world.blocs.keys().map(|bloc| Entity::new_no_attrs(bloc_uid(bloc), HashSet::new())))
}

/// The same with the workload and its units added.
pub(crate) fn with_workload(base: Entities, workload: &Workload) -> Entities {
    let lineage: Vec<&str> = workload.unit.lineage().collect();
    let units = lineage.iter().enumerate().map(|(at, unit)| {
        let parents = lineage.get(at + 1).map(|parent| uid("Unit", parent)).into_iter().collect();
        entity(uid("Unit", unit), [("sector", Value::new_string(workload.sector.clone()))], parents)
    });
    let who = entity(
        workload_uid(workload),
        [("clearance", number(workload.clearance.number())), ("critical", Value::new_bool(workload.critical))],
        HashSet::from([uid("Unit", workload.unit.as_str())]),
    );
    entities(base, units.chain([who]))
}

/// Every jurisdiction and `XX`: what unknown places are.
pub(crate) fn everywhere(world: &World) -> Value {
    jurisdictions(world.jurisdictions.iter().chain([&Jurisdiction::UNKNOWN]))
}

pub(crate) fn context(call: &Call, means: MeansSet, everywhere: &Value) -> Context {
    let set = |what: Means| Value::new_bool(means.contains(what));
    let means = record([
        ("unretained", set(Means::Unretained)),
        ("pseudonymised", set(Means::Pseudonymised)),
        ("attested", set(Means::Attested)),
        ("sealed", set(Means::Sealed)),
    ]);
    let pairs = [("data", data(&call.data, everywhere)), ("means", means), ("purpose", Value::new_string(call.purpose.clone()))];
    #[expect(clippy::expect_used, reason = "the names are distinct and the values are built here")]
    Context::from_pairs(pairs.map(|(name, value)| (name.to_owned(), value))).expect("a context of distinct names")
}

pub(crate) fn workload_uid(workload: &Workload) -> EntityUid {
    uid("Workload", workload.id.as_str())
}

pub(crate) fn offering_uid(id: &OfferingId) -> EntityUid {
    uid("Offering", id.as_str())
}

pub(crate) fn action_uid(action: Action) -> EntityUid {
    uid("Action", action.name())
}

pub(crate) fn prefer_uid() -> EntityUid {
    uid("Action", "prefer")
}

pub(crate) fn uid(kind: &str, id: &str) -> EntityUid {
    #[expect(clippy::expect_used, reason = "the type names are constants of this room")]
    let kind = EntityTypeName::from_str(kind).expect("a type name of the schema");
    EntityUid::from_type_name_and_id(kind, EntityId::new(id))
}

fn bloc_uid(bloc: &BlocId) -> EntityUid {
    uid("Bloc", bloc.as_str())
}

fn data(data: &Data, everywhere: &Value) -> Value {
    let subjects = data.subjects.known().map_or_else(|| everywhere.clone(), |known| jurisdictions(known.iter()));
    record([
        ("classification", number(data.classification.number())),
        ("personal", Value::new_bool(data.personal)),
        ("special_category", Value::new_bool(data.special_category)),
        ("secrets", Value::new_bool(data.secrets)),
        ("opaque", Value::new_bool(data.opaque)),
        ("remote", strings(&data.remote)),
        ("detector", number(data.detector)),
        ("kinds", strings(&data.kinds)),
        ("subjects", subjects),
    ])
}

/// One offering. Dear where its places are unknown, since unknown is everywhere: made once, and shared.
pub(crate) fn offering_entity(offering: &Offering, everywhere: &Value) -> Entity {
    let origin = &offering.origin;
    let one = |jurisdiction: Jurisdiction| Value::new_entity_uid(uid("Jurisdiction", jurisdiction.as_str()));
    let many = |places: &Places| match places.known() {
        Some(known) => jurisdictions(known.iter()),
        None => everywhere.clone(),
    };
    let origin = record([
        ("operator", one(origin.operator)),
        ("control", one(origin.control)),
        ("developer", one(origin.developer)),
        ("governing_law", one(origin.governing_law)),
        ("processed_in", many(&origin.processed_in)),
        ("stored_in", many(&origin.stored_in)),
        ("compellable_by", many(&origin.compellable_by)),
        ("hardware", many(&origin.hardware)),
        ("processed_within", blocs(&origin.processed_within)),
        ("stored_within", blocs(&origin.stored_within)),
        ("compellable_within", blocs(&origin.compellable_within)),
    ]);
    let assurance = &offering.assurance;
    let assurance = record([
        ("level", levels(&assurance.level)),
        ("strength", levels(&assurance.strength)),
        ("certifications", strings(&assurance.certifications)),
        ("transfer", strings(&assurance.transfer)),
        ("certified_by", jurisdictions(assurance.certified_by.iter())),
        ("certified_in", blocs(&assurance.certified_in)),
    ]);
    let attributes = [("origin", origin), ("assurance", assurance), ("open_weights", Value::new_bool(offering.open_weights))];
    entity(offering_uid(&offering.id), attributes, HashSet::new())
}

fn levels(levels: &Levels) -> Value {
    record(Scale::ALL.map(|scale| (scale.name(), number(levels.get(scale)))))
}

fn number(number: u8) -> Value {
    Value::new_long(i64::from(number))
}

fn strings(strings: &BTreeSet<String>) -> Value {
    Value::new_set(strings.iter().map(|text| Value::new_string(text.clone())))
}

fn jurisdictions<'a>(members: impl Iterator<Item = &'a Jurisdiction>) -> Value {
    Value::new_set(members.map(|jurisdiction| Value::new_entity_uid(uid("Jurisdiction", jurisdiction.as_str()))))
}

fn blocs(blocs: &BTreeSet<BlocId>) -> Value {
    Value::new_set(blocs.iter().map(|bloc| Value::new_entity_uid(bloc_uid(bloc))))
}

fn record<const N: usize>(pairs: [(&str, Value); N]) -> Value {
    #[expect(clippy::expect_used, reason = "the names are distinct constants of this room")]
    Value::new_record(pairs.map(|(name, value)| (name.to_owned(), value))).expect("a record of distinct names")
}

fn entity<const N: usize>(uid: EntityUid, attributes: [(&str, Value); N], parents: HashSet<EntityUid>) -> Entity {
    let attributes: HashMap<String, Value> = attributes.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    #[expect(clippy::expect_used, reason = "the values are literals, which always evaluate")]
    Entity::new(uid, attributes, parents).expect("an entity of literals")
}

fn entities(base: Entities, more: impl Iterator<Item = Entity>) -> Entities {
    #[expect(clippy::expect_used, reason = "ids are keys of maps, and units, blocs and jurisdictions cannot form a cycle")]
    base.add_entities(more, None).expect("distinct entities without a cycle")
}
