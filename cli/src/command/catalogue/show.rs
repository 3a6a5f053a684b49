//! `comity catalogue show`: everything about one offering, bloc, law or country, with who says so.

use std::collections::BTreeSet;

use comity_catalogue::{BlocView, Catalogue, FactView, Law, LawGiver, Reach, World};
use comity_vocab::{BlocId, Instant, Jurisdiction, Offering, OfferingId, Strength};
use serde_json::{Value, json};

use super::{At, From, words};
use crate::clock;
use crate::exit::{Exit, Failure};
use crate::output::{self, FAINT, Output, Table, styled};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// An offering (`operator/model@place`), a bloc (`eu_adequate`), a law (`us-cloud-act`), or a country (`FR`)
    what: String,
    /// Why each country can compel access to calls of the offering: by which fact, and under which laws
    #[arg(long)]
    why: bool,
    #[command(flatten)]
    from: From,
    #[command(flatten)]
    at: At,
}

pub(super) fn run(args: &Args, output: Output) -> anyhow::Result<Exit> {
    let catalogue = args.from.load()?;
    let shown = Shown { catalogue: &catalogue, instant: args.at.instant(), output };
    if let Ok(id) = args.what.parse::<OfferingId>() {
        return shown.offering(&id, args.why);
    }
    if args.why {
        let failure = Failure::new(Exit::Usage, format!("`--why` explains an offering, and `{}` is none", args.what));
        return Err(failure.hint("name one as `comity catalogue list` shows it").into());
    }
    if let Some(bloc) = catalogue.blocs().find(|bloc| bloc.id.as_str() == args.what) {
        return shown.bloc(&bloc);
    }
    if let Some(law) = catalogue.laws().find(|law| law.id == args.what) {
        return shown.law(law);
    }
    let code = args.what.parse::<Jurisdiction>().ok();
    match code.and_then(|code| catalogue.jurisdictions().find(|(known, _)| *known == code)) {
        Some((code, name)) => shown.country(code, name),
        None => Err(nothing_of_that_name(&catalogue, &args.what).into()),
    }
}

fn nothing_of_that_name(catalogue: &Catalogue, wanted: &str) -> Failure {
    let world = catalogue.at(clock::now());
    let upper = wanted.to_uppercase();
    let meant = world.mistaken.get(&upper).copied().or_else(|| upper.parse().ok().filter(|code| world.jurisdictions.contains(code)));
    if let Some(code) = meant {
        return Failure::new(Exit::Failed, format!("there is no country `{wanted}`")).hint(format!("did you mean `{code}`?"));
    }
    let offerings = catalogue.offering_ids().map(ToString::to_string);
    let blocs = catalogue.blocs().map(|bloc| bloc.id.to_string());
    let laws = catalogue.laws().map(|law| law.id.clone());
    let near = offerings.chain(blocs).chain(laws).max_by(|a, b| {
        let similarity = |id: &str| strsim::jaro_winkler(id, wanted);
        similarity(a).total_cmp(&similarity(b))
    });
    let kind = if wanted.contains('/') { "offering" } else { "offering, bloc, law or country" };
    let failure = Failure::new(Exit::Failed, format!("there is no {kind} `{wanted}`"));
    failure.hint(near.map_or_else(
        || "run `comity catalogue list`".to_owned(),
        |near| format!("did you mean `{near}`? `comity catalogue list` shows all offerings"),
    ))
}

/// What is shown, of which day, and how.
struct Shown<'c> {
    catalogue: &'c Catalogue,
    instant: Instant,
    output: Output,
}

// === impl Shown ===

impl Shown<'_> {
    fn offering(&self, id: &OfferingId, why: bool) -> anyhow::Result<Exit> {
        let world = self.catalogue.at(self.instant);
        let (Some(facts), Some(offering)) = (self.catalogue.facts(id, self.instant), world.offerings.get(id)) else {
            return Err(nothing_of_that_name(self.catalogue, id.as_str()).into());
        };
        let reach = if why { self.catalogue.compelled(id, self.instant) } else { Vec::new() };
        match self.output {
            Output::Json => {
                let mut shown = json!({ "offering": offering, "facts": facts.iter().map(fact_json).collect::<Vec<_>>() });
                if let (true, Value::Object(fields)) = (why, &mut shown) {
                    fields.insert("compellable_by".to_owned(), reach.iter().map(reach_json).collect());
                }
                output::json(&shown)?;
            }
            Output::Human => {
                output::data(&styled(output::STRONG, id))?;
                output::data("")?;
                output::data(&facts_table(&facts).render(output::width()))?;
                output::data("")?;
                output::data(&derived(offering, &world).render(output::width()))?;
                if why {
                    output::data("")?;
                    print_reach(&reach)?;
                }
            }
        }
        Ok(Exit::Ok)
    }

    fn bloc(&self, bloc: &BlocView) -> anyhow::Result<Exit> {
        if self.output == Output::Json {
            output::json(&bloc_json(bloc))?;
            return Ok(Exit::Ok);
        }
        output::data(&format!("{}  {}", styled(output::STRONG, &bloc.id), bloc.name))?;
        if let Some(note) = &bloc.note {
            output::data(&output::wrap(note, "", ""))?;
        }
        self.sources(&bloc.source, bloc.read.as_deref(), [("as of", bloc.as_of.as_deref()), ("review by", bloc.review.as_deref())])?;
        output::data("")?;
        if bloc.members.is_empty() {
            return output::data("no members").map(|()| Exit::Ok);
        }
        let mut table = Table::new(&["member", "since", "until", "only with", "source"]);
        for member in &bloc.members {
            let past = member.until <= self.instant || member.since > self.instant;
            let own = if member.source == bloc.source { "as above".to_owned() } else { member.source.clone() };
            let until = if member.until == Instant::MAX { "-".to_owned() } else { clock::date(member.until) };
            let only_with = member.only_with.clone().unwrap_or_else(|| "-".to_owned());
            let cells = [member.jurisdiction.to_string(), clock::date(member.since), until, only_with, own];
            table.row(cells.into_iter().map(|cell| if past { styled(FAINT, cell) } else { cell }).collect());
        }
        output::data(&table.render(output::width()))?;
        Ok(Exit::Ok)
    }

    fn law(&self, law: &Law) -> anyhow::Result<Exit> {
        if self.output == Output::Json {
            output::json(&law_json(law))?;
            return Ok(Exit::Ok);
        }
        output::data(&format!("{}  {}", styled(output::STRONG, &law.id), law.name))?;
        let day = |day: Option<jiff::civil::Date>| day.map_or_else(|| "-".to_owned(), |day| day.to_string());
        let links: Vec<&str> = law.binds.iter().map(String::as_str).collect();
        let reach = if law.extraterritorial { "also data kept abroad" } else { "its text does not say that it reaches data kept abroad" };
        let mut table = Table::new(&["", ""]);
        let mut row = |name: &str, value: String| table.row(vec![name.to_owned(), value]);
        row("of", giver(law));
        row("citation", law.citation.clone());
        row("binds", law.who.clone());
        row("compels", law.access.clone());
        row("reaches", reach.to_owned());
        row("through", if links.is_empty() { "no fact of an offering".to_owned() } else { links.join(", ") });
        row("since", day(law.since));
        if law.until.is_some() {
            row("until", day(law.until));
        }
        if let Some(note) = &law.note {
            row("note", note.clone());
        }
        output::data(&table.render(output::width()))?;
        let (as_of, review) = (law.as_of.map(|day| day.to_string()), law.review.map(|day| day.to_string()));
        self.sources(&law.source, law.read.as_deref(), [("as of", as_of.as_deref()), ("review by", review.as_deref())])?;
        Ok(Exit::Ok)
    }

    fn country(&self, code: Jurisdiction, name: &str) -> anyhow::Result<Exit> {
        let blocs: Vec<BlocView> =
            self.catalogue.blocs().filter(|bloc| bloc.members.iter().any(|member| member.jurisdiction == code)).collect();
        let laws: Vec<&Law> =
            self.catalogue.laws().filter(|law| law.of == LawGiver::Jurisdiction(code) && law.applies(self.instant)).collect();
        let world = self.catalogue.at(self.instant);
        let processed =
            world.offerings.values().filter(|offering| offering.origin.processed_in.known().is_some_and(|known| known.contains(&code)));
        let processed = processed.count();
        let controlled = world.offerings.values().filter(|offering| offering.origin.control == code).count();
        if self.output == Output::Json {
            let ids = |blocs: &[BlocView]| blocs.iter().map(|bloc| bloc.id.to_string()).collect::<Vec<_>>();
            output::json(&json!({
                "jurisdiction": code, "name": name, "blocs": ids(&blocs), "laws": laws.iter().map(|law| law_json(law)).collect::<Vec<_>>(),
                "offerings_processed_here": processed, "offerings_controlled_from_here": controlled,
            }))?;
            return Ok(Exit::Ok);
        }
        output::data(&format!("{}  {name}", styled(output::STRONG, code)))?;
        output::data(&format!("offerings: {processed} processed here, {controlled} controlled from here"))?;
        let mut memberships = Table::new(&["bloc", "since", "until", "only with"]);
        for bloc in &blocs {
            for member in bloc.members.iter().filter(|member| member.jurisdiction == code) {
                let until = if member.until == Instant::MAX { "-".to_owned() } else { clock::date(member.until) };
                let only_with = member.only_with.clone().unwrap_or_else(|| "-".to_owned());
                memberships.row(vec![bloc.id.to_string(), clock::date(member.since), until, only_with]);
            }
        }
        if !blocs.is_empty() {
            output::data("")?;
            output::data(&memberships.render(output::width()))?;
        }
        let mut listed = Table::new(&["law that compels access", "", "abroad"]);
        for law in &laws {
            listed.row(vec![law.id.clone(), law.name.clone(), if law.extraterritorial { "yes" } else { "not said" }.to_owned()]);
        }
        if !laws.is_empty() {
            output::data("")?;
            output::data(&listed.render(output::width()))?;
        }
        output::say("\nA law or a membership that is not listed may still exist. No legal advice.");
        Ok(Exit::Ok)
    }

    fn sources(&self, source: &str, read: Option<&str>, days: [(&str, Option<&str>); 2]) -> anyhow::Result<()> {
        output::data(&output::wrap(source, "source: ", "  "))?;
        output::data(&output::wrap(read.unwrap_or("by nobody"), "read: ", "  "))?;
        let days = days.iter().filter_map(|(name, day)| day.map(|day| format!("{name} {day}")));
        output::data(&days.collect::<Vec<_>>().join(", "))
    }
}

fn facts_table(facts: &[FactView]) -> Table {
    let mut table = Table::new(&["fact", "value", "strength", "as of", "source"]);
    for fact in facts {
        let cells = [fact.name.clone(), value(fact), strength(fact), fact.as_of.clone().unwrap_or_else(|| "-".to_owned()), source(fact)];
        let style = |cell: String| if fact.overridden || fact.strength == Strength::Unknown { styled(FAINT, cell) } else { cell };
        table.row(cells.into_iter().map(style).collect());
    }
    table
}

fn value(fact: &FactView) -> String {
    if fact.expired { format!("unknown: {} expired", fact.value) } else { fact.value.clone() }
}

fn strength(fact: &FactView) -> String {
    let counts = words::strength(fact.strength);
    match (fact.overridden, fact.stated_strength) {
        (true, _) => format!("{counts} (overridden)"),
        (false, Some(stated)) => format!("{counts} (says {})", words::strength(stated)),
        (false, None) => counts.to_owned(),
    }
}

fn source(fact: &FactView) -> String {
    if fact.source.is_empty() {
        return "-".to_owned();
    }
    let expires = fact.expires.as_ref().map(|day| format!("; until {day}")).unwrap_or_default();
    format!("{}{expires} [{}:{}]", fact.source, fact.file, fact.line)
}

/// What follows from the facts on that day.
fn derived(offering: &Offering, world: &World) -> Table {
    let mut table = Table::new(&["derived", ""]);
    let mut row = |name: &str, value: String| table.row(vec![name.to_owned(), value]);
    let blocs = |blocs: &BTreeSet<BlocId>| words::joined(blocs);
    row("compellable_by", words::places(&offering.origin.compellable_by));
    row("processed_within", blocs(&offering.origin.processed_within));
    row("stored_within", blocs(&offering.origin.stored_within));
    row("compellable_within", blocs(&offering.origin.compellable_within));
    row("certified_in", blocs(&offering.assurance.certified_in));
    row("can be unretained", if offering.can_be_unretained { "yes" } else { "no" }.to_owned());
    if world.valid_until != Instant::MAX {
        row("next change of any fact", clock::date(world.valid_until));
    }
    table
}

fn print_reach(reach: &[Reach<'_>]) -> anyhow::Result<()> {
    output::data(&styled(output::STRONG, "whose authorities can compel access, and why"))?;
    for one in reach {
        let through = one.through.iter().map(|fact| format!("{} = {}", fact.name, value(fact))).collect::<Vec<_>>().join(", ");
        if one.jurisdiction.is_unknown() {
            output::data(&output::wrap(&format!("unknown, because this is: {through}"), "  ", "    "))?;
            continue;
        }
        output::data(&output::wrap(&format!("{}: {through}", one.jurisdiction), "  ", "    "))?;
        for fact in one.through.iter().filter(|fact| !fact.source.is_empty()) {
            let day = fact.as_of.as_deref().unwrap_or("no date");
            output::data(&output::wrap(&format!("{}: {}, {day}", fact.name, fact.source), "      ", "        "))?;
        }
        for law in &one.laws {
            let abroad = if law.extraterritorial { "; reaches data abroad" } else { "" };
            output::data(&output::wrap(&format!("law {}: {}, {}{abroad}", law.id, law.name, law.citation), "      ", "        "))?;
        }
        if one.laws.is_empty() {
            output::data("      no law is listed, which does not mean that there is none")?;
        }
    }
    output::say("\nDerived from operator, control and places, unless a source says it itself. A description, no legal advice.");
    Ok(())
}

fn fact_json(fact: &FactView) -> Value {
    json!({
        "name": fact.name, "value": fact.value, "source": fact.source, "read": fact.read, "as_of": fact.as_of,
        "strength": words::strength(fact.strength), "stated_strength": fact.stated_strength.map(words::strength),
        "expires": fact.expires, "review": fact.review, "file": fact.file, "line": fact.line, "overridden": fact.overridden,
        "expired": fact.expired,
    })
}

fn reach_json(reach: &Reach<'_>) -> Value {
    json!({
        "jurisdiction": reach.jurisdiction, "through": reach.through.iter().map(fact_json).collect::<Vec<_>>(),
        "laws": reach.laws.iter().map(|law| law.id.as_str()).collect::<Vec<_>>(),
    })
}

fn bloc_json(bloc: &BlocView) -> Value {
    let member = |member: &comity_catalogue::MemberView| {
        let until = (member.until != Instant::MAX).then(|| clock::date(member.until));
        json!({
            "jurisdiction": member.jurisdiction, "since": clock::date(member.since), "until": until, "only_with": member.only_with,
            "source": member.source,
        })
    };
    json!({
        "id": bloc.id, "name": bloc.name, "note": bloc.note, "source": bloc.source, "read": bloc.read, "as_of": bloc.as_of,
        "review": bloc.review, "members": bloc.members.iter().map(member).collect::<Vec<_>>(),
    })
}

fn law_json(law: &Law) -> Value {
    let day = |day: Option<jiff::civil::Date>| day.map(|day| day.to_string());
    json!({
        "id": law.id, "name": law.name, "of": giver(law), "citation": law.citation, "who": law.who, "access": law.access,
        "binds": law.binds, "extraterritorial": law.extraterritorial, "since": day(law.since), "until": day(law.until), "note": law.note,
        "source": law.source, "read": law.read, "as_of": day(law.as_of), "review": day(law.review),
    })
}

fn giver(law: &Law) -> String {
    match &law.of {
        LawGiver::Jurisdiction(code) => code.to_string(),
        LawGiver::Bloc(bloc) => bloc.to_string(),
    }
}
